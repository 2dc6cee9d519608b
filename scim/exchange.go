package scim

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/usher-scim/usher/directory"
	"github.com/usher-scim/usher/scim/fault"
	"github.com/usher-scim/usher/scim/schema"
)

// maxURI bounds path and query, which hold a filter of at most 8 KiB, escaped.
const maxURI = 32 << 10

// exchange is one request with what is known about it, and its response.
type exchange struct {
	*Server
	r       *http.Request
	w       *responseWriter
	request string // id, for logs, changes and the client
	route   route
	query   url.Values
	source  directory.Source
	token   directory.Token
	dialect dialect
	address string // see base
	surplus int64  // how much of a body that was refused is still to be read, in bytes
}

// route is where a request was led.
type route struct {
	pattern string
	id      string // of the resource in the path, "" without one
	client  string // the address of who asks
	open    bool   // no token is needed
}

// answer runs a handler between what all routes share: request id, token, limits, errors, log.
func (s *Server) answer(w http.ResponseWriter, r *http.Request, where route, h handler) {
	began := s.now()
	x := &exchange{Server: s, r: r, w: &responseWriter{ResponseWriter: w, head: r.Method == http.MethodHead}, request: requestID(r, s.newID), route: where}
	w.Header().Set("X-Request-Id", x.request)
	defer func() {
		p := recover()
		aborted := p == http.ErrAbortHandler //nolint:errorlint // a panic value, compared as net/http does
		if p != nil && !aborted {
			s.log.Error("scim request panicked", "request", x.request, "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
			if aborted = x.w.status != 0; !aborted {
				x.fail(errors.New("panic"))
			}
		}
		x.done(began)
		if aborted {
			panic(http.ErrAbortHandler)
		}
	}()
	if err := x.run(h); err != nil {
		x.fail(err)
		x.drain()
	}
}

func (x *exchange) run(h handler) error {
	if len(x.r.RequestURI) > maxURI {
		return fault.Status(http.StatusRequestURITooLong, "the address is longer than %d bytes", maxURI)
	}
	if !x.route.open {
		if err := x.authenticate(); err != nil {
			return err
		}
	}
	if err := x.negotiate(); err != nil {
		return err
	}
	var err error
	if x.r.URL.RawQuery == "" {
		return h(x)
	}
	if x.query, err = url.ParseQuery(x.r.URL.RawQuery); err != nil {
		// Dropping what cannot be read, as URL.Query does, would answer a broken filter with everybody.
		return fault.New(fault.InvalidSyntax, "the query of the address is malformed")
	}
	return h(x)
}

// done observes and logs the request once it is answered.
func (x *exchange) done(began time.Time) {
	now := x.now()
	took := now.Sub(began)
	x.observe(x.r.Method, x.route.pattern, x.w.status, took)
	if !x.log.Enabled(x.ctx(), slog.LevelInfo) {
		return
	}
	// The line is handed to the handler as it is: Logger.Info would box each value and look for the line of code it comes from.
	line := slog.NewRecord(now, slog.LevelInfo, "scim request", 0)
	line.AddAttrs(slog.String("request", x.request), slog.String("method", x.r.Method), slog.String("route", x.route.pattern),
		slog.Int("status", x.w.status), slog.Duration("took", took))
	if x.source.ID != uuid.Nil {
		line.AddAttrs(slog.String("source", x.source.ID.String()))
	}
	if _, ok := exactID(x.route.id); ok {
		line.AddAttrs(slog.String("id", x.route.id))
	}
	_ = x.log.Handler().Handle(x.ctx(), line) // as Logger does: a log that fails stops no request
}

// authenticate finds the source whose token the request bears. It is done before anything of the request is looked at.
func (x *exchange) authenticate() error {
	scheme, token, _ := strings.Cut(x.r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		token = ""
	}
	var err error
	x.source, x.token, err = x.directory.Authenticate(x.ctx(), strings.TrimSpace(token))
	if directory.CodeOf(err) == directory.Unauthorized {
		// A right token from the same address is never slowed down by wrong ones.
		if wait := x.failures.take(x.route.client, x.now()); wait > 0 {
			return x.tooMany(wait)
		}
		refused, _ := told(err, x.request)
		return refused
	}
	if err != nil {
		return err
	}
	x.dialect = dialectOf(x.source.Kind)
	if x.tokens != nil {
		if wait := x.tokens.take(x.token.ID.String(), x.now()); wait > 0 {
			return x.tooMany(wait)
		}
	}
	return mayUse(x.token, x.r.Method, x.route.pattern)
}

// mayUse refuses a token what it is not for. A search reads, although it is a POST.
func mayUse(t directory.Token, method, pattern string) error {
	if t.ReadOnly && method != http.MethodGet && method != http.MethodHead && !strings.HasSuffix(pattern, searchPath) {
		return fault.Status(http.StatusForbidden, "this token may only read")
	}
	return nil
}

func (x *exchange) tooMany(wait time.Duration) error {
	seconds := int64((wait + time.Second - 1) / time.Second)
	x.w.Header().Set("Retry-After", strconv.FormatInt(seconds, 10))
	return fault.Status(http.StatusTooManyRequests, "too many requests: try again in %d s", seconds)
}

func (x *exchange) ctx() context.Context { return x.r.Context() }

// id is the id in the path; what cannot be one is as unknown as one that nobody has. Ids compare exactly.
func (x *exchange) id(kind string) (uuid.UUID, error) {
	id, ok := exactID(x.route.id)
	if !ok {
		return uuid.Nil, fault.Status(http.StatusNotFound, "there is no %s with this id", kind)
	}
	return id, nil
}

// exactID reads an id in the one form in which we write it; package uuid takes others too.
func exactID(text string) (uuid.UUID, bool) {
	if len(text) != 36 || strings.ToLower(text) != text {
		return uuid.Nil, false
	}
	id, err := uuid.Parse(text)
	return id, err == nil
}

func (x *exchange) mode() schema.Mode {
	return schema.Mode{Strict: x.source.Strict, Shorthand: x.dialect.ExtensionShorthand}
}

// location is the address of a resource of an endpoint.
func (x *exchange) location(endpoint string, id uuid.UUID) string {
	var room [128]byte
	return string(appendUUID(append(append(room[:0], x.base()...), endpoint...), id))
}

// base returns the address of Root as the client knows it, for locations. It is worked out once.
func (x *exchange) base() string {
	if x.address == "" {
		x.address = x.baseOf()
	}
	return x.address
}

func (x *exchange) baseOf() string {
	if x.public != "" {
		return x.public + Root
	}
	scheme, host := "http", x.r.Host
	if x.r.TLS != nil {
		scheme = "https"
	}
	if x.fromProxy() {
		if proto := strings.ToLower(x.r.Header.Get("X-Forwarded-Proto")); proto == "http" || proto == "https" {
			scheme = proto
		}
		if forwarded := x.r.Header.Get("X-Forwarded-Host"); forwarded != "" && !strings.ContainsAny(forwarded, ",/ ") {
			host = forwarded
		}
	}
	return scheme + "://" + host + Root
}

func (x *exchange) fromProxy() bool {
	peer, err := netip.ParseAddrPort(x.r.RemoteAddr)
	if err != nil {
		return false
	}
	for _, p := range x.proxies {
		if p.Contains(peer.Addr().Unmap()) {
			return true
		}
	}
	return false
}

// requestID takes the client's own X-Request-Id where it is a plain one, so that both sides' logs can be laid beside each
// other.
func requestID(r *http.Request, newID func() uuid.UUID) string {
	const most = 64
	id := r.Header.Get("X-Request-Id")
	for i := range len(id) {
		c := id[i]
		if c != '-' && c != '_' && c != '.' && (c < '0' || c > '9') && (c|0x20 < 'a' || c|0x20 > 'z') {
			return newID().String()
		}
	}
	if id == "" || len(id) > most {
		return newID().String()
	}
	return id
}

// responseWriter remembers the status that was sent, and keeps the body of a HEAD to itself.
type responseWriter struct {
	http.ResponseWriter
	status int
	head   bool
}

func (w *responseWriter) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *responseWriter) Write(b []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	if w.head {
		return len(b), nil
	}
	return w.ResponseWriter.Write(b)
}

// Unwrap lets http.ResponseController reach what lies beneath.
func (w *responseWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
