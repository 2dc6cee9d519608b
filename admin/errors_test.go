package admin

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/labstack/echo/v4"

	"github.com/usher-scim/usher/adapters"
	"github.com/usher-scim/usher/connections"
	"github.com/usher-scim/usher/directory"
	"github.com/usher-scim/usher/mapping"
	"github.com/usher-scim/usher/provision"
	"github.com/usher-scim/usher/store"
)

func TestEveryFailureHasOneAnswer(t *testing.T) {
	t.Parallel()
	s := Services{Logger: slog.New(slog.DiscardHandler)}
	for _, tt := range []struct {
		name   string
		err    error
		status int
		code   Code
		text   string
	}{
		{"a handler's own", badRequest("limit: %q", "x"), 400, BadRequest, `limit: "x"`},
		{"a mapping's problems", &mapping.Problems{List: []mapping.Problem{{Line: 3, Column: 4, Message: "no such role"}}}, 400, BadRequest, "3:4"},
		{"nothing of that name", fmt.Errorf("find: %w", &directory.Error{Code: directory.NotFound, Message: "no source nope"}), 404, NotFound, "no source nope"},
		{"a name in use", &directory.Error{Code: directory.Uniqueness, Message: "taken"}, 409, Conflict, "taken"},
		{"a directory's bad value", &directory.Error{Code: directory.Invalid, Message: "bad name"}, 400, BadRequest, "bad name"},
		{"settings", &connections.Error{Text: "host is missing"}, 400, BadRequest, "host is missing"},
		{"an unknown connection", fmt.Errorf("open: %w", connections.ErrUnknown), 404, NotFound, "no such connection"},
		{"a decision", &provision.DecisionError{Text: "not open any more"}, 409, Conflict, "not open"},
		{"an unknown hold", fmt.Errorf("%w: %q", provision.ErrNoHold, "x"), 404, NotFound, "no such hold"},
		{"a vendor", &adapters.Error{Op: "check", Message: "the key is refused", Fix: "make a new one"}, 502, Vendor, "the key is refused"},
		{"a long body", &http.MaxBytesError{Limit: 7}, 413, BadRequest, "longer than 7 bytes"},
		{"a full disk", fmt.Errorf("save: %w", store.ErrUncertain), 503, Unavailable, "cannot write"},
		{"an unknown route", echo.ErrNotFound, 404, BadRequest, "Not Found"},
		{"anything else, of which nothing shows", errors.New("password=hunter2"), 500, Internal, "internal error, id "},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			status, reply := s.classify(tt.err)
			if status != tt.status || reply.Error.Code != tt.code || !strings.Contains(reply.Error.Message, tt.text) {
				t.Errorf("got %d %s %q, want %d %s %q", status, reply.Error.Code, reply.Error.Message, tt.status, tt.code, tt.text)
			}
			if strings.Contains(reply.Error.Message, "hunter2") {
				t.Error("the cause leaks")
			}
		})
	}
}

func TestBodiesAreReadStrictly(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]string{
		`{"nome":"x"}`: `unknown field "nome"`,
		`{"name":`:     "unexpected EOF",
		`[]`:           "cannot unmarshal array",
	} {
		c := echo.New().NewContext(httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", strings.NewReader(body)), httptest.NewRecorder())
		var into AddSource
		if err := readJSON(c, &into); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", body, err, want)
		}
	}
}

func TestTheActorIsTheCallersWord(t *testing.T) {
	t.Parallel()
	for header, want := range map[string]string{"": "administrator", "kim": "kim", strings.Repeat("x", 200): "administrator"} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
		r.Header.Set(ActorHeader, header)
		if got := actor(echo.New().NewContext(r, httptest.NewRecorder())); got.Name != want {
			t.Errorf("%q: got %q, want %q", header, got.Name, want)
		}
	}
}
