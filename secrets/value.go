package secrets

import (
	"fmt"
	"log/slog"
)

// hidden is what a Value shows of itself.
const hidden = "[secret]"

// Value is a secret in memory. However it is printed, logged or marshalled, it
// shows that there is one and never what it is; Reveal gives it to whoever needs it.
type Value struct{ plain string }

// NewValue wraps a secret.
func NewValue(plain string) Value { return Value{plain: plain} }

// Reveal returns the secret itself.
func (v Value) Reveal() string { return v.plain }

// String hides the secret.
func (v Value) String() string { return hidden }

// Format hides the secret under every verb and flag.
func (v Value) Format(s fmt.State, _ rune) {
	// A failed write is the writer's to report; fmt offers no way to do it here.
	_, _ = s.Write([]byte(hidden))
}

// LogValue hides the secret in logs.
func (v Value) LogValue() slog.Value { return slog.StringValue(hidden) }

// MarshalText hides the secret in JSON and every other text encoding.
func (v Value) MarshalText() ([]byte, error) { return []byte(hidden), nil }

// MarshalYAML hides the secret in YAML.
func (v Value) MarshalYAML() (any, error) { return hidden, nil }
