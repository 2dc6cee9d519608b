package suggest

import (
	"strings"
	"testing"
)

func TestNearest(t *testing.T) {
	t.Parallel()
	known := []string{"connection", "grants", "mode", "teams"}
	for word, want := range map[string]string{
		"connexion":               "connection",
		"Grant":                   "grants",
		"mdoe":                    "mode",
		"team":                    "teams",
		"mode":                    "mode",
		"conn":                    "connection",
		"webhook":                 "",
		strings.Repeat("x", 1000): "",
	} {
		if got := Nearest(word, known); got != want {
			t.Errorf("%.20q: got %q, want %q", word, got, want)
		}
	}
	if got := Nearest("x", nil); got != "" {
		t.Errorf("nothing known: got %q", got)
	}
}
