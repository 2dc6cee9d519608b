package demo_test

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"github.com/usher-scim/usher/cmd/usher/demo"
	"github.com/usher-scim/usher/sandbox"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestTheWeekEndsAsItMust(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	if err := demo.Run(t.Context(), demo.Options{Out: &out, Once: true, Version: "test"}); err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	said := strings.Join(strings.Fields(regexp.MustCompile(`\+\d+\.\d s`).ReplaceAllString(out.String(), "")), " ")
	for _, want := range []string{
		"okta ▸ POST /Users mara.lind@acme.example",
		"usher • Gorgias for Mara Lind: has an account that Usher did not make; adopted as it is",
		`entra ▸ PATCH /Users/{ben.okafor} Replace active = "False"`,
		"zoom ◂ DELETE /users/{paul.berg} action=delete",
		"held for a person: 5 people would lose zoom",
		"nobody ◂ no vendor was told anything",
		"✓ As it should be",
	} {
		if !strings.Contains(said, want) {
			t.Errorf("the output does not say %q", want)
		}
	}
	if strings.Contains(said, "✗") {
		t.Error("the output shows trouble")
	}
	if t.Failed() {
		t.Log(out.String())
	}
}

func TestATamperedAccountIsSeen(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	err := demo.Run(t.Context(), demo.Options{Out: &out, Once: true, BeforeCompare: func(s *sandbox.Sandbox) {
		s.Zoom.RemoveUser("rosa.vidal@acme.example")
	}})
	if !errors.Is(err, demo.ErrDifferent) {
		t.Fatalf("got %v, want ErrDifferent\n%s", err, out.String())
	}
	if want := "✗ rosa.vidal@acme.example has no Zoom account and must have one"; !strings.Contains(out.String(), want) {
		t.Errorf("the output does not say %q:\n%s", want, out.String())
	}
}

// screen is written by the demo and read by the test.
type screen struct {
	mu    sync.Mutex
	text  strings.Builder
	wants string
	seen  chan struct{} // closed when wants was written
}

func (s *screen) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.text.Write(b)
	if s.wants != "" && strings.Contains(s.text.String(), s.wants) {
		s.wants = ""
		close(s.seen)
	}
	return len(b), nil
}

func (s *screen) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

func TestItStaysUpUntilItIsStoppedAndLeavesNothing(t *testing.T) {
	folder := t.TempDir()
	t.Setenv("TMPDIR", folder)
	out := &screen{wants: "/metrics | grep", seen: make(chan struct{})}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- demo.Run(ctx, demo.Options{Out: out}) }()
	select {
	case <-out.seen:
	case err := <-ended:
		t.Fatalf("ended before it was stopped: %v\n%s", err, out)
	}
	token := regexp.MustCompile(`TOKEN=(\S+)`).FindStringSubmatch(out.String())
	users := regexp.MustCompile(`SCIM=(\S+)`).FindStringSubmatch(out.String())
	ready := regexp.MustCompile(`curl -s (\S+/readyz)`).FindStringSubmatch(out.String())
	if token == nil || users == nil || ready == nil {
		t.Fatalf("lines to copy are missing:\n%s", out)
	}
	for _, address := range []string{users[1] + "/Users?count=3", ready[1]} {
		if got := get(t, address, token[1]); got != http.StatusOK {
			t.Errorf("GET %s: got %d, want 200", address, got)
		}
	}
	stop()
	if err := <-ended; err != nil {
		t.Errorf("stopped by hand: got %v, want nil", err)
	}
	left, err := os.ReadDir(folder)
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v %v", left, err)
	}
}

func get(t *testing.T, address, token string) int {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	reply, err := client.Do(req)
	if err != nil {
		t.Error(err)
		return 0
	}
	if err := reply.Body.Close(); err != nil {
		t.Error(err)
	}
	return reply.StatusCode
}

func TestACheckThatIsCutShortIsNoSuccess(t *testing.T) {
	t.Parallel()
	ctx, stop := context.WithCancel(t.Context())
	out := &screen{wants: "Okta pushes", seen: make(chan struct{})}
	go func() {
		<-out.seen
		stop()
	}()
	if err := demo.Run(ctx, demo.Options{Out: out, Once: true}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want context.Canceled", err)
	}
}
