package simtest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"strconv"
)

// transport carries calls of one process to the stand-ins' handlers, without sockets. Each call is a
// point where others may run, and where the process may die: before the call leaves, and after the
// vendor did what was asked.
type transport struct {
	p     *process
	hosts map[string]http.Handler
}

// errRefused is a connection that nobody accepts: nothing was sent.
var errRefused = errors.New("connection refused")

// RoundTrip implements [http.RoundTripper].
func (t *transport) RoundTrip(r *http.Request) (*http.Response, error) {
	ctx := r.Context()
	park(ctx, r.Method+" "+r.URL.Path)
	if t.p.dead {
		return nil, errCrash
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	trace := httptrace.ContextClientTrace(ctx)
	if trace != nil && trace.GetConn != nil {
		trace.GetConn(r.URL.Host)
	}
	if t.p.w.refuses() {
		return nil, errRefused
	}
	if t.p.dies(beforeCall) {
		return nil, errCrash
	}
	if trace != nil && trace.GotConn != nil {
		trace.GotConn(httptrace.GotConnInfo{})
	}
	a := newAnswer()
	go a.serve(t.hosts[r.URL.Host], r.Clone(ctx))
	select {
	case <-a.ended:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if t.p.dies(afterCall) {
		return nil, errCrash
	}
	return a.response(r)
}

// answer is what a handler writes.
type answer struct {
	header http.Header
	status int
	body   bytes.Buffer
	cut    bool
	ended  chan struct{}
}

func newAnswer() *answer { return &answer{header: http.Header{}, ended: make(chan struct{})} }

// serve runs the handler. The vendor does not stop because the caller is gone, but notices it.
func (a *answer) serve(h http.Handler, r *http.Request) {
	defer close(a.ended)
	defer func() {
		if v := recover(); v != nil {
			if err, ok := v.(error); !ok || !errors.Is(err, http.ErrAbortHandler) {
				panic(v)
			}
			a.cut = true
		}
	}()
	if r.Body == nil {
		r.Body = http.NoBody
	}
	r.Host = r.URL.Host
	h.ServeHTTP(a, r)
}

// Header implements [http.ResponseWriter].
func (a *answer) Header() http.Header { return a.header }

// WriteHeader implements [http.ResponseWriter].
func (a *answer) WriteHeader(status int) {
	if a.status == 0 {
		a.status = status
	}
}

// Write implements [http.ResponseWriter].
func (a *answer) Write(b []byte) (int, error) {
	a.WriteHeader(http.StatusOK)
	return a.body.Write(b)
}

// response is what the caller gets: nothing at all where the connection ended before the head.
func (a *answer) response(r *http.Request) (*http.Response, error) {
	if a.cut && a.status == 0 {
		return nil, fmt.Errorf("read the reply: %w", io.ErrUnexpectedEOF)
	}
	var body io.Reader = bytes.NewReader(a.body.Bytes())
	length := int64(a.body.Len())
	if a.cut {
		body = io.MultiReader(body, cutOff{})
		if n, err := strconv.ParseInt(a.header.Get("Content-Length"), 10, 64); err == nil {
			length = n
		}
	}
	return &http.Response{
		Status: strconv.Itoa(a.status) + " " + http.StatusText(a.status), StatusCode: a.status,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: a.header, Body: io.NopCloser(body), ContentLength: length, Request: r,
	}, nil
}

// cutOff is where a body ends too early.
type cutOff struct{}

func (cutOff) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }
