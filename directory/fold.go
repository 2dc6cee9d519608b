package directory

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Fold returns the form under which names compare without regard to case: by
// Unicode simple folding, so that Fold(a) == Fold(b) exactly when
// strings.EqualFold(a, b). ASCII comes out in lower case. The result is for
// comparing, not for showing.
func Fold(s string) string {
	for i := range len(s) {
		if c := s[i]; c >= utf8.RuneSelf {
			return strings.Map(foldRune, s)
		}
	}
	return strings.ToLower(s)
}

// foldRune returns the same rune for all runes that fold together: an ASCII lower
// case letter where there is one (the Kelvin sign is a k), else the lowest of them.
func foldRune(r rune) rune {
	lowest := r
	for next := unicode.SimpleFold(r); next != r; next = unicode.SimpleFold(next) {
		lowest = min(lowest, next)
	}
	if 'A' <= lowest && lowest <= 'Z' {
		return lowest + 'a' - 'A'
	}
	return lowest
}
