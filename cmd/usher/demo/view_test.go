package demo

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

var update = flag.Bool("update", false, "write the golden files")

// page writes one of everything.
func page(v *view) {
	v.heading("Monday", "Okta pushes")
	v.prose("A paragraph that is long enough to be broken in a narrow terminal, and that says what the reader is about to see.")
	v.line(cameIn, "okta", "PATCH /Users/{kim.sato}  active = false", "200")
	v.line(cameIn, "", "the same for lee.novak", "1 ×")
	v.line(decided, "usher", "Zoom for Chloé Martin and Dina Ray: new account, basic; granted by entra/CX (line 20) and by nothing else", "+1.2 s")
	v.line(told, "gorgias", "DELETE /users/{kim.sato}", "+10.0 s")
	v.blank()
	v.settled("settled 3.1 s after the last request")
	v.trouble("kim.sato@acme.example has a Gorgias account (Kim Sato: observer-agent) and must have none")
	v.table([]string{"person", "Gorgias", "why"}, []int{12, 14}, [][]string{
		{"Chloé Martin", "basic-agent in French, Tier 1", "support"},
		{"Jo Keller", "–", "okta says active: false, and so does everybody else who was asked"},
	})
}

func TestViewIsLaidOutForTheWidth(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		width  int
		colour bool
	}{{"80", 80, false}, {"120", 120, false}, {"colour", 80, true}, {"narrow", 10, false}} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var b bytes.Buffer
			page(newView(Options{Out: &b, Width: tt.width, Colour: tt.colour}))
			path := filepath.Join("testdata", "view-"+tt.name+".txt")
			if *update {
				if err := os.WriteFile(path, b.Bytes(), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), b.String()); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func TestWrap(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		text  string
		width int
		want  []string
	}{
		{"", 10, []string{""}},
		{"short", 10, []string{"short"}},
		{"exactly 10", 10, []string{"exactly 10"}},
		{"one more too", 10, []string{"one more", "too"}},
		{"abcdefghijklm", 5, []string{"abcde", "fghij", "klm"}},
		{"Chloé Martín", 6, []string{"Chloé", "Martín"}},
		{"no room", 0, []string{"n", "o", "r", "o", "o", "m"}},
	} {
		if diff := cmp.Diff(tt.want, wrap(tt.text, tt.width)); diff != "" {
			t.Errorf("wrap(%q, %d): (-want +got)\n%s", tt.text, tt.width, diff)
		}
	}
}

func TestNoLineIsLongerThanTheTerminalAndNoWordIsLost(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		words := rapid.SliceOfN(rapid.StringMatching(`[a-zé=/{}]{1,40}`), 1, 30).Draw(t, "words")
		width := rapid.IntRange(narrowest, widest).Draw(t, "width")
		var b bytes.Buffer
		v := newView(Options{Out: &b, Width: width})
		v.line(decided, "usher", strings.Join(words, " "), "+1.0 s")
		for l := range strings.Lines(b.String()) {
			if n := utf8.RuneCountInString(strings.TrimRight(l, "\n")); n > width {
				t.Fatalf("a line has %d columns of %d: %q", n, width, l)
			}
		}
		got := strings.Join(strings.Fields(strings.Replace(b.String(), "+1.0 s", "", 1)), "")
		if want := "usher•" + strings.Join(words, ""); got != want {
			t.Fatalf("got %q, want %q", got, want)
		}
	})
}

func TestColoursAreOnlyThereWhenAskedFor(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	page(newView(Options{Out: &b}))
	if strings.Contains(b.String(), "\x1b") {
		t.Errorf("an escape sequence without Colour:\n%s", fmt.Sprintf("%q", b.String()))
	}
}
