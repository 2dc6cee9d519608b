package adapters

import (
	"encoding/json"
	"log/slog"
)

// Secret is a credential in an adapter's settings. In the file it may be written as a
// reference ({env: NAME}, {file: PATH}, {secret: NAME}), which the server resolves
// before Open. However it is printed or encoded, its value does not show; an adapter
// that needs the value converts it: string(s).
type Secret string

const hidden = "[hidden]"

// String returns a placeholder, or "" for an empty secret.
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return hidden
}

// GoString returns what String does, for %#v.
func (s Secret) GoString() string { return s.String() }

// MarshalJSON encodes what String returns.
func (s Secret) MarshalJSON() ([]byte, error) { return json.Marshal(s.String()) }

// MarshalYAML encodes what String returns.
func (s Secret) MarshalYAML() (any, error) { return s.String(), nil }

// LogValue logs what String returns.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }
