package scim_test

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/usher-scim/usher/directory"
	"github.com/usher-scim/usher/scim"
	"github.com/usher-scim/usher/scim/schema"
)

// What the RFCs say by the letter and no law repeats: the small things that conformance suites ask for.

// RFC 9110 section 9.3.2: a HEAD is a GET without the body.
func TestHeadIsGetWithoutItsBody(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	token := h.source(t, "hr", directory.Generic, false)
	user := h.id(t, token, "/Users", `{"userName":"a"}`)
	group := h.id(t, token, "/Groups", `{"displayName":"g","members":[{"value":"`+user+`"}]}`)
	for _, target := range []string{"/Users", "/Users/" + user, "/Groups/" + group, "/ServiceProviderConfig", "/Schemas", "/ResourceTypes/User", "/Users/nobody", ""} {
		want, got := h.send(t, token, get, target, nil, ""), h.send(t, token, http.MethodHead, target, nil, "")
		if got.Code != want.Code || got.Body.Len() != 0 {
			t.Errorf("%s: got %d and %d bytes, want %d and none", target, got.Code, got.Body.Len(), want.Code)
		}
		for _, name := range []string{"Content-Type", "Content-Length", "ETag"} {
			if got, want := got.Header().Get(name), want.Header().Get(name); got != want {
				t.Errorf("%s: got %s %q, want %q", target, name, got, want)
			}
		}
	}
	if w := h.send(t, token, http.MethodHead, "/Users/"+user, http.Header{"If-None-Match": {"*"}}, ""); w.Code != http.StatusNotModified {
		t.Errorf("got %d for a version that the client has, want 304", w.Code)
	}
}

// RFC 7644 section 4: a filter is refused, everything else of a query is passed over.
func TestDiscoveryTakesNoQuery(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	token := h.source(t, "hr", directory.Generic, false)
	for _, target := range []string{"/ServiceProviderConfig", "/Schemas", "/Schemas/" + schema.UserURN, "/ResourceTypes", "/ResourceTypes/Group"} {
		h.refused(t, token, get, target+`?filter=id eq "x"`, "", http.StatusForbidden)
		want := h.send(t, token, get, target, nil, "").Body.String()
		if got := h.send(t, token, get, target+"?startIndex=2&count=0&sortBy=id&attributes=id&excludedAttributes=id", nil, "").Body.String(); got != want {
			t.Errorf("%s: a query changed the document:\n%s", target, got)
		}
	}
}

// A search is not an id: what is no POST to it is 405.
func TestSearchPathsTakeOnlyPost(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	token := h.source(t, "hr", directory.Generic, false)
	for _, target := range []string{"/.search", "/Users/.search", "/Groups/.search"} {
		for _, method := range []string{get, put, change, remove} {
			w := h.send(t, token, method, target, nil, "")
			if w.Code != http.StatusMethodNotAllowed || w.Header().Get("Allow") != "OPTIONS, POST" {
				t.Errorf("%s %s: got %d, Allow %q", method, target, w.Code, w.Header().Get("Allow"))
			}
		}
	}
}

// RFC 7643 section 3: "schemas" says what a body is.
func TestSchemasOfABody(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	tolerant, strict := h.source(t, "hr", directory.Generic, false), h.source(t, "strict", directory.Generic, true)
	made := 0
	for _, test := range []struct {
		schemas          string
		tolerant, strict int
	}{
		{``, 201, 201},
		{`"schemas":null,`, 201, 201},
		{`"schemas":[],`, 201, 201},
		{`"schemas":["` + schema.UserURN + `"],`, 201, 201},
		{`"schemas":["` + strings.ToUpper(schema.UserURN) + `","` + schema.EnterpriseURN + `"],`, 201, 201},
		{`"schemas":"` + schema.UserURN + `",`, 201, 201},
		{`"schemas":["` + schema.UserURN + `","urn:unknown"],`, 201, 400},
		{`"schemas":["` + schema.EnterpriseURN + `"],`, 201, 400},
		{`"schemas":["urn:scim:schemas:core:2.0"],`, 201, 400}, // a draft's, which OneLogin writes
		{`"schemas":["` + schema.GroupURN + `"],`, 400, 400},
		{`"schemas":["urn:unknown"],`, 400, 400},
		{`"schemas":[5],`, 400, 400},
		{`"schemas":{},`, 400, 400},
	} {
		for token, status := range map[string]int{tolerant: test.tolerant, strict: test.strict} {
			made++
			body := fmt.Sprintf(`{%s"userName":"user%d"}`, test.schemas, made)
			if status == 201 {
				h.ask(t, token, post, "/Users", body, status)
			} else if scimType, _ := h.refused(t, token, post, "/Users", body, status); scimType != "invalidSyntax" {
				t.Errorf("%s: got %s", body, scimType)
			}
		}
	}
}

// Core attributes in an object under the core schema's URN, as extensions are written.
func TestCoreAttributesUnderTheirURN(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	for _, strict := range []bool{false, true} {
		token := h.source(t, fmt.Sprintf("strict-%v", strict), directory.Generic, strict)
		name := fmt.Sprintf("ann-%v", strict)
		reply := h.ask(t, token, post, "/Users", `{"title":"t","`+schema.UserURN+`":{"userName":"`+name+`","name":{"givenName":"Ann"}}}`, 201)
		if reply["userName"] != name || reply["title"] != "t" || at(reply, "name", "givenName") != "Ann" || reply[schema.UserURN] != nil {
			t.Errorf("got %v", reply)
		}
		id := reply["id"].(string)
		reply = h.ask(t, token, post, "/Groups", `{"`+schema.GroupURN+`":{"displayName":"g-`+name+`","members":[{"value":"`+id+`"}]}}`, 201)
		if reply["displayName"] != "g-"+name || at(reply, "members", 0, "value") != id {
			t.Errorf("got %v", reply)
		}
		reply = h.ask(t, token, put, "/Users/"+id, `{"`+schema.UserURN+`":{"userName":"`+name+`"}}`, 200)
		if reply["title"] != nil {
			t.Errorf("a PUT left the title: %v", reply)
		}
		for body, want := range map[string]string{
			`{"userName":"x","` + schema.UserURN + `":{"USERNAME":"y"}}`: "invalidSyntax",
			`{"userName":"x","` + schema.UserURN + `":5}`:                "invalidValue",
		} {
			if got, _ := h.refused(t, token, post, "/Users", body, 400); got != want {
				t.Errorf("%s: got %s, want %s", body, got, want)
			}
		}
	}
}

// A client that sends a little too much is told so, although it reads the answer only when it has sent all.
func TestWhoSendsTooMuchHearsIt(t *testing.T) {
	t.Parallel()
	h := newHouse(t, func(o *scim.Options) { o.Limits.UserBody = 8 << 20 })
	token := h.source(t, "hr", directory.Generic, false)
	server := httptest.NewServer(h.handler)
	t.Cleanup(server.Close)
	const size = 15 << 20
	for _, coding := range []string{fmt.Sprintf("Content-Length: %d", size), "Transfer-Encoding: chunked"} {
		var dialer net.Dialer
		conn, err := dialer.DialContext(t.Context(), "tcp", server.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		body := strings.Repeat("x", size)
		if strings.HasPrefix(coding, "Transfer") {
			body = fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", size, body)
		}
		request := "POST /scim/v2/Users HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + token + "\r\n" + coding + "\r\n\r\n"
		if _, err = conn.Write([]byte(request + body)); err != nil {
			t.Fatalf("%s: the connection broke while the body was sent: %v", coding, err)
		}
		response, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatalf("%s: %v", coding, err)
		}
		if got, want := response.StatusCode, http.StatusRequestEntityTooLarge; got != want {
			t.Errorf("%s: got %d, want %d", coding, got, want)
		}
		if err := response.Body.Close(); err != nil {
			t.Error(err)
		}
		if err := conn.Close(); err != nil {
			t.Error(err)
		}
	}
}
