package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"syscall"

	"github.com/usher-scim/usher/admin"
)

// maxReply bounds a JSON reply, in bytes; a thousand accounts with their profiles are the largest.
const maxReply = 64 << 20

// Options say which server is spoken to, and as whom.
type Options struct {
	Data   string // the data folder, for error texts
	Socket string // path of the server's socket
	Actor  string // the administrator's name, for the audit; "" leaves it to the server
}

// Client calls one server. It is safe for concurrent use. Every call fails with
// *UnreachableError when no server answers on the socket, with *Error when the server
// refuses, and with ctx's error when ctx ends.
type Client struct {
	o    Options
	http *http.Client
}

// New returns a client. It connects at the first call.
func New(o Options) *Client {
	var d net.Dialer
	transport := &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			conn, err := d.DialContext(ctx, "unix", o.Socket)
			if err != nil && ctx.Err() == nil {
				return nil, &UnreachableError{Data: o.Data, Socket: o.Socket, Err: err}
			}
			return conn, err
		},
		DisableCompression: true,
	}
	return &Client{o: o, http: &http.Client{Transport: transport}}
}

// Close gives up idle connections.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Reply is what the server answered.
type Reply[T any] struct {
	Value T
	JSON  json.RawMessage // the body as it came; nil where there was none
}

// UnreachableError means that no server answers on the socket.
type UnreachableError struct {
	Data, Socket string
	Err          error
}

// Error says in one sentence what to do.
func (e *UnreachableError) Error() string {
	if errors.Is(e.Err, fs.ErrPermission) {
		return fmt.Sprintf("the socket %s belongs to another user: run this as the user who started usher", e.Socket)
	}
	if errors.Is(e.Err, fs.ErrNotExist) || errors.Is(e.Err, syscall.ECONNREFUSED) {
		return fmt.Sprintf("no usher serves %s: start `usher serve --data %s`, or name the right folder with --data", e.Data, e.Data)
	}
	return fmt.Sprintf("no usher can be reached at %s: %v", e.Socket, e.Err)
}

func (e *UnreachableError) Unwrap() error { return e.Err }

// Error is a request that the server refused or could not carry out.
type Error struct {
	Status int // of HTTP
	Reply  admin.ErrorReply
	JSON   json.RawMessage // the reply as it came
}

// Error returns the server's sentence.
func (e *Error) Error() string { return e.Reply.Error.Message }

// Code returns the kind of the failure.
func (e *Error) Code() admin.Code { return e.Reply.Error.Code }

// call sends one request and reads a JSON reply.
func call[T any](ctx context.Context, c *Client, method, path string, query url.Values, contentType string, body []byte) (Reply[T], error) {
	var out Reply[T]
	raw, err := c.bytes(ctx, method, path, query, contentType, body)
	if err != nil || len(raw) == 0 {
		return out, err
	}
	out.JSON = raw
	if err := json.Unmarshal(raw, &out.Value); err != nil {
		return out, fmt.Errorf("the server's answer to %s %s is not understood, its version may differ from this one's: %w", method, path, err)
	}
	return out, nil
}

// bytes sends one request and returns the body of a good reply.
func (c *Client) bytes(ctx context.Context, method, path string, query url.Values, contentType string, body []byte) ([]byte, error) {
	reply, err := c.send(ctx, method, path, query, contentType, body)
	if err != nil {
		return nil, err
	}
	defer func() { _ = reply.Body.Close() }()
	raw, err := readAll(reply.Body)
	if err != nil {
		return nil, fmt.Errorf("read the server's answer to %s %s: %w", method, path, err)
	}
	return raw, nil
}

// send returns a good reply, whose body the caller closes, or an error.
func (c *Client) send(ctx context.Context, method, path string, query url.Values, contentType string, body []byte) (*http.Response, error) {
	u := url.URL{Scheme: "http", Host: "usher", Path: "/api/v1", RawQuery: query.Encode()}
	req, err := http.NewRequestWithContext(ctx, method, u.JoinPath(path).String(), bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("make the request: %w", err)
	}
	if c.o.Actor != "" {
		req.Header.Set(admin.ActorHeader, c.o.Actor)
	}
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	reply, err := c.http.Do(req)
	if err != nil {
		return nil, c.failed(ctx, err)
	}
	if reply.StatusCode < http.StatusBadRequest {
		return reply, nil
	}
	defer func() { _ = reply.Body.Close() }()
	return nil, refusal(reply)
}

func (c *Client) failed(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	var gone *UnreachableError
	if errors.As(err, &gone) {
		return gone
	}
	var ue *url.Error
	if errors.As(err, &ue) {
		err = ue.Err
	}
	return fmt.Errorf("the server at %s ended the connection before it answered; what was asked may have been done: %w", c.o.Socket, err)
}

func refusal(reply *http.Response) error {
	e := &Error{Status: reply.StatusCode}
	raw, err := readAll(reply.Body)
	if err == nil {
		err = json.Unmarshal(raw, &e.Reply)
	}
	if err != nil || e.Reply.Error.Message == "" {
		e.Reply.Error.Code, e.Reply.Error.Message = admin.Internal, "the server answers "+reply.Status+" and does not say why"
		return e
	}
	e.JSON = raw
	return e
}

func readAll(r io.Reader) ([]byte, error) {
	raw, err := io.ReadAll(io.LimitReader(r, maxReply+1))
	if err != nil {
		return nil, err
	}
	if len(raw) > maxReply {
		return nil, fmt.Errorf("it is longer than %d bytes", maxReply)
	}
	return raw, nil
}
