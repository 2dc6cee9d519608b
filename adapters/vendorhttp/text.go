package vendorhttp

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/usher-scim/usher/adapters"
)

// Clean makes a vendor's text fit for an error: invalid UTF-8 and control characters become spaces,
// runs of them one, and what is longer than limit bytes is cut at a character.
func Clean(s string, limit int) string {
	if len(s) > 4*limit {
		s = s[:4*limit]
	}
	s = strings.Map(func(r rune) rune {
		if r == utf8.RuneError || unicode.IsControl(r) || unicode.Is(unicode.Cf, r) {
			return ' '
		}
		return r
	}, s)
	s = strings.Join(strings.Fields(s), " ")
	if len(s) <= limit {
		return s
	}
	cut := limit - len("…")
	for cut > 0 && !utf8.RuneStart(s[cut]) {
		cut--
	}
	return s[:cut] + "…"
}

// tokenShapes are texts that look like credentials, whoever's they are.
var tokenShapes = regexp.MustCompile(`(?i)\bbearer\s+[\w.~+/=-]{8,}` +
	`|\bbasic\s+[\w+/]{20,}=*` +
	`|\beyJ[\w-]+(\.[\w-]*)*` +
	`|\b(access_token|refresh_token|client_secret|api_key|apikey|password|assertion)["']?\s*[=:]\s*["']?[^\s"'&,}]+` +
	`|://[^\s/@]+@`)

// scrubber takes credentials out of texts.
type scrubber struct{ known *strings.Replacer }

// newScrubber knows the given secrets; ones shorter than 6 bytes are left to tokenShapes, because
// they would hit ordinary words.
func newScrubber(secrets []adapters.Secret) *scrubber {
	var pairs []string
	for _, s := range secrets {
		if len(s) >= 6 {
			pairs = append(pairs, string(s), "[hidden]")
		}
	}
	return &scrubber{known: strings.NewReplacer(pairs...)}
}

// clean takes the known secrets, what looks like one, and the credential just sent (the value of
// an Authorization header) out of text before it is cut, so that no half of one stays.
func (s *scrubber) clean(text, sent string, limit int) string {
	text = s.known.Replace(Clean(text, 16*limit))
	if _, value, ok := strings.Cut(sent, " "); ok && value != "" {
		text = strings.ReplaceAll(text, value, "[hidden]")
	}
	return Clean(tokenShapes.ReplaceAllString(text, "[hidden]"), limit)
}
