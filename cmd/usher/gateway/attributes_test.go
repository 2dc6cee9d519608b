package gateway_test

import (
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/usher-scim/usher/cmd/usher/gateway"
)

const acmeSchema = `{"id": "` + acmeURN + `", "name": "Acme", "attributes": [
  {"name": "costCenters", "multiValued": true},
  {"name": "building", "type": "complex", "subAttributes": [{"name": "name"}, {"name": "floor", "type": "integer"}]}
]}`

const byAttributes = `version: 1
apps:
  zoom:
    connection: zoom-prod
    mode: enforce
    grants:
      - {group: Everyone, when: '"4711" in user["` + acmeURN + `"].costCenters', licence: licensed}
      - {group: Everyone, when: '(user["` + acmeURN + `"].building.floor ?? 0) > 3', licence: basic}
`

func schemaFile(t *testing.T, text string) map[string]string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "acme.json")
	must(t, os.WriteFile(name, []byte(text), 0o600))
	return map[string]string{"schemas": name}
}

// hireWith pushes a user with custom attributes.
func (w *world) hireWith(name string, custom map[string]any) string {
	w.t.Helper()
	user := oktaUser(name)
	if custom != nil {
		user["schemas"] = []string{"urn:ietf:params:scim:schemas:core:2.0:User", acmeURN}
		user[acmeURN] = custom
	}
	status, u := w.push("POST", "/Users", user)
	if status != http.StatusCreated {
		w.t.Fatalf("hire %s: %d %v", name, status, u)
	}
	id, _ := u["id"].(string)
	return id
}

// What an identity provider pushes of an administrator's own schema decides who gets what.
func TestCustomAttributesDecideAGrant(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start(schemaFile(t, acmeSchema))
	w.connect()
	w.admin("PUT", "/mapping", byAttributes, nil)
	ann := w.hireWith("ann", map[string]any{"costCenters": []any{"0815", "4711"}})
	bob := w.hireWith("bob", map[string]any{"building": map[string]any{"name": "HQ", "floor": 4}})
	cid := w.hireWith("cid", map[string]any{"costCenters": []any{"0815"}, "building": map[string]any{"floor": 3}})
	dan := w.hireWith("dan", nil)
	w.pushGroup("Everyone", ann, bob, cid, dan)
	w.settled()
	for name, want := range map[string]int64{"ann": 2, "bob": 1, "cid": 0, "dan": 0} { // 2 is licensed, 1 basic
		if got, ok := w.vendors.Zoom.User(name + "@acme.example"); ok != (want != 0) || got.Type != want {
			t.Errorf("%s: got type %d (there: %v), want %d", name, got.Type, ok, want)
		}
	}
	w.patch("/Users/"+bob, map[string]any{"op": "add", "path": acmeURN + ":costCenters", "value": []any{"4711"}})
	w.settled()
	if got, _ := w.vendors.Zoom.User("bob@acme.example"); got.Type != 2 {
		t.Errorf("bob, of another cost centre now: got type %d, want 2", got.Type)
	}
}

func TestPlanKnowsCustomAttributes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start(schemaFile(t, acmeSchema))
	w.connect()
	for source, want := range map[string]string{
		`"4711" in user["` + acmeURN + `"].costCentres`:    `mapping.yaml:6:124: apps.zoom.grants[0].when: user["` + acmeURN + `"] has no attribute costCentres; did you mean costCenters?`,
		`user["` + acmeURN + `"].building.floor > 3`:       `mapping.yaml:6:53: apps.zoom.grants[0].when: user["` + acmeURN + `"].building.floor may be absent: write user["` + acmeURN + `"].building.floor ?? 0 or test it first`,
		`user["` + acmeURN[:len(acmeURN)-1] + `"].x == ""`: `mapping.yaml:6:58: apps.zoom.grants[0].when: there is no extension schema ` + acmeURN[:len(acmeURN)-1] + `; did you mean ` + acmeURN + `?`,
	} {
		text := "version: 1\napps:\n  zoom:\n    connection: zoom-prod\n    grants:\n      - {group: Everyone, licence: licensed, when: '" + source + "'}\n"
		status, reply := w.tryAdmin("POST", "/mapping/plan", text)
		if got := strings.ReplaceAll(string(reply), `\"`, `"`); status != http.StatusBadRequest || !strings.Contains(got, want) {
			t.Errorf("%s: got %d %s\nwant %s", source, status, got, want)
		}
	}
}

// A server that cannot keep what the mapping in force goes by does not start: it would drop the attribute from whatever the source
// writes next, and people would lose what was granted by it, one after the other.
func TestASchemaThatTheMappingNeedsCannotBeTakenAway(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	whole := schemaFile(t, acmeSchema)
	stop := w.start(whole)
	w.connect()
	w.admin("PUT", "/mapping", byAttributes, nil)
	ann := w.hireWith("ann", map[string]any{"costCenters": []any{"4711"}})
	w.pushGroup("Everyone", ann)
	w.settled()
	stop()

	opened := func(flags map[string]string) error {
		g, err := gateway.Open(t.Context(), settings(t, w.data, flags), gateway.Options{Logger: slog.New(slog.DiscardHandler), Version: "test"})
		if err == nil {
			must(t, g.Close())
		}
		return err
	}
	other := schemaFile(t, strings.Replace(acmeSchema, `"name": "floor", "type": "integer"`, `"name": "floor"`, 1))
	for _, test := range []struct {
		flags map[string]string
		want  string
	}{
		{nil, "mapping.yaml:7:49: apps.zoom.grants[0].when: there is no extension schema " + acmeURN},
		{other, "mapping.yaml:8:111: apps.zoom.grants[1].when: the two sides of ?? are text and a number"},
	} {
		err := opened(test.flags)
		if err == nil || !strings.Contains(err.Error(), "the mapping in force, version 1, uses custom attributes") || !strings.Contains(err.Error(), test.want) {
			t.Errorf("open: got %v\nwant %s", err, test.want)
		}
	}
	if got, ok := w.vendors.Zoom.User("ann@acme.example"); !ok || got.Type != 2 {
		t.Errorf("ann: got %+v", got)
	}

	// The way out: start with the schema, apply a mapping that does without, take the schema away.
	stop = w.start(whole)
	w.admin("PUT", "/mapping", "version: 1\napps:\n  zoom: {connection: zoom-prod, mode: enforce, grants: [{group: Everyone, licence: licensed}]}\n", nil)
	stop()
	w.start(nil)
	w.settled()
	if got, ok := w.vendors.Zoom.User("ann@acme.example"); !ok || got.Type != 2 {
		t.Errorf("ann, granted without the attribute: got %+v", got)
	}
}
