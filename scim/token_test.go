package scim

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/usher-scim/usher/directory"
	"github.com/usher-scim/usher/scim/fault"
)

func TestLaw15AReadOnlyTokenMayNotWrite(t *testing.T) {
	t.Parallel()
	for _, method := range []string{http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete} {
		err := mayUse(directory.Token{ReadOnly: true}, method, Root+"/Users")
		if told, _ := err.(*fault.Error); told == nil || told.Status != http.StatusForbidden { //nolint:errorlint // as it is returned
			t.Errorf("%s with a read-only token: got %v, want 403", method, err)
		}
		if err := mayUse(directory.Token{}, method, Root+"/Users"); err != nil {
			t.Errorf("%s: got %v, want nil", method, err)
		}
	}
	if err := mayUse(directory.Token{ReadOnly: true}, http.MethodPost, Root+"/Users"+searchPath); err != nil {
		t.Errorf("a search reads: got %v, want nil", err)
	}
	if err := mayUse(directory.Token{ReadOnly: true}, http.MethodGet, Root+"/Users"); err != nil {
		t.Errorf("GET with a read-only token: got %v, want nil", err)
	}
}

func TestErrorsOfTheDirectoryOnTheWire(t *testing.T) {
	t.Parallel()
	for code, want := range map[directory.Code]fault.Error{
		directory.NotFound:     {Status: 404},
		directory.Uniqueness:   {Status: 409, Type: fault.Uniqueness},
		directory.Invalid:      {Status: 400, Type: fault.InvalidValue},
		directory.TooMany:      {Status: 400, Type: fault.InvalidValue},
		directory.Mutability:   {Status: 400, Type: fault.Mutability},
		directory.Forbidden:    {Status: 403},
		directory.Unauthorized: {Status: 401},
	} {
		got, theirs := told(&directory.Error{Code: code, Message: "m"}, "r")
		if want.Detail = "m"; *got != want || !theirs {
			t.Errorf("%s: got %+v, want %+v", code, *got, want)
		}
	}
	if got, theirs := told(&directory.Error{Code: "new", Message: "m"}, "r"); got.Status != 500 || theirs {
		t.Errorf("a code that is not in the table: got %+v, want an internal error", *got)
	}
}

// Every law of the protocol has a test that bears its number.
func TestEachLawHasATest(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("*_test.go")
	if err != nil {
		t.Fatal(err)
	}
	var tests []byte
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		tests = append(tests, text...)
	}
	for law := 1; law <= 19; law++ {
		if !bytes.Contains(tests, fmt.Appendf(nil, "\nfunc TestLaw%02d", law)) {
			t.Errorf("no test bears the number of law %d", law)
		}
	}
}

// codeName is a name of code as docs/scim.md gives it: Type.method, package.Name or Name.
var codeName = regexp.MustCompile("`([A-Za-z]+\\.)?([A-Za-z]+)`")

func TestThePageOfTheLawsNamesCodeThatIsThere(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../docs/scim.md")
	if err != nil {
		t.Fatal(err)
	}
	var code []byte
	for _, pattern := range []string{"*.go", "*/*.go", "../directory/*.go"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range files {
			text, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			code = append(code, text...)
		}
	}
	for law := 1; law <= 19; law++ {
		row := regexp.MustCompile(fmt.Sprintf(`(?m)^\| %d \|.*\|(.*)\|$`, law)).FindSubmatch(page)
		if row == nil {
			t.Errorf("docs/scim.md has no law %d", law)
			continue
		}
		names := codeName.FindAllSubmatch(row[1], -1)
		if len(names) == 0 && !bytes.Contains(row[1], []byte("scim/")) {
			t.Errorf("law %d: no code is named", law)
		}
		for _, name := range names {
			declared := regexp.MustCompile(`(?m)^(func|type|const|var) (\([^)]*\) )?` + string(name[2]) + `\b`)
			if !declared.Match(code) {
				t.Errorf("law %d names %s, which is not there", law, name[0])
			}
		}
	}
}

func TestWhoHasNoDialectSpeaksAsTheRFCsSay(t *testing.T) {
	t.Parallel()
	for _, kind := range append(directory.Kinds(), "a kind that is not known") {
		plain := dialectOf(kind) == dialect{}
		if want := kind == directory.Generic || kind == "a kind that is not known"; plain != want {
			t.Errorf("%s: got the zero dialect: %v, want %v", kind, plain, want)
		}
	}
}
