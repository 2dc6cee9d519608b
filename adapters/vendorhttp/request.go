package vendorhttp

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/url"
	"strings"

	"github.com/usher-scim/usher/adapters"
)

// Request is one call of a vendor's API.
type Request struct {
	Op     string // what it is for, for error texts: "create user"
	Method string
	// Path is the route below the base address, with {names} that Args fill in order: "/users/{id}".
	// It is what metrics and records show.
	Path string
	// Args are escaped into Path. An empty one, "." and ".." are refused before anything is sent:
	// with an empty id "/users/{id}" would be another resource.
	Args  []string
	Query url.Values
	Body  any        // sent as JSON; nil sends no body
	Form  url.Values // sent as a form, when Body is nil
	Class string     // which of Config.Limits it counts against
	// AnyType accepts a success whose body is not JSON.
	AnyType bool
}

// Response is a vendor's reply with its whole body.
type Response struct {
	Status    int
	Header    http.Header
	Body      []byte
	RequestID string // the vendor's, else the one we sent
}

// IsJSON reports whether the reply says that it is JSON.
func (r *Response) IsJSON() bool {
	t, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	return err == nil && (t == "application/json" || strings.HasSuffix(t, "+json"))
}

// Decode reads the body as one JSON value into v. Fields that v does not know are ignored, because
// vendors add fields; text after the value, and an empty body, are errors. Whole numbers keep all
// their digits in json.Number and in integer fields.
func (r *Response) Decode(v any) error {
	dec := json.NewDecoder(bytes.NewReader(r.Body))
	dec.UseNumber()
	if err := dec.Decode(v); err != nil {
		return fmt.Errorf("read the reply as JSON: %w", err)
	}
	if _, err := dec.Token(); err != io.EOF {
		return fmt.Errorf("read the reply as JSON: more follows after the first value")
	}
	return nil
}

// JSON sends req and decodes the reply's body into out. A success whose body cannot be read is
// Uncertain for a write (it has likely happened) and Unavailable for a read.
func (c *Client) JSON(ctx context.Context, req Request, out any) (*Response, error) {
	resp, err := c.Do(ctx, req)
	if err != nil {
		return nil, err
	}
	if err := resp.Decode(out); err != nil {
		return nil, c.Unreadable(req, resp, err)
	}
	return resp, nil
}

// Unreadable returns the error for a success whose body the adapter does not understand.
func (c *Client) Unreadable(req Request, resp *Response, cause error) *adapters.Error {
	e := c.unreadable(req, "the reply is not what the API answers")
	e.Status, e.Request, e.Err = resp.Status, resp.RequestID, cause
	return e
}

// ParseBase checks a base address: https, or http to a loopback host; with a host; without user
// name, password, query and fragment. A trailing slash is dropped.
func ParseBase(s string) (*url.URL, error) {
	u, err := url.Parse(strings.TrimRight(s, "/"))
	if err != nil {
		return nil, fmt.Errorf("the base address is not a valid URL") // err would repeat it, with a password maybe
	}
	switch {
	case u.User != nil:
		return nil, fmt.Errorf("the base address must not hold a user name or password")
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return nil, fmt.Errorf("the base address must not hold a query or fragment")
	case u.Scheme != "https" && u.Scheme != "http":
		return nil, fmt.Errorf("the base address must begin with https://")
	case u.Hostname() == "":
		return nil, fmt.Errorf("the base address has no host")
	case u.Scheme == "http" && !loopback(u.Hostname()):
		return nil, fmt.Errorf("the base address must begin with https:// (plain http is allowed to this machine only)")
	}
	return u, nil
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// build makes the HTTP request, without the credential, and returns its body.
func (c *Client) build(ctx context.Context, req Request, id string) (*http.Request, []byte, *adapters.Error) {
	path, err := expand(req.Path, req.Args)
	if err != nil {
		return nil, nil, c.fail(req, adapters.Invalid, err.Error(), nil)
	}
	u, err := url.Parse(c.base.String() + path)
	if err != nil {
		return nil, nil, c.fail(req, adapters.Invalid, "the address cannot be built", nil)
	}
	u.RawQuery = req.Query.Encode()
	var body []byte
	contentType := ""
	switch {
	case req.Body != nil:
		if body, err = json.Marshal(req.Body); err != nil {
			return nil, nil, c.fail(req, adapters.Invalid, "the request cannot be encoded as JSON", err)
		}
		contentType = "application/json"
	case req.Form != nil:
		body, contentType = []byte(req.Form.Encode()), "application/x-www-form-urlencoded"
	}
	hreq, err := http.NewRequestWithContext(ctx, req.Method, u.String(), nil)
	if err != nil {
		return nil, nil, c.fail(req, adapters.Invalid, "the request cannot be built", nil)
	}
	hreq.Header.Set("Accept", "application/json")
	hreq.Header.Set("User-Agent", c.deps.UserAgent)
	hreq.Header.Set("X-Request-Id", id)
	if contentType != "" {
		hreq.Header.Set("Content-Type", contentType)
	}
	return hreq, body, nil
}

// expand fills the {names} of a route with args, in order.
func expand(route string, args []string) (string, error) {
	var b strings.Builder
	for rest := route; ; {
		before, after, found := strings.Cut(rest, "{")
		b.WriteString(before)
		if !found {
			break
		}
		name, tail, closed := strings.Cut(after, "}")
		if !closed || len(args) == 0 {
			return "", fmt.Errorf("the route %s has a place without a value", route)
		}
		if args[0] == "" || args[0] == "." || args[0] == ".." {
			return "", fmt.Errorf("the %s is empty or not usable in an address", name)
		}
		b.WriteString(url.PathEscape(args[0]))
		args, rest = args[1:], tail
	}
	if len(args) != 0 {
		return "", fmt.Errorf("the route %s has fewer places than values", route)
	}
	return b.String(), nil
}

// requestID finds the vendor's id of a request in its reply, else returns ours.
func requestID(h http.Header, ours string) string {
	for _, name := range []string{"X-Request-Id", "X-Zm-Trackingid", "X-Correlation-Id", "Request-Id", "X-Amzn-Requestid", "Cf-Ray"} {
		if v := h.Get(name); v != "" {
			return Clean(v, 100)
		}
	}
	return ours
}
