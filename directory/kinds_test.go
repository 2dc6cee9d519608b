package directory_test

import (
	"testing"

	"github.com/usher-scim/usher/directory"
)

func TestKindsAreThoseThatAreKnown(t *testing.T) {
	t.Parallel()
	for _, kind := range directory.Kinds() {
		if got, err := directory.ParseKind(string(kind)); got != kind || err != nil {
			t.Errorf("%s: got %q, %v", kind, got, err)
		}
	}
	if got, err := directory.ParseKind(""); got != directory.Generic || err != nil {
		t.Errorf("no kind: got %q, %v, want generic", got, err)
	}
	const want = `the kind "Okta" is not one of generic, okta, entra, onelogin, jumpcloud, rippling, google and pingone`
	if _, err := directory.ParseKind("Okta"); err == nil || err.Error() != want || directory.CodeOf(err) != directory.Invalid {
		t.Errorf("got %v, want %s", err, want)
	}
	h := newHouse(t)
	if _, _, err := h.d.AddSource(t.Context(), admin(), directory.NewSource{Name: "hr", Kind: "workday"}); directory.CodeOf(err) != directory.Invalid {
		t.Errorf("a source of a kind that there is not: got %v, want it refused", err)
	}
}
