package main

import (
	"testing"
	"time"
)

func TestParseLife(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]time.Duration{"": 0, "90d": 90 * 24 * time.Hour, "12h": 12 * time.Hour, "1s": time.Second, "3650d": 3650 * 24 * time.Hour} {
		if got, ok := parseLife(text); !ok || got != want {
			t.Errorf("%q: got %v, %v, want %v", text, got, ok, want)
		}
	}
	for _, text := range []string{"0", "0d", "-1d", "d", "90", "1.5d", "500ms", "-1h", "3651d", "99999999999999999999d", "soon"} {
		if got, ok := parseLife(text); ok {
			t.Errorf("%q is taken as %v", text, got)
		}
	}
}
