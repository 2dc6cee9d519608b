package zoom

import (
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/usher-scim/usher/adapters"
)

func asAdapterError(err error, target **adapters.Error) bool { return errors.As(err, target) }

func TestOneTokenForFiftyCallers(t *testing.T) {
	t.Parallel()
	s := newStub(t).on("GET /users/U1", ok(maraInactive))
	z := s.open()
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			if _, err := z.Find(t.Context(), adapters.Probe{ID: "U1"}); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if s.tokens != 1 {
		t.Errorf("got %d tokens, want 1", s.tokens)
	}
}

func TestTokenIsRenewedEarly(t *testing.T) {
	t.Parallel()
	s := newStub(t).on("GET /users/U1", ok(maraInactive))
	z := s.open()
	for _, c := range []struct {
		passed time.Duration
		tokens int
	}{{0, 1}, {50 * time.Minute, 1}, {6 * time.Minute, 2}, {time.Minute, 2}} {
		s.mu.Lock()
		s.now = s.now.Add(c.passed)
		s.mu.Unlock()
		if _, err := z.Find(t.Context(), adapters.Probe{ID: "U1"}); err != nil {
			t.Fatal(err)
		}
		if s.tokens != c.tokens {
			t.Errorf("%s later: got %d tokens, want %d", c.passed, s.tokens, c.tokens)
		}
	}
}

// Zoom says that a token ended by code 124, under 400 or 401; one new token is tried, once.
func TestTokenIsRenewedOnceByCode(t *testing.T) {
	t.Parallel()
	for _, status := range []int{400, 401} {
		s := newStub(t).on("GET /users/U1", refuse(status, 124, "Access token is expired."), ok(maraInactive))
		_, err := s.open().Find(t.Context(), adapters.Probe{ID: "U1"})
		s.none(err)
		s.calls("GET /users/U1", "GET /users/U1")
		if s.tokens != 2 {
			t.Errorf("%d: got %d tokens, want 2", status, s.tokens)
		}

		s = newStub(t).on("GET /users/U1", refuse(status, 124, "Invalid access token."))
		_, err = s.open().Find(t.Context(), adapters.Probe{ID: "U1"})
		s.kind(err, adapters.Unauthorized, "access token")
		s.calls("GET /users/U1", "GET /users/U1")
	}
	// Another code under 401 is no ended token.
	s := newStub(t).on("GET /users/U1", refuse(401, 4711, "does not contain scopes:[user:read:user:admin]"))
	_, err := s.open().Find(t.Context(), adapters.Probe{ID: "U1"})
	s.kind(err, adapters.Unauthorized, "lacks the scopes user:read:user:admin")
	s.calls("GET /users/U1")
}

// Callers whose common token has ended renew it once between them, and all get through.
func TestRefusedTogetherRenewOnce(t *testing.T) {
	t.Parallel()
	s := newStub(t).on("GET /users/U1", ok(maraInactive))
	z := s.open()
	if _, err := z.Find(t.Context(), adapters.Probe{ID: "U1"}); err != nil {
		t.Fatal(err)
	}
	s.mu.Lock()
	s.oldest = 2
	s.mu.Unlock()
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			if _, err := z.Find(t.Context(), adapters.Probe{ID: "U1"}); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if s.tokens != 2 {
		t.Errorf("got %d tokens, want 2", s.tokens)
	}
}

func TestWrongSecretStopsTheApp(t *testing.T) {
	t.Parallel()
	s := newStub(t)
	_, err := s.open(func(c *Config) { c.ClientSecret = "se-Wrong-secret" }).Check(t.Context())
	s.kind(err, adapters.Unauthorized, "client secret is wrong")
	var e *adapters.Error
	if !asAdapterError(err, &e) || e.Scope != adapters.WholeApp || e.Fix == "" {
		t.Errorf("got %+v, want the whole app and a fix", e)
	}
	s.calls()
}
