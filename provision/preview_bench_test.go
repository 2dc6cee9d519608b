package provision_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/usher-scim/usher/directory"
	"github.com/usher-scim/usher/provision"
	"github.com/usher-scim/usher/store"
	"github.com/usher-scim/usher/store/bolt"
)

// BenchmarkPreview plans an edit over a directory on disk in which everybody is in three groups, and a tenth has an account: the edit gives
// one more group a stronger role. USHER_PEOPLE sets how many people there are. It reports people per second and the heap in use at its highest
// above what is in use between two plans.
func BenchmarkPreview(b *testing.B) {
	people := 20_000
	if v := os.Getenv("USHER_PEOPLE"); v != "" {
		n, err := strconv.Atoi(v)
		if err != nil {
			b.Fatal(err)
		}
		people = n
	}
	s, err := bolt.Open(filepath.Join(b.TempDir(), "usher.db"), bolt.Options{NoSync: true, Now: time.Now})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = s.Close() })
	w := newWorldOn(b, s)
	w.apply(plainMapping)
	w.tenant(people)
	next, err := w.maps.Check(b.Context(), []byte(strings.ReplaceAll(plainMapping, "{group: Leads, role: admin}", "{group: Sales, role: agent}")))
	w.must(err)
	var before, peak runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	b.ReportAllocs()
	for b.Loop() {
		p, err := w.engine.Preview(b.Context(), next)
		w.must(err)
		if p.People != people || p.Apps[0].Create.Count+p.Apps[0].Change.Count != people {
			b.Fatalf("looked at %d people, want %d", p.People, people)
		}
		var now runtime.MemStats
		runtime.ReadMemStats(&now)
		if now.HeapInuse > peak.HeapInuse {
			peak = now
		}
	}
	b.ReportMetric(float64(people)*float64(b.N)/b.Elapsed().Seconds(), "people/s")
	b.ReportMetric(float64(int64(peak.HeapInuse)-int64(before.HeapInuse))/(1<<20), "heap-MiB")
}

// tenant hires people with the attributes of an ordinary tenant, in up to three groups each; every tenth has an account.
func (w *world) tenant(people int) {
	w.t.Helper()
	names := make([]string, people)
	for i := range names {
		names[i] = fmt.Sprintf("p%06d", i)
		attributes, err := json.Marshal(map[string]any{
			"userName": names[i] + "@acme.example", "displayName": "Kim " + names[i], "active": true, "title": "Engineer", "userType": "Employee",
			"name":         map[string]any{"givenName": "Kim", "familyName": names[i], "formatted": "Kim " + names[i]},
			"emails":       []any{map[string]any{"value": names[i] + "@acme.example", "primary": true, "type": "work"}},
			"addresses":    []any{map[string]any{"country": "DE", "locality": "Berlin", "primary": true}},
			"phoneNumbers": []any{map[string]any{"value": "+49 30 1234567", "type": "work"}}, "locale": "de-DE", "timezone": "Europe/Berlin",
			"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": map[string]any{"department": "Support", "costCenter": "4711", "employeeNumber": names[i]},
		})
		w.must(err)
		u, err := w.dir.CreateUser(w.t.Context(), w.okta, "req", directory.UserWrite{
			UserName: names[i] + "@acme.example", ExternalID: "ext-" + names[i], Active: true, Emails: []string{names[i] + "@acme.example"}, Attributes: attributes,
		}, directory.CreateOptions{})
		w.must(err)
		w.users[names[i]] = u.Person
	}
	for g, name := range []string{"Everyone", "Support", "Sales"} {
		w.group(name)
		for chunk := range slices.Chunk(names, 1000) {
			if g == 1 {
				chunk = chunk[:len(chunk)/2]
			}
			w.members(directory.AddMembers, name, chunk...)
		}
	}
	for chunk := range slices.Chunk(names, 1000) {
		w.must(w.store.Update(w.t.Context(), func(tx store.Tx) error {
			for i, name := range chunk {
				if i%10 != 0 {
					continue
				}
				err := provision.PutAccount(tx, &provision.Account{
					ID: w.users[name], App: "desk", Person: w.users[name], VendorID: "v-" + name, Email: name + "@acme.example", State: provision.Active,
					Origin: provision.Created, ExternalID: w.users[name].String(), Role: "observer", Profile: map[string]string{"name": "Kim " + name},
					Enforced: true, Created: w.now, Modified: w.now, Seen: w.now,
				})
				if err != nil {
					return err
				}
			}
			return nil
		}))
	}
}
