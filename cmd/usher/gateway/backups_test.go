package gateway_test

import (
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/usher-scim/usher/admin"
	"github.com/usher-scim/usher/store/bolt"
)

func TestScheduledBackupsAreMadeAndTold(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	folder := t.TempDir()
	stop := w.start(map[string]string{"backup-folder": folder, "backup-every": "1h"})
	w.connect()
	w.admin("PUT", "/mapping", "version: 1\napps: {zoom: {connection: zoom-prod}}\n", nil)
	s := w.await("the first backup", func(s admin.StatusReply) bool { return s.Backups != nil && !s.Backups.Last.IsZero() })
	if s.Backups.Folder != folder || filepath.Dir(s.Backups.File) != folder || s.Backups.Failed != "" || s.Backups.Next.Sub(s.Backups.Last).Hours() != 1 {
		t.Errorf("status: got %+v", s.Backups)
	}
	if got := w.metric("usher_backups_total{outcome=\"ok\"}"); got != "1" {
		t.Errorf("counted %q good backups, want 1", got)
	}
	if w.metric("usher_backup_last_success_timestamp_seconds") == "0" {
		t.Error("the time of the last backup is not in the metrics")
	}
	stop()
	copied, err := bolt.Open(s.Backups.File, bolt.Options{})
	must(t, err)
	must(t, copied.Close())

	// A folder that is not there does not keep the server from starting; it is told.
	w.start(map[string]string{"backup-folder": filepath.Join(folder, "unmounted"), "backup-every": "1h"})
	s = w.await("the failure", func(s admin.StatusReply) bool { return s.Backups != nil && s.Backups.Tries > 0 })
	if !strings.Contains(s.Backups.Failed, "there is no folder") || s.Backups.Since.IsZero() {
		t.Errorf("status: got %+v", s.Backups)
	}
	if got := w.metric("usher_backups_total{outcome=\"failed\"}"); got != "1" {
		t.Errorf("counted %q failures, want 1", got)
	}
	if _, err := os.Stat(filepath.Join(folder, "unmounted")); err == nil {
		t.Error("the folder was made")
	}
}

// metric returns the value of one line of the metrics, "" where there is none.
func (w *world) metric(name string) string {
	w.t.Helper()
	req, err := http.NewRequestWithContext(w.t.Context(), http.MethodGet, w.ops+"/metrics", http.NoBody)
	must(w.t, err)
	res, err := w.http.Do(req)
	must(w.t, err)
	defer func() { _ = res.Body.Close() }()
	text, err := io.ReadAll(res.Body)
	must(w.t, err)
	for line := range strings.Lines(string(text)) {
		if value, ok := strings.CutPrefix(strings.TrimSpace(line), name+" "); ok {
			return value
		}
	}
	return ""
}
