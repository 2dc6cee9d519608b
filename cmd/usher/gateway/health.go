package gateway

import (
	"context"
	"net/http"
	"time"

	"github.com/usher-scim/usher/store"
)

// withHealth answers /healthz (the process runs) and /readyz (the store can be read
// and takes writes) in front of a handler. Both are open to everybody and tell nothing else. All other paths reach the
// handler as they are: http.ServeMux would send clients of "/Users//" elsewhere, in HTML.
func (g *Gateway) withHealth(h http.Handler) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { answer(w, http.StatusOK, "ok\n") })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), 2*time.Second)
		defer cancel()
		// An update that writes nothing commits nothing, but is refused by a store that takes no writes.
		if err := g.store.Update(ctx, func(store.Tx) error { return nil }); err != nil {
			answer(w, http.StatusServiceUnavailable, "the store takes no writes\n")
			return
		}
		answer(w, http.StatusOK, "ready\n")
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/healthz" || r.URL.Path == "/readyz" {
			mux.ServeHTTP(w, r)
			return
		}
		h.ServeHTTP(w, r)
	})
}

func answer(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(text)) // a client that went away hears nothing
}
