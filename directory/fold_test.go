package directory_test

import (
	"strings"
	"testing"
	"unicode"

	"pgregory.net/rapid"

	"github.com/usher-scim/usher/directory"
)

func TestFold(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"":                 "",
		"Kim@ACME.example": "kim@acme.example",
		"\u212Aim":         "kim", // the Kelvin sign
		"\u017Flow":        "slow",
	} {
		equal(t, "fold "+in, directory.Fold(in), want)
	}
	for _, same := range [][2]string{{"ÄÖÜ", "äöü"}, {"Σίσυφος", "ΣΊΣΥΦΟΣ"}, {"ẞ", "ß"}, {"Ǆ", "ǅ"}} {
		if directory.Fold(same[0]) != directory.Fold(same[1]) {
			t.Errorf("%s and %s are not the same", same[0], same[1])
		}
	}
	for _, differ := range [][2]string{{"ß", "ss"}, {"İ", "i"}, {"ı", "i"}, {"é", "e"}} {
		if directory.Fold(differ[0]) == directory.Fold(differ[1]) {
			t.Errorf("%s and %s are the same", differ[0], differ[1])
		}
	}
}

func TestFoldIsEqualFold(t *testing.T) {
	t.Parallel()
	for r := rune(0); r <= unicode.MaxRune; r++ {
		next := unicode.SimpleFold(r)
		if directory.Fold(string(r)) != directory.Fold(string(next)) {
			t.Fatalf("%U and %U fold together, but differ", r, next)
		}
	}
	letters := rapid.StringOfN(rapid.SampledFrom([]rune("aAkK\u212AsSßẞiIİıσΣςäÄ\ufffd")), 0, 4, -1)
	rapid.Check(t, func(t *rapid.T) {
		a, b := letters.Draw(t, "a"), letters.Draw(t, "b")
		if got, want := directory.Fold(a) == directory.Fold(b), strings.EqualFold(a, b); got != want {
			t.Fatalf("%q and %q: got the same %v, want %v", a, b, got, want)
		}
		if directory.Fold(directory.Fold(a)) != directory.Fold(a) {
			t.Fatalf("%q does not fold to something that stays", a)
		}
	})
}
