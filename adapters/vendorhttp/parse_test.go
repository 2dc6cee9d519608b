package vendorhttp

import (
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"pgregory.net/rapid"
)

var noon = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

func TestRetryAfter(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		want time.Duration
		ok   bool
	}{
		"":                               {0, false},
		"soon":                           {0, false},
		"NaN":                            {0, false},
		strings.Repeat("1", 65):          {0, false},
		"5":                              {5 * time.Second, true},
		" 5 ":                            {5 * time.Second, true},
		"1.5":                            {1500 * time.Millisecond, true},
		"0":                              {MinAfter, true},
		"-30":                            {MinAfter, true},
		"1e300":                          {MaxAfter, true},
		"Inf":                            {MaxAfter, true},
		"9223372036854775807":            {MaxAfter, true},
		"Mon, 02 Mar 2026 12:01:00 GMT":  {time.Minute, true},
		"Monday, 02-Mar-26 12:01:00 GMT": {time.Minute, true},
		"Mon, 02 Mar 2026 11:00:00 GMT":  {MinAfter, true},
		"2026-03-02T12:10:00Z":           {10 * time.Minute, true},
		"2026-03-02T13:10:00+01:00":      {10 * time.Minute, true},
		"2026-03-02T12:10:00.250Z":       {10*time.Minute + 250*time.Millisecond, true},
		"2026-03-02T12:10:00":            {10 * time.Minute, true},
		"2026-03-03":                     {12 * time.Hour, true},
		"2999-01-01T00:00:00Z":           {MaxAfter, true},
		"0001-01-01T00:00:00Z":           {MinAfter, true},
	}
	for value, tc := range tests {
		if got, ok := retryAfter(value, noon); got != tc.want || ok != tc.ok {
			t.Errorf("%q: got %s, %t, want %s, %t", value, got, ok, tc.want, tc.ok)
		}
	}
}

func TestReset(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]time.Duration{
		"30":                   30 * time.Second,
		"1772452860":           time.Minute, // 12:01:00 in Unix seconds
		"1772452860000":        time.Minute, // in milliseconds
		"1772452000":           MinAfter,
		"99999999999999999999": MaxAfter,
		"2026-03-02T12:01:00Z": time.Minute,
		"-5":                   MinAfter,
	} {
		if got, ok := reset(value, noon); got != want || !ok {
			t.Errorf("%q: got %s, %t, want %s", value, got, ok, want)
		}
	}
}

func FuzzRetryAfter(f *testing.F) {
	for _, seed := range []string{"5", "-1", "Mon, 02 Mar 2026 12:01:00 GMT", "2026-03-02T12:10:00Z", "1772452860", "NaN", "0x10", "1_000"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, value string) {
		for name, parse := range map[string]func(string, time.Time) (time.Duration, bool){"retryAfter": retryAfter, "reset": reset} {
			if d, ok := parse(value, noon); ok && (d < MinAfter || d > MaxAfter) || !ok && d != 0 {
				t.Errorf("%s(%q): got %s, %t, want one within bounds", name, value, d, ok)
			}
		}
	})
}

func TestParseBase(t *testing.T) {
	t.Parallel()
	tests := map[string]string{ // part of the error, "" for none
		"https://acme.gorgias.com/api":        "",
		"https://acme.gorgias.com/api/":       "",
		"https://api.zoom.us:8443/v2":         "",
		"http://127.0.0.1:8490/api":           "",
		"http://[::1]:8490/api":               "",
		"http://localhost:8490":               "",
		"http://acme.gorgias.com/api":         "plain http is allowed to this machine only",
		"http://127.0.0.1.evil.example/api":   "plain http is allowed to this machine only",
		"http://localhost.evil.example/api":   "plain http is allowed to this machine only",
		"https://user:secret@acme.example":    "user name or password",
		"http://user@127.0.0.1/api":           "user name or password",
		"https://acme.example/api?key=secret": "query or fragment",
		"https://acme.example/api?":           "query or fragment",
		"https://acme.example/api#x":          "query or fragment",
		"ftp://acme.example":                  "must begin with https://",
		"acme.example":                        "must begin with https://",
		"":                                    "must begin with https://",
		"https://":                            "has no host",
		"https://:443":                        "has no host",
		"https://a b.example/secret":          "not a valid URL",
	}
	for in, want := range tests {
		_, err := ParseBase(in)
		switch {
		case want == "" && err != nil, want != "" && (err == nil || !strings.Contains(err.Error(), want)):
			t.Errorf("%q: got %v, want %q", in, err, want)
		case err != nil && strings.Contains(err.Error(), "secret"):
			t.Errorf("%q: the error shows a secret: %v", in, err)
		}
	}
}

func TestCleanProperties(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		in := string(rapid.SliceOfN(rapid.Byte(), 0, 400).Draw(t, "in"))
		limit := rapid.IntRange(8, 120).Draw(t, "limit")
		out := Clean(in, limit)
		if len(out) > limit || !utf8.ValidString(out) {
			t.Fatalf("got %d bytes, valid %t, want at most %d and valid", len(out), utf8.ValidString(out), limit)
		}
		if strings.ContainsFunc(out, unicode.IsControl) || strings.Contains(out, "  ") {
			t.Fatalf("got %q, want no control characters and single spaces", out)
		}
		if again := Clean(out, limit); again != out {
			t.Fatalf("got %q, then %q, want the same", out, again)
		}
	})
}

func TestExpandKeepsItsSegments(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		arg := rapid.String().Draw(t, "arg")
		path, err := expand("/users/{id}/email", []string{arg})
		if err != nil {
			if arg != "" && arg != "." && arg != ".." {
				t.Fatalf("got %v for %q, want a path", err, arg)
			}
			return
		}
		if n := strings.Count(path, "/"); n != 3 || strings.ContainsAny(path, "?#{}") {
			t.Fatalf("got %q for %q, want three segments", path, arg)
		}
	})
}
