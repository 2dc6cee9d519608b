package demo

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
)

// maxReply bounds what is read of a SCIM reply, in bytes.
const maxReply = 4 << 20

// idp is an identity provider's SCIM client: it knows the ids it was given and says
// each request to the view, unless it is silent.
type idp struct {
	source string
	base   string // ends in /scim/v2
	token  string
	header map[string]string
	http   *http.Client
	view   *view
	silent bool

	groups map[string]string // id by name
	names  map[string]string // what an id in a path stands for
}

func newIDP(source, address, token string, header map[string]string, v *view) *idp {
	return &idp{
		source: source, base: "http://" + address + "/scim/v2", token: token, header: header, view: v,
		http: &http.Client{Transport: &http.Transport{}}, groups: map[string]string{}, names: map[string]string{},
	}
}

func (p *idp) close() { p.http.CloseIdleConnections() }

// exchange is one request and what is said of it.
type exchange struct {
	method, path string
	query        url.Values
	body         any    // nil for none
	about        string // what matters in the body, in words
}

// resource is a SCIM resource or list as it came.
type resource map[string]any

func (r resource) id() string { s, _ := r["id"].(string); return s }

// found returns the resources of a list.
func (r resource) found() []any { list, _ := r["Resources"].([]any); return list }

// refused is a reply that a client of this kind would report to its administrator.
type refused struct {
	source, method, path string
	status               int
	detail               string
}

func (e *refused) Error() string {
	return fmt.Sprintf("%s: %s %s was answered with %d: %s", e.source, e.method, e.path, e.status, e.detail)
}

// send makes a request. Whatever is not 2xx is an error: nothing in the story is to be refused.
func (p *idp) send(ctx context.Context, x exchange) (resource, error) {
	var body io.Reader = http.NoBody
	if x.body != nil {
		b, err := json.Marshal(x.body)
		if err != nil {
			return nil, fmt.Errorf("write the body of %s %s: %w", x.method, x.path, err)
		}
		body = bytes.NewReader(b)
	}
	address := p.base + x.path
	if len(x.query) > 0 {
		address += "?" + strings.ReplaceAll(x.query.Encode(), "+", "%20")
	}
	req, err := http.NewRequestWithContext(ctx, x.method, address, body)
	if err != nil {
		return nil, fmt.Errorf("make the request %s %s: %w", x.method, x.path, err)
	}
	for name, value := range p.header {
		req.Header.Set(name, value)
	}
	req.Header.Set("Authorization", "Bearer "+p.token)
	reply, err := p.http.Do(req)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", p.source, err)
	}
	defer func() { _ = reply.Body.Close() }()
	raw, err := io.ReadAll(io.LimitReader(reply.Body, maxReply))
	if err != nil {
		return nil, fmt.Errorf("%s: read the reply to %s %s: %w", p.source, x.method, x.path, err)
	}
	var got resource
	if len(raw) > 0 {
		if err := json.Unmarshal(raw, &got); err != nil {
			return nil, fmt.Errorf("%s: read the reply to %s %s: %w", p.source, x.method, x.path, err)
		}
	}
	if reply.StatusCode >= http.StatusMultipleChoices {
		detail, _ := got["detail"].(string)
		return nil, &refused{p.source, x.method, x.path, reply.StatusCode, detail}
	}
	p.say(x, reply.StatusCode, got)
	return got, nil
}

func (p *idp) say(x exchange, status int, got resource) {
	if p.silent {
		return
	}
	text := x.method + " " + p.readable(x.path)
	if f := x.query.Get("filter"); f != "" {
		text += "?filter=" + f
	}
	if x.about != "" {
		text += "  " + x.about
	}
	tail := fmt.Sprint(status)
	if x.method == http.MethodGet && x.query != nil && len(got.found()) == 0 {
		tail = "none"
	}
	p.view.line(cameIn, p.source, text, tail)
}

// readable is a path with names in place of ids.
func (p *idp) readable(path string) string {
	parts := strings.Split(path, "/")
	for i, s := range parts {
		if name, ok := p.names[s]; ok {
			parts[i] = "{" + name + "}"
		}
	}
	return strings.Join(parts, "/")
}

// quietly does more of the same without a line for each request.
func (p *idp) quietly(do func() error) error {
	p.silent = true
	defer func() { p.silent = false }()
	return do()
}

// lookup finds one resource by filter; "" when there is none.
func (p *idp) lookup(ctx context.Context, path string, query url.Values) (string, error) {
	got, err := p.send(ctx, exchange{method: http.MethodGet, path: path, query: query})
	if err != nil || len(got.found()) == 0 {
		return "", err
	}
	first, _ := got.found()[0].(map[string]any)
	return resource(first).id(), nil
}

// make creates a resource and remembers what its id stands for.
func (p *idp) make(ctx context.Context, path, name, about string, body any) (string, error) {
	got, err := p.send(ctx, exchange{method: http.MethodPost, path: path, body: body, about: about})
	if err != nil {
		return "", err
	}
	p.names[got.id()] = name
	return got.id(), nil
}

// patch sends the operations of a PatchOp.
func (p *idp) patch(ctx context.Context, path, about string, operations ...operation) error {
	_, err := p.send(ctx, exchange{method: http.MethodPatch, path: path, about: about, body: map[string]any{
		"schemas": []string{patchSchema}, "Operations": operations,
	}})
	return err
}

// operation is one operation of a PatchOp as the client writes it.
type operation struct {
	Op    string `json:"op"`
	Path  string `json:"path,omitempty"`
	Value any    `json:"value,omitempty"`
}

const (
	userSchema       = "urn:ietf:params:scim:schemas:core:2.0:User"
	groupSchema      = "urn:ietf:params:scim:schemas:core:2.0:Group"
	enterpriseSchema = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
	patchSchema      = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
)
