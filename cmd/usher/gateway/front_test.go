package gateway_test

import (
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/usher-scim/usher/cmd/usher/gateway"
	"github.com/usher-scim/usher/scim"
)

const acmeURN = "urn:ietf:params:scim:schemas:extension:acme:2.0:User"

// An administrator's own attribute comes in over SCIM, in one bulk request with the group that it is about, decides who gets an account, and what became
// of it is read back over SCIM.
func TestFromCustomAttributeToStatus(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	file := filepath.Join(w.data, "acme.json")
	must(t, os.WriteFile(file, []byte(`{"id":"`+acmeURN+`","name":"Acme","attributes":[{"name":"site"},{"name":"floor","type":"integer"}]}`), 0o600))
	w.start(map[string]string{"schemas": file})
	w.connect()
	w.admin("PUT", "/mapping", `
version: 1
apps:
  gorgias:
    connection: gorgias-prod
    mode: enforce
    grants: [{group: Support, role: basic-agent, when: 'user["`+acmeURN+`"]?.site == "Paris" and user["`+acmeURN+`"]?.floor == 3'}]
    when_deactivated: [{action: delete, after: 0s}]
`, nil)
	user := func(name, site string) map[string]any {
		u := oktaUser(name)
		u[acmeURN] = map[string]any{"site": site, "floor": 3}
		return map[string]any{"method": "POST", "path": "/Users", "bulkId": name, "data": u}
	}
	code, reply := w.push("POST", "/Bulk", map[string]any{
		"schemas": []string{"urn:ietf:params:scim:api:messages:2.0:BulkRequest"},
		"Operations": []any{
			map[string]any{"method": "POST", "path": "/Groups", "bulkId": "g", "data": map[string]any{
				"displayName": "Support", "members": []any{map[string]any{"value": "bulkId:ann"}, map[string]any{"value": "bulkId:bob"}},
			}},
			user("ann", "Paris"), user("bob", "Rome"),
		},
	})
	results, _ := reply["Operations"].([]any)
	if code != http.StatusOK || len(results) != 3 {
		t.Fatalf("got %d %v", code, reply)
	}
	w.settled()
	state := func(i int) (apps []any) {
		t.Helper()
		result, _ := results[i].(map[string]any)
		location, _ := result["location"].(string)
		code, u := w.push("GET", "/Users/"+location[strings.LastIndexByte(location, '/')+1:]+"?attributes=userName,"+scim.StatusURN, nil)
		if code != http.StatusOK {
			t.Fatalf("got %d %v", code, u)
		}
		extension, _ := u[scim.StatusURN].(map[string]any)
		apps, _ = extension["apps"].([]any)
		return apps
	}
	ann := state(1)
	if len(ann) != 1 {
		t.Fatalf("ann: got %v, want one app", ann)
	}
	app, _ := ann[0].(map[string]any)
	if app["app"] != "gorgias" || app["state"] != "active" || app["accountId"] == "" || app["since"] == nil || app["error"] != nil {
		t.Errorf("ann: got %v", app)
	}
	if bob := state(2); len(bob) != 0 {
		t.Errorf("bob: got %v, want nothing: no app is for him", bob)
	}
}

func TestASchemaThatIsWrongStopsTheStart(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	file := filepath.Join(w.data, "acme.json")
	must(t, os.WriteFile(file, []byte(`{"id":"`+acmeURN+`","attributes":[{"name":"badge","uniqueness":"server"}]}`), 0o600))
	for name, want := range map[string]string{
		file:                            `acme.json: attribute badge: uniqueness "server" is not kept`,
		filepath.Join(w.data, "nobody"): "there is no file ",
		file + "," + file:               "acme.json: attribute badge",
	} {
		_, err := gateway.Open(t.Context(), settings(t, w.data, map[string]string{"schemas": name}), gateway.Options{Logger: slog.New(slog.DiscardHandler)})
		if err == nil || !strings.HasPrefix(err.Error(), "schemas: ") || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: got %v, want %q", name, err, want)
		}
	}
}

// A request with headers beyond the bound is answered 431, before anything of it is looked at; the next one is served.
func TestHeadersAreBounded(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start(nil)
	w.connect()
	for size, want := range map[int]int{1 << 10: http.StatusOK, 600 << 10: http.StatusRequestHeaderFieldsTooLarge} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, w.scim+"/Users", nil)
		must(t, err)
		req.Header.Set("Authorization", "Bearer "+w.token)
		req.Header.Set("X-Long", strings.Repeat("x", size))
		res, err := w.http.Do(req)
		must(t, err)
		must(t, res.Body.Close())
		if res.StatusCode != want {
			t.Errorf("a header of %d bytes: got %d, want %d", size, res.StatusCode, want)
		}
	}
	if status, _ := w.push("GET", "/Users", nil); status != http.StatusOK {
		t.Errorf("afterwards: got %d, want 200", status)
	}
}
