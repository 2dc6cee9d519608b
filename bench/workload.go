package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"net/url"
	"strconv"
)

// operation is one kind of request that is measured.
type operation string

const (
	opPost   operation = "POST"   // create a user, with the body that Okta sends
	opGet    operation = "GET"    // read a user by id
	opPatch  operation = "PATCH"  // active=false, as Okta deactivates
	opFilter operation = "filter" // userName eq, as Okta looks up before it creates
)

// operations is the order in which they run: POST makes the users that the others use.
func operations() []operation { return []operation{opPost, opGet, opPatch, opFilter} }

// target is a server under load.
type target struct {
	name  string
	addr  string // host:port
	token string // bearer token; "" sends none
	// users are those that the other operations ask for.
	users []user
}

type user struct{ id, name string }

// phase returns the requests of one operation: warm to begin with, then n that are measured. Names have tag in them, which no
// other run on the same data has.
func (t *target) phase(op operation, n, warm int, tag string) phase {
	p := phase{requests: make([]request, n+warm), warm: warm}
	if op == opPost {
		t.users = make([]user, n+warm)
		p.reply = t.keep
		for i := range p.requests {
			t.users[i].name = newName(i, tag)
			p.requests[i] = request{wire: t.wire("POST", "/scim/v2/Users", newUser(i, t.users[i].name)), status: 201}
		}
		return p
	}
	// Every user is asked for once, in an order that has nothing to do with that of their making, but is the same in every run.
	order := rand.New(rand.NewPCG(1, 2)).Perm(len(t.users)) //nolint:gosec // not a secret: an order
	for i := range p.requests {
		u := t.users[order[i%len(order)]]
		switch op {
		case opGet:
			p.requests[i] = request{wire: t.wire("GET", "/scim/v2/Users/"+u.id, nil), status: 200, has: []byte(u.name)}
		case opPatch:
			p.requests[i] = request{wire: t.wire("PATCH", "/scim/v2/Users/"+u.id, []byte(deactivate)), status: 200, has: []byte(`"active":false`)}
		case opFilter:
			query := url.Values{"filter": {fmt.Sprintf("userName eq %q", u.name)}, "startIndex": {"1"}, "count": {"100"}}
			p.requests[i] = request{wire: t.wire("GET", "/scim/v2/Users?"+query.Encode(), nil), status: 200, has: []byte(u.id)}
		}
	}
	return p
}

// newName is the userName of the ith user that a phase makes: the same at both servers, and
// somewhere among the names that are there.
func newName(i int, tag string) string {
	h := fnv.New64a()
	fmt.Fprintf(h, "%s %d", tag, i)
	return fmt.Sprintf("%016x.%d@acme.example", h.Sum64(), i)
}

// deactivate is what Okta sends when somebody is unassigned.
const deactivate = `{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[{"op":"replace","value":{"active":false}}]}`

// newUser is what Okta sends to create somebody.
func newUser(i int, name string) []byte {
	given, family := "Test"+strconv.Itoa(i), "User"+strconv.Itoa(i)
	return fmt.Appendf(nil, `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":%q,`+
		`"name":{"givenName":%q,"familyName":%q},"emails":[{"primary":true,"value":%q,"type":"work"}],`+
		`"displayName":%q,"locale":"en-US","externalId":%q,"groups":[],"password":"1mz050nq","active":true}`,
		name, given, family, name, given+" "+family, "00u"+name)
}

// keep remembers the id that a POST was answered with.
func (t *target) keep(i int, body []byte) {
	var made struct{ ID string }
	if json.Unmarshal(body, &made) == nil {
		t.users[i].id = made.ID
	}
}

// made checks that every POST was answered with an id.
func (t *target) made() error {
	for _, u := range t.users {
		if u.id == "" {
			return fmt.Errorf("%s answered a POST without an id", t.name)
		}
	}
	return nil
}

// wire returns a request as it is sent.
func (t *target) wire(method, path string, body []byte) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\nHost: %s\r\nAccept: application/scim+json\r\nUser-Agent: usher-bench\r\n", method, path, t.addr)
	if t.token != "" {
		fmt.Fprintf(&b, "Authorization: Bearer %s\r\n", t.token)
	}
	if body != nil {
		fmt.Fprintf(&b, "Content-Type: application/scim+json\r\nContent-Length: %d\r\n", len(body))
	}
	b.WriteString("\r\n")
	b.Write(body)
	return b.Bytes()
}

// check compares a reply with what it must be.
func (r request) check(status int, body []byte) error {
	if status != r.status && status != r.or {
		return fmt.Errorf("the reply has status %d, not %d: %.200s", status, r.status, body)
	}
	if !bytes.Contains(body, r.has) {
		return errors.New("the reply is not about the user that was asked for")
	}
	return nil
}
