package alerts

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/usher-scim/usher/secrets"
)

var exampleSecret = secrets.NewValue("a secret that both sides know")

func hook(t *testing.T, address string) *Webhook {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	return &Webhook{
		URL: u, Secret: func(context.Context) (secrets.Value, error) { return exampleSecret, nil },
		Now: func() time.Time { return time.Unix(1_700_000_000, 0) }, UserAgent: "usher/test",
	}
}

func aMessage() Message {
	return Message{
		ID: kim, At: time.Unix(1_700_000_000, 0).UTC(), Kind: RemovalLate, App: "zoom", Count: 1, Title: "zoom: ünë person is not removed yet",
		Text: "Their access was to end.", Do: "See what is in the way.", Commands: []string{"usher status"}, People: []Named{{ID: kim, Name: "kim@acme.example"}},
	}
}

func TestAWebhookIsSigned(t *testing.T) {
	var header http.Header
	var body []byte
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		header = r.Header.Clone()
		body, _ = io.ReadAll(r.Body)
		w.WriteHeader(http.StatusAccepted)
	}))
	defer srv.Close()
	if err := hook(t, srv.URL).Send(t.Context(), aMessage()); err != nil {
		t.Fatal(err)
	}
	if err := Verify(exampleSecret, header.Get(SignatureHeader), body, time.Unix(1_700_000_100, 0), 5*time.Minute); err != nil {
		t.Errorf("the signature: %v", err)
	}
	if got, want := header.Get(IDHeader), kim.String(); got != want {
		t.Errorf("id: got %q, want %q", got, want)
	}
	var m Message
	if err := json.Unmarshal(body, &m); err != nil || m.Title != aMessage().Title || m.People[0].Name != "kim@acme.example" {
		t.Errorf("body: got %s, %v", body, err)
	}
}

// The figures are those of docs/alerts.md, made with openssl.
func TestTheSignatureOfTheDocumentation(t *testing.T) {
	const want = "t=1700000000,v1=9bb6157a8511b2d85f40c5bec855eb32ada1cb0dc795fd2ad139f0c8bc9210a9"
	got := Sign(secrets.NewValue("sesame"), time.Unix(1_700_000_000, 0), []byte(`{"title":"a test"}`))
	if got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestWhatASignatureDoesNotVouchFor(t *testing.T) {
	at, body := time.Unix(1_700_000_000, 0), []byte(`{"a":1}`)
	good := Sign(exampleSecret, at, body)
	for _, c := range []struct {
		name, header, body string
		secret             secrets.Value
		now                time.Time
		want               string
	}{
		{"another body", good, `{"a":2}`, exampleSecret, at, "does not fit"},
		{"another secret", good, `{"a":1}`, secrets.NewValue("x"), at, "does not fit"},
		{"another time", strings.Replace(good, "1700000000", "1700000001", 1), `{"a":1}`, exampleSecret, at, "does not fit"},
		{"sent again later", good, `{"a":1}`, exampleSecret, at.Add(time.Hour), "more than 5m0s"},
		{"from the future", good, `{"a":1}`, exampleSecret, at.Add(-time.Hour), "more than 5m0s"},
		{"no signature", "", `{"a":1}`, exampleSecret, at, "missing"},
		{"no hexadecimal", "t=1700000000,v1=zz", `{"a":1}`, exampleSecret, at, "does not fit"},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := Verify(c.secret, c.header, []byte(c.body), c.now, 5*time.Minute)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}

func TestAWebhookThatDoesNotTakeIt(t *testing.T) {
	reached := 0
	mux := http.NewServeMux()
	mux.HandleFunc("/token-in-path/moved", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "/elsewhere", http.StatusTemporaryRedirect)
	})
	mux.HandleFunc("/elsewhere", func(http.ResponseWriter, *http.Request) { reached++ })
	mux.HandleFunc("/token-in-path/broken", func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "details", http.StatusBadGateway) })
	mux.HandleFunc("/token-in-path/cut", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	mux.HandleFunc("/token-in-path/long", func(w http.ResponseWriter, _ *http.Request) {
		for range 10_000 {
			if _, err := w.Write(make([]byte, 1<<10)); err != nil {
				return
			}
		}
	})
	srv := httptest.NewServer(mux)
	defer srv.Close()
	for path, want := range map[string]string{
		"/token-in-path/moved": "a redirect, which is not followed", "/token-in-path/broken": "answers 502", "/token-in-path/cut": "post to http://127.0.0.1",
		"/token-in-path/long": "",
	} {
		err := hook(t, srv.URL+path).Send(t.Context(), aMessage())
		switch {
		case want == "" && err != nil:
			t.Errorf("%s: %v", path, err)
		case want != "" && (err == nil || !strings.Contains(err.Error(), want)):
			t.Errorf("%s: got %v, want %q", path, err, want)
		case err != nil && strings.Contains(err.Error(), "token-in-path"):
			t.Errorf("%s: the error shows the path, which may hold a secret: %v", path, err)
		}
	}
	if reached != 0 {
		t.Errorf("a redirect was followed %d times", reached)
	}
}

func TestAWebhookEndsWithItsContext(t *testing.T) {
	entered := make(chan struct{})
	srv := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		close(entered)
		<-r.Context().Done()
	}))
	defer srv.Close()
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-entered; cancel() }()
	if err := hook(t, srv.URL).Send(ctx, aMessage()); err == nil {
		t.Error("got nil, want an error")
	}
}
