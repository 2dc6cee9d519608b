package admin_test

import (
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/usher-scim/usher/admin"
)

func TestOnlyListedAdministratorsAreAnswered(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name string
		list []string
		peer admin.Peer
		want int
	}{
		{"nobody is listed: the socket's mode decides", nil, admin.Peer{}, http.StatusOK},
		{"listed by name", []string{"ann"}, admin.Peer{UID: "1000", Name: "ann"}, http.StatusOK},
		{"listed by uid", []string{"1000"}, admin.Peer{UID: "1000"}, http.StatusOK},
		{"another", []string{"ann"}, admin.Peer{UID: "1001", Name: "bob"}, http.StatusForbidden},
		{"the system does not know", []string{"ann"}, admin.Peer{Err: errors.New("no")}, http.StatusForbidden},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			h := admin.New(admin.Services{Administrators: tc.list, Logger: slog.New(slog.DiscardHandler)})
			req := httptest.NewRequestWithContext(admin.WithPeer(t.Context(), tc.peer), http.MethodGet, "/api/v1/version", nil)
			req.Header.Set(admin.ActorHeader, "ann") // a claim that counts for nothing where there is a list
			reply := httptest.NewRecorder()
			h.ServeHTTP(reply, req)
			if reply.Code != tc.want {
				t.Errorf("status: got %d, want %d: %s", reply.Code, tc.want, reply.Body)
			}
		})
	}
}
