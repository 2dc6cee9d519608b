package zoom

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"strings"

	"github.com/usher-scim/usher/adapters"
)

// problem is the body of a refusal: code and message, with 300 sometimes the fields
// that are wrong; from the token endpoint error and reason.
type problem struct {
	Code    code   `json:"code"`
	Message string `json:"message"`
	Errors  []struct {
		Field   string `json:"field"`
		Message string `json:"message"`
	} `json:"errors"`
	Reason string `json:"reason"`
	Error  string `json:"error"`
}

// code is an error code; Zoom writes a number, and its OAuth side at times a text.
type code int

func (c *code) UnmarshalJSON(b []byte) error {
	n, err := strconv.Atoi(strings.Trim(string(b), `"`))
	if err != nil {
		n = 0 // a word or null: no code of the table
	}
	*c = code(n)
	return nil
}

// parseProblem reads a refusal; false when the body has no code, and so is none of the API's.
func parseProblem(body []byte) (problem, bool) {
	p, ok := decodeProblem(body)
	return p, ok && p.Code != 0
}

// decodeProblem reads a refusal of the API or the token endpoint.
func decodeProblem(body []byte) (problem, bool) {
	var p problem
	if err := json.Unmarshal(body, &p); err != nil {
		return problem{}, false
	}
	if p.Code == 0 && p.Reason != "" {
		// The OAuth numbers stand in code, error or reason, as the reporter pleases.
		for _, s := range []string{p.Error, p.Reason} {
			if m := oauthNumber.FindString(s); m != "" {
				_ = p.Code.UnmarshalJSON([]byte(m)) // never fails
				break
			}
		}
	}
	if p.Message == "" {
		p.Message = p.Reason
	}
	return p, true
}

var oauthNumber = regexp.MustCompile(`\b47[0-4][0-9]\b`)

// explain turns a refusal into the error the contract wants. def is what the status alone
// says; a code of Zoom's that is known decides instead.
func explain(a act, status int, body []byte, def *adapters.Error) *adapters.Error {
	p, known := parseProblem(body)
	if !known || status >= 500 {
		return def
	}
	e := *def
	e.Code = strconv.Itoa(int(p.Code))
	r, found := matchRule(a, int(p.Code), p.Message)
	switch {
	case found:
		e.Kind, e.Scope, e.Message, e.Fix = r.Kind, adapters.OneAccount, r.Says, r.Fix
		if r.Whole {
			e.Scope = adapters.WholeApp
		}
		if e.Message == "" {
			e.Message = p.text()
		}
		if r.After > 0 {
			e.After = r.After
		}
	case status == http.StatusForbidden:
		e.Message, e.Fix = p.text(), "ask the account owner, or Zoom support, to open the REST API for this account"
	case status == http.StatusUnauthorized || status == http.StatusTooManyRequests:
		e.Message = p.text()
	default:
		// Zoom's own word, and one nobody has written down: final, and no proof of absence.
		e.Kind, e.Scope, e.Message, e.Fix = adapters.Invalid, adapters.OneAccount, p.text(), fixAdmin
	}
	return &e
}

// codeOf returns the code of Zoom's that err carries, 0 for none.
func codeOf(err error) int {
	var e *adapters.Error
	if !errors.As(err, &e) {
		return 0
	}
	n, convErr := strconv.Atoi(e.Code)
	if convErr != nil {
		return 0
	}
	return n
}

func matchRule(a act, code int, message string) (rule, bool) {
	message = strings.ToLower(message)
	for _, r := range rules {
		if r.Code == code && (r.Act == actAny || r.Act == a) && strings.Contains(message, r.Text) {
			return r, true
		}
	}
	return rule{}, false
}

// text is Zoom's own message as a person may read it: on one line, without e-mail
// addresses and without the full stop. Missing scopes come out by name. The client bounds it.
func (p problem) text() string {
	if strings.Contains(strings.ToLower(p.Message), "does not contain") {
		if s := scopeNames.FindAllString(p.Message, -1); len(s) > 0 {
			return "the Zoom app lacks the scopes " + strings.Join(s, ", ")
		}
	}
	s := p.Message
	for _, f := range p.Errors {
		s = fmt.Sprintf("%s %s: %s", s, f.Field, f.Message)
	}
	if s == "" {
		s = "Zoom refused the call without a reason"
	}
	s = strings.Join(strings.Fields(s), " ")
	s = addresses.ReplaceAllString(s, "(address)")
	return strings.TrimSuffix(s, ".")
}

var (
	addresses  = regexp.MustCompile(`[^\s"'<>:,;]+@[^\s"'<>:,;]+`)
	scopeNames = regexp.MustCompile(`[A-Za-z_]+(:[A-Za-z_]+)+`)
)
