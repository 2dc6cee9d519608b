package gateway

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/usher-scim/usher/audit"
	"github.com/usher-scim/usher/config"
	"github.com/usher-scim/usher/directory"
	"github.com/usher-scim/usher/provision"
	"github.com/usher-scim/usher/secrets"
	"github.com/usher-scim/usher/store"
	"github.com/usher-scim/usher/store/bolt"
)

var errDied = errors.New("the process died")

// folder is a data folder whose store has the sources named, one after the other; the backup was made after the first.
func folder(t *testing.T, sources ...string) (cfg config.Config, backup string) {
	t.Helper()
	cfg = config.Config{Data: t.TempDir()}
	ring, err := secrets.EnsureKeyring(filepath.Join(cfg.Data, "usher.key"))
	fatal(t, err)
	s, err := bolt.Open(filepath.Join(cfg.Data, "usher.db"), bolt.Options{})
	fatal(t, err)
	_, err = secrets.OpenVault(t.Context(), s, secrets.NewBox(ring), time.Now)
	fatal(t, err)
	backup = filepath.Join(t.TempDir(), "copy.db")
	for i, name := range sources {
		_, _, err := directory.New(s, time.Now, audit.IDs(time.Now)).AddSource(t.Context(), audit.Actor{Kind: audit.ByAdmin, Name: "root"}, directory.NewSource{Name: name})
		fatal(t, err)
		if i == 0 {
			fatal(t, s.BackupFile(t.Context(), backup))
		}
	}
	fatal(t, s.Close())
	return cfg, backup
}

func fatal(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// holds returns the sources of a store, and whether it is marked as restored.
func holds(t *testing.T, path string) (sources string, restored bool) {
	t.Helper()
	s, err := bolt.Open(path, bolt.Options{})
	fatal(t, err)
	all, err := directory.New(s, time.Now, audit.IDs(time.Now)).Sources(t.Context())
	fatal(t, err)
	var names []string
	for i := range all {
		names = append(names, all[i].Name)
	}
	fatal(t, s.View(t.Context(), func(r store.Reader) error {
		m, err := provision.RestoredIn(r)
		restored = m != nil
		return err
	}))
	fatal(t, s.Close())
	return strings.Join(names, " "), restored
}

// Wherever the process ends, the present store or the restored one is in place, and the restored one never without its marker.
func TestARestoreThatIsCutLeavesOneStoreInPlace(t *testing.T) {
	t.Parallel()
	for _, dieAt := range []string{"", "begun", "copied", "prepared"} {
		t.Run("at "+dieAt, func(t *testing.T) {
			t.Parallel()
			cfg, backup := folder(t, "okta", "entra")
			path := filepath.Join(cfg.Data, "usher.db")
			r, err := OpenRestore(t.Context(), cfg, backup, time.Now)
			fatal(t, err)
			r.reached = func(step string) error {
				if step == dieAt {
					return errDied
				}
				return nil
			}
			if got := []any{r.Backup.Sources[0], len(r.Backup.Sources), len(r.Present.Sources)}; got[0] != "okta" || got[1] != 1 || got[2] != 2 || r.Backup.Newest.IsZero() {
				t.Errorf("what is in them: %+v, %+v", r.Backup, r.Present)
			}
			kept, err := r.Carry(t.Context(), "root")
			fatal(t, r.Close())
			if died := dieAt != ""; errors.Is(err, errDied) != died || (err != nil) != died {
				t.Fatalf("got %v", err)
			}
			sources, restored := holds(t, path)
			if dieAt != "" {
				if sources != "entra okta" || restored {
					t.Errorf("in place: %q, restored %v", sources, restored)
				}
				r, err := OpenRestore(t.Context(), cfg, backup, time.Now)
				fatal(t, err)
				kept, err = r.Carry(t.Context(), "root")
				fatal(t, errors.Join(err, r.Close()))
				sources, restored = holds(t, path)
			}
			if sources != "okta" || !restored {
				t.Errorf("in place: %q, restored %v", sources, restored)
			}
			if sources, restored := holds(t, filepath.Join(cfg.Data, kept)); sources != "entra okta" || restored {
				t.Errorf("kept as %s: %q, restored %v", kept, sources, restored)
			}
			if sources, restored := holds(t, backup); sources != "okta" || restored {
				t.Errorf("the backup itself: %q, restored %v", sources, restored)
			}
			if left, _ := filepath.Glob(filepath.Join(cfg.Data, partOf+"*")); len(left) > 0 {
				t.Errorf("left over: %v", left)
			}
		})
	}
}

func TestWhatCannotBeRestored(t *testing.T) {
	t.Parallel()
	cfg, backup := folder(t, "okta", "entra")
	path := filepath.Join(cfg.Data, "usher.db")
	_, foreign := folder(t, "okta")
	bare := filepath.Join(t.TempDir(), "bare.db")
	s, err := bolt.Open(bare, bolt.Options{})
	fatal(t, errors.Join(err, s.Close()))
	text := filepath.Join(t.TempDir(), "text")
	fatal(t, os.WriteFile(text, []byte(strings.Repeat("no store\n", 5000)), 0o600))
	keyless, own := folder(t, "okta")
	fatal(t, os.Remove(filepath.Join(keyless.Data, "usher.key")))
	for _, test := range []struct {
		name string
		cfg  config.Config
		file string
		want string
	}{
		{"not there", cfg, filepath.Join(cfg.Data, "none"), "no such file"},
		{"no store", cfg, text, "not a store of usher"},
		{"a store that no server used", cfg, bare, "never opened by a server"},
		{"another installation's", cfg, foreign, "the key file does not hold the key"},
		{"no key file", keyless, own, "put the key file that belongs to the backup there first"},
		{"the present store", cfg, path, "is the present store itself"},
	} {
		_, err := OpenRestore(t.Context(), test.cfg, test.file, time.Now)
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got %v, want …%s…", test.name, err, test.want)
		}
	}
	running, err := bolt.Open(path, bolt.Options{})
	fatal(t, err)
	if _, err := OpenRestore(t.Context(), cfg, backup, time.Now); err == nil || !strings.Contains(err.Error(), "a server runs on") {
		t.Errorf("while a server runs: got %v", err)
	}
	fatal(t, running.Close())
	if sources, restored := holds(t, path); sources != "entra okta" || restored {
		t.Errorf("something changed: %q, %v", sources, restored)
	}
}

// A store that is damaged or gone is what a restore is for.
func TestADamagedStoreIsReplacedAndKept(t *testing.T) {
	t.Parallel()
	cfg, backup := folder(t, "okta", "entra")
	path := filepath.Join(cfg.Data, "usher.db")
	fatal(t, os.WriteFile(path, []byte(strings.Repeat("damaged\n", 5000)), 0o600))
	r, err := OpenRestore(t.Context(), cfg, backup, time.Now)
	fatal(t, err)
	if r.Unreadable == "" || r.Present != nil {
		t.Errorf("the damage is not told: %+v", r)
	}
	kept, err := r.Carry(t.Context(), "root")
	fatal(t, errors.Join(err, r.Close()))
	if content, err := os.ReadFile(filepath.Join(cfg.Data, kept)); err != nil || !strings.HasPrefix(string(content), "damaged") {
		t.Errorf("what was there is not kept: %v", err)
	}
	fatal(t, os.Remove(path))
	r, err = OpenRestore(t.Context(), cfg, backup, time.Now)
	fatal(t, err)
	kept, err = r.Carry(t.Context(), "root")
	fatal(t, errors.Join(err, r.Close()))
	if sources, restored := holds(t, path); kept != "" || sources != "okta" || !restored {
		t.Errorf("where there was none: kept %q, %q, restored %v", kept, sources, restored)
	}
}
