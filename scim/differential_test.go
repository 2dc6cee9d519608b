package scim_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	oracle "github.com/elimity-com/scim"
	oracleerrors "github.com/elimity-com/scim/errors"
	"github.com/elimity-com/scim/optional"
	definition "github.com/elimity-com/scim/schema"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/usher-scim/usher/directory"
	"github.com/usher-scim/usher/scim/schema"
)

// pair is our server and the one of github.com/elimity-com/scim, an independent reading of the same RFCs, with the same users in both.
type pair struct {
	t      testing.TB
	ours   *house
	token  string
	theirs http.Handler
	ids    [2][]string // of the users that were made, in both
}

func newPair(t testing.TB) *pair {
	t.Helper()
	p := &pair{t: t, ours: newHouse(t)}
	p.token = p.ours.source(t, "hr", directory.Generic, false)
	p.clear()
	return p
}

// clear leaves both servers without users.
func (p *pair) clear() {
	p.t.Helper()
	for _, id := range p.ids[0] {
		p.ours.send(p.t, p.token, remove, "/Users/"+id, nil, "")
	}
	p.ids = [2][]string{}
	server, err := oracle.NewServer(&oracle.ServerArgs{
		ServiceProviderConfig: &oracle.ServiceProviderConfig{MaxResults: 200, SupportFiltering: true, SupportPatch: true},
		ResourceTypes: []oracle.ResourceType{{
			ID: optional.NewString("User"), Name: "User", Endpoint: "/Users", Schema: definition.CoreUserSchema(),
			SchemaExtensions: []oracle.SchemaExtension{{Schema: definition.ExtensionEnterpriseUser()}}, Handler: &memory{users: map[string]oracle.Resource{}},
		}},
	})
	if err != nil {
		p.t.Fatal(err)
	}
	p.theirs = server
}

// request is one that both get; {n} in its target is the id of the nth user.
type request struct{ method, target, body string }

// answer is what can be compared of a reply: the status, the kind of an error, the resource without what each server makes up (id, meta)
// and what is the same for all (schemas), or the userNames of a list.
type answer struct {
	Status int
	Kind   string
	User   map[string]any
	Names  []string
	Total  any
}

func (p *pair) ask(r request) (ours, theirs answer) {
	p.t.Helper()
	w := p.ours.send(p.t, p.token, r.method, p.target(0, r.target), nil, r.body)
	ours = p.read(0, r, w)
	address, query, _ := strings.Cut(p.target(1, r.target), "?")
	if query != "" {
		name, value, _ := strings.Cut(query, "=")
		address += "?" + url.Values{name: {value}}.Encode()
	}
	theirRequest := httptest.NewRequestWithContext(p.t.Context(), r.method, "/v2"+address, strings.NewReader(r.body))
	w = httptest.NewRecorder()
	p.theirs.ServeHTTP(w, theirRequest)
	return ours, p.read(1, r, w)
}

func (p *pair) target(server int, target string) string {
	for n, id := range p.ids[server] {
		target = strings.ReplaceAll(target, fmt.Sprintf("{%d}", n), id)
	}
	return strings.ReplaceAll(target, fmt.Sprintf("{%d}", len(p.ids[server])), nobody)
}

const nobody = "00000000-0000-4000-8000-000000000000"

func (p *pair) read(server int, r request, w *httptest.ResponseRecorder) answer {
	p.t.Helper()
	a := answer{Status: w.Code}
	var reply map[string]any
	if w.Body.Len() > 0 {
		if err := json.Unmarshal(w.Body.Bytes(), &reply); err != nil {
			p.t.Fatalf("%v: the reply is not JSON: %s", r, w.Body)
		}
	}
	list, isList := reply["Resources"].([]any)
	switch {
	case a.Status >= http.StatusBadRequest:
		a.Kind, _ = reply["scimType"].(string)
	case isList:
		a.Total = reply["totalResults"]
		for _, user := range list {
			name, _ := at(user, "userName").(string)
			a.Names = append(a.Names, name)
		}
		slices.Sort(a.Names) // without sortBy the order is each server's own
	case reply != nil:
		if id, _ := reply["id"].(string); a.Status == http.StatusCreated {
			if again := slices.Index(p.ids[server], id); again >= 0 {
				p.ids[server][again] = nobody // who was deleted and comes again has her id again with us (law 12)
			}
			p.ids[server] = append(p.ids[server], id)
		}
		for _, name := range []string{"id", "meta", "schemas"} {
			delete(reply, name)
		}
		a.User = reply
	}
	return a
}

// memory keeps the oracle's users, in the order of their creation.
type memory struct {
	users map[string]oracle.Resource
	order []string
}

func (m *memory) taken(attributes oracle.ResourceAttributes, but string) bool {
	name, _ := attributes["userName"].(string)
	external, _ := attributes["externalId"].(string)
	for id, user := range m.users {
		other, _ := user.Attributes["userName"].(string)
		if id != but && (strings.EqualFold(other, name) || external != "" && user.Attributes["externalId"] == external) {
			return true
		}
	}
	return false
}

func (m *memory) put(id string, attributes oracle.ResourceAttributes) oracle.Resource {
	now := time.Date(2026, 1, 31, 8, 0, 0, 0, time.UTC)
	user := oracle.Resource{ID: id, Attributes: attributes, Meta: oracle.Meta{Created: &now, LastModified: &now}}
	if external, ok := attributes["externalId"].(string); ok {
		user.ExternalID = optional.NewString(external)
	}
	m.users[id] = user
	return copied(user)
}

// copied keeps the server from writing into what is kept.
func copied(user oracle.Resource) oracle.Resource {
	user.Attributes = oracle.ResourceAttributes(schema.Clone(user.Attributes))
	return user
}

// Create is oracle.ResourceHandler's.
func (m *memory) Create(_ *http.Request, attributes oracle.ResourceAttributes) (oracle.Resource, error) {
	if m.taken(attributes, "") {
		return oracle.Resource{}, oracleerrors.ScimErrorUniqueness
	}
	id := fmt.Sprintf("user-%d", len(m.order))
	m.order = append(m.order, id)
	return m.put(id, attributes), nil
}

// Get is oracle.ResourceHandler's.
func (m *memory) Get(_ *http.Request, id string) (oracle.Resource, error) {
	user, ok := m.users[id]
	if !ok {
		return user, oracleerrors.ScimErrorResourceNotFound(id)
	}
	return copied(user), nil
}

// GetAll is oracle.ResourceHandler's.
func (m *memory) GetAll(_ *http.Request, params oracle.ListRequestParams) (oracle.Page, error) {
	page := oracle.Page{Resources: []oracle.Resource{}}
	for _, id := range m.order {
		user, ok := m.users[id]
		if !ok {
			continue
		}
		if f := params.FilterValidator; f != nil {
			if err := f.PassesFilter(schema.Clone(user.Attributes)); err != nil {
				continue
			}
		}
		page.TotalResults++
		if page.TotalResults >= params.StartIndex && len(page.Resources) < params.Count {
			page.Resources = append(page.Resources, copied(user))
		}
	}
	return page, nil
}

// Replace is oracle.ResourceHandler's.
func (m *memory) Replace(_ *http.Request, id string, attributes oracle.ResourceAttributes) (oracle.Resource, error) {
	if _, ok := m.users[id]; !ok {
		return oracle.Resource{}, oracleerrors.ScimErrorResourceNotFound(id)
	}
	if m.taken(attributes, id) {
		return oracle.Resource{}, oracleerrors.ScimErrorUniqueness
	}
	return m.put(id, attributes), nil
}

// Delete is oracle.ResourceHandler's.
func (m *memory) Delete(_ *http.Request, id string) error {
	if _, ok := m.users[id]; !ok {
		return oracleerrors.ScimErrorResourceNotFound(id)
	}
	delete(m.users, id)
	return nil
}

// Patch is oracle.ResourceHandler's.
func (m *memory) Patch(_ *http.Request, id string, operations []oracle.PatchOperation) (oracle.Resource, error) {
	user, ok := m.users[id]
	if !ok {
		return oracle.Resource{}, oracleerrors.ScimErrorResourceNotFound(id)
	}
	attributes, err := oracle.ApplyPatch(copied(user).Attributes, operations, definition.CoreUserSchema(), definition.ExtensionEnterpriseUser())
	if err != nil {
		return oracle.Resource{}, err
	}
	if m.taken(attributes, id) {
		return oracle.Resource{}, oracleerrors.ScimErrorUniqueness
	}
	return m.put(id, attributes), nil
}

// anyUser is the body of a POST or PUT: mostly right, sometimes not.
func anyUser(t *rapid.T) string {
	text := rapid.SampledFrom([]string{"a", "b", "Ann", "ann", "x y"})
	user := map[string]any{
		"schemas":  []string{schema.UserURN},
		"userName": rapid.SampledFrom([]string{"ann", "bob", "cid", "Ann"}).Draw(t, "userName"),
	}
	for _, name := range []string{"displayName", "title", "nickName", "externalId"} {
		if rapid.Bool().Draw(t, name+"?") {
			user[name] = text.Draw(t, name)
		}
	}
	user["active"] = rapid.Bool().Draw(t, "active")
	if rapid.Bool().Draw(t, "name?") {
		user["name"] = map[string]any{"givenName": text.Draw(t, "givenName"), "familyName": text.Draw(t, "familyName")}
	}
	var emails []any
	for _, kind := range rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"work", "home", "other"}), 0, 3, rapid.ID).Draw(t, "emails") {
		emails = append(emails, map[string]any{"type": kind, "value": text.Draw(t, "address") + "@" + kind})
	}
	if emails != nil {
		user["emails"] = emails
	}
	if rapid.Bool().Draw(t, "enterprise?") {
		user[schema.EnterpriseURN] = map[string]any{"department": text.Draw(t, "department")}
		user["schemas"] = []string{schema.UserURN, schema.EnterpriseURN}
	}
	switch rapid.IntRange(0, 19).Draw(t, "mistake") {
	case 0:
		delete(user, "userName")
	case 1:
		user["title"] = 5
	case 2:
		user["active"] = "maybe"
	case 3:
		user["name"] = "x"
	case 4:
		user["emails"] = []any{map[string]any{"value": 5}}
	}
	body, err := json.Marshal(user)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

// anyPatch is a PATCH of one or two operations.
func anyPatch(t *rapid.T) string {
	text := rapid.SampledFrom([]any{"a", "b", "Ann"})
	var steps []any
	for range rapid.IntRange(1, 2).Draw(t, "steps") {
		step := map[string]any{"op": rapid.SampledFrom([]string{"add", "replace", "remove"}).Draw(t, "op")}
		path := rapid.SampledFrom([]string{
			"displayName", "title", "name.givenName", "name", "active", "emails", `emails[type eq "work"].value`, `emails[type eq "home"]`,
			schema.EnterpriseURN + ":department", "",
		}).Draw(t, "path")
		email := map[string]any{"type": "work", "value": "new@work"}
		var value any
		switch path {
		case "active":
			value = rapid.Bool().Draw(t, "active")
		case "name":
			value = map[string]any{"givenName": text.Draw(t, "givenName")}
		case "emails":
			value = []any{email}
		case `emails[type eq "home"]`:
			value = map[string]any{"value": "new@home"}
		case "":
			value = map[string]any{"title": text.Draw(t, "title"), "nickName": text.Draw(t, "nickName")}
			step["op"] = rapid.SampledFrom([]string{"add", "replace"}).Draw(t, "op without path")
		default:
			value = text.Draw(t, "value")
		}
		if path != "" {
			step["path"] = path
		}
		if step["op"] != "remove" {
			step["value"] = value
		}
		steps = append(steps, step)
	}
	body, err := json.Marshal(map[string]any{"schemas": []string{"urn:ietf:params:scim:api:messages:2.0:PatchOp"}, "Operations": steps})
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

func anyFilter(t *rapid.T, depth int) string {
	text := func() string {
		return `"` + rapid.SampledFrom([]string{"a", "b", "ann", "Ann", "@work", "zzz"}).Draw(t, "compared") + `"`
	}
	if depth > 0 {
		switch rapid.IntRange(0, 4).Draw(t, "form") {
		case 0:
			return "(" + anyFilter(t, depth-1) + ") and (" + anyFilter(t, depth-1) + ")"
		case 1:
			return "(" + anyFilter(t, depth-1) + ") or (" + anyFilter(t, depth-1) + ")"
		case 2:
			return "not (" + anyFilter(t, depth-1) + ")"
		}
	}
	path := rapid.SampledFrom([]string{
		"userName", "displayName", "title", "name.familyName", "emails.value", "emails.type", "active", schema.EnterpriseURN + ":department", "nickName",
	}).Draw(t, "attribute")
	if path == "active" {
		return fmt.Sprintf("active eq %v", rapid.Bool().Draw(t, "active"))
	}
	switch rapid.IntRange(0, 3).Draw(t, "test") {
	case 0:
		return path + " pr"
	case 1:
		return "emails[type eq \"work\" and value co " + text() + "]"
	default:
		return path + " " + rapid.SampledFrom([]string{"eq", "co", "sw", "ew"}).Draw(t, "operator") + " " + text()
	}
}

func anyExchange(t *rapid.T, made int) request {
	who := fmt.Sprintf("/Users/{%d}", rapid.IntRange(0, made).Draw(t, "who")) // the last is nobody
	switch rapid.IntRange(0, 9).Draw(t, "request") {
	case 0, 1:
		return request{post, "/Users", anyUser(t)}
	case 2:
		return request{put, who, anyUser(t)}
	case 3, 4, 5:
		return request{change, who, anyPatch(t)}
	case 6:
		return request{remove, who, ""}
	case 7:
		return request{get, who, ""}
	default:
		return request{get, "/Users?filter=" + anyFilter(t, 2), ""}
	}
}

// Where the other server is right, ours gives the same answer; where they differ, a row of differences says who is right, and why.
func TestDifferential(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	rapid.Check(t, func(rt *rapid.T) {
		p.clear()
		for range rapid.IntRange(1, 8).Draw(rt, "requests") {
			r := anyExchange(rt, len(p.ids[0]))
			ours, theirs := p.ask(r)
			if reflect.DeepEqual(ours, theirs) {
				continue
			}
			known := slices.ContainsFunc(differences(), func(d difference) bool { return d.explains(r, ours, theirs) })
			if !known {
				rt.Fatalf("%s %s %s: no row explains (-ours +theirs):\n%s", r.method, r.target, r.body, cmp.Diff(ours, theirs))
			}
			break // from here on the two do not hold the same
		}
	})
}

// difference is where the two part, with who is right: ours, by the section.
type difference struct {
	name, section string
	// explains says whether it is why two answers differ.
	explains func(r request, ours, theirs answer) bool
	// An example: a request about a user, and what either answers.
	user         string
	request      request
	ours, theirs string
}

const department = schema.EnterpriseURN + ":department"

func differences() []difference {
	filters := func(part string) func(request, answer, answer) bool {
		return func(r request, _, theirs answer) bool {
			_, filter, _ := strings.Cut(r.target, "filter=")
			return strings.Contains(filter, part) && (theirs.Status == http.StatusOK || theirs.Kind == "invalidFilter")
		}
	}
	patches := func(op, path string, status int) func(request, answer, answer) bool {
		return func(r request, ours, theirs answer) bool {
			var body struct{ Operations []struct{ Op, Path string } }
			if r.method != change || json.Unmarshal([]byte(r.body), &body) != nil || ours.Status != http.StatusOK || theirs.Status != status {
				return false
			}
			for _, o := range body.Operations {
				if (op == "" || o.Op == op) && strings.HasPrefix(o.Path, path) {
					return true
				}
			}
			return false
		}
	}
	one := func(operation string) request { return request{change, "/Users/{0}", patchOf(operation)} }
	return []difference{
		{
			name: "an attribute of an extension in a filter", section: "RFC 7644 section 3.10: attributes of extensions are named with their URN, in filters too",
			explains: filters(schema.EnterpriseURN),
			user:     `{"userName":"ann","` + schema.EnterpriseURN + `":{"department":"a"}}`,
			request:  request{get, "/Users?filter=" + department + ` eq "a"`, ""}, ours: "200 [ann]", theirs: "200 []",
		},
		{
			name: "a part of a multi-valued attribute in a filter", section: "RFC 7644 section 3.4.2.2: a filter on a multi-valued attribute matches if any of its values does",
			explains: filters("emails."),
			user:     `{"userName":"ann","emails":[{"value":"a@work"}]}`,
			request:  request{get, `/Users?filter=emails.value co "@work"`, ""}, ours: "200 [ann]", theirs: "200 []",
		},
		{
			name: "active is removed", section: "RFC 7644 section 3.5.2.2: to what is removed the server may assign a default; nobody is left without a state",
			explains: patches("remove", "active", http.StatusOK),
			user:     `{"userName":"ann","active":false}`,
			request:  one(`{"op":"remove","path":"active"}`), ours: `200 {"active":false,"userName":"ann"}`, theirs: `200 {"userName":"ann"}`,
		},
		{
			name: "an attribute of an extension in a path", section: "RFC 7643 section 3.3: attributes of an extension stand in the object under its URN",
			explains: patches("", department, http.StatusOK),
			user:     `{"userName":"ann","active":true}`,
			request:  one(`{"op":"add","path":"` + department + `","value":"a"}`),
			ours:     `200 {"active":true,"` + schema.EnterpriseURN + `":{"department":"a"},"userName":"ann"}`,
			theirs:   `200 {"active":true,"` + department + `":"a","userName":"ann"}`,
		},
		{
			name: "an add through a filter that matches nothing", section: "RFC 7644 section 3.5.2.1: if the target location does not exist, the attribute and value are added",
			explains: func(r request, ours, theirs answer) bool {
				if theirs.Kind == "noTarget" { // a later operation looks for the element
					theirs.Status = http.StatusOK
				}
				return patches("add", "emails[", http.StatusOK)(r, ours, theirs)
			},
			user:    `{"userName":"ann","active":true}`,
			request: one(`{"op":"add","path":"emails[type eq \"work\"].value","value":"a@work"}`),
			ours:    `200 {"active":true,"emails":[{"type":"work","value":"a@work"}],"userName":"ann"}`, theirs: `200 {"active":true,"userName":"ann"}`,
		},
		{
			name: "the value of an element is removed", section: "RFC 7643 section 2.4: an element is its value; a type of nothing says nothing",
			explains: func(r request, ours, theirs answer) bool {
				if ours.Kind == "noTarget" { // a later operation looks for the element
					ours.Status = http.StatusOK
				}
				return patches("remove", "emails[", http.StatusOK)(r, ours, theirs)
			},
			user:    `{"userName":"ann","active":true,"emails":[{"type":"work","value":"a@work"}]}`,
			request: one(`{"op":"remove","path":"emails[type eq \"work\"].value"}`),
			ours:    `200 {"active":true,"userName":"ann"}`, theirs: `200 {"active":true,"emails":[{"type":"work"}],"userName":"ann"}`,
		},
		{
			name: "a body without schemas", section: "RFC 7643 section 3 requires it; what it would say stands in the address, and clients leave it out: ours is lenient",
			explains: func(r request, ours, theirs answer) bool {
				return !strings.Contains(r.body, `"schemas"`) && ours.Status < http.StatusBadRequest && theirs.Kind == "invalidSyntax"
			},
			user:    `{"userName":"ann","active":true}`,
			request: request{put, "/Users/{0}", `{"userName":"ann","active":false}`}, ours: `200 {"active":false,"userName":"ann"}`, theirs: "400 invalidSyntax",
		},
		{
			name: "an element is added that is there", section: "RFC 7644 section 3.5.2.1: if the value added already exists, nothing is changed",
			explains: func(r request, ours, theirs answer) bool {
				return patches("add", "emails", http.StatusBadRequest)(r, ours, theirs) && theirs.Kind == "invalidValue"
			},
			user:    `{"userName":"ann","active":true,"emails":[{"type":"work","value":"a@work"}]}`,
			request: one(`{"op":"add","path":"emails","value":[{"type":"work","value":"a@work"}]}`),
			ours:    `200 {"active":true,"emails":[{"type":"work","value":"a@work"}],"userName":"ann"}`, theirs: "400 invalidValue",
		},
	}
}

// Each row is true of both: one that the other server has mended, or that ours has lost, must go.
func TestKnownDifferences(t *testing.T) {
	t.Parallel()
	for _, d := range differences() {
		t.Run(d.name, func(t *testing.T) {
			t.Parallel()
			p := newPair(t)
			ours, theirs := p.ask(request{post, "/Users", `{"schemas":["` + schema.UserURN + `"],` + d.user[1:]})
			if ours.Status != http.StatusCreated || theirs.Status != http.StatusCreated {
				t.Fatalf("got %s and %s for the user", ours, theirs)
			}
			ours, theirs = p.ask(d.request)
			if got, want := ours.String(), d.ours; got != want {
				t.Errorf("ours: got %s, want %s by %s", got, want, d.section)
			}
			if got, want := theirs.String(), d.theirs; got != want {
				t.Errorf("theirs: got %s, want %s", got, want)
			}
			if !d.explains(d.request, ours, theirs) {
				t.Error("the row does not explain its own example")
			}
		})
	}
}

// String is the answer in short.
func (a answer) String() string {
	switch {
	case a.User != nil:
		text, err := json.Marshal(a.User)
		if err != nil {
			return err.Error()
		}
		return fmt.Sprintf("%d %s", a.Status, text)
	case a.Kind != "":
		return fmt.Sprintf("%d %s", a.Status, a.Kind)
	default:
		return fmt.Sprintf("%d %v", a.Status, a.Names)
	}
}
