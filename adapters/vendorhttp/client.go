package vendorhttp

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/hashicorp/go-retryablehttp"

	"github.com/usher-scim/usher/adapters"
)

// Bounds that hold where Config does not say otherwise.
const (
	DefaultMaxBody        = 8 << 20          // bytes of one reply
	DefaultConnectTimeout = 5 * time.Second  // TCP and TLS, each
	DefaultHeaderTimeout  = 30 * time.Second // from the request sent to the reply's first byte
	DefaultTimeout        = 60 * time.Second // one exchange with its repetitions
	DefaultConcurrency    = 4
)

// Config is what a Client is made of. App, BaseURL and Auth are needed.
type Config struct {
	App     string // the adapter's name, for metrics and errors
	Title   string // the vendor's name as people say it, for error texts; "" means App
	BaseURL string // everything before the resource path; see ParseBase
	Auth    Auth   // nil sends no credential

	// Limits paces calls by Request.Class; the entry "" is for classes not listed.
	// A class without a limit is bounded by Concurrency alone.
	Limits      map[string]Limit
	Concurrency int // calls at once; 0 means DefaultConcurrency

	// Classify turns a reply that is not a success into an error. def is what the status alone
	// says, with Op, Status, After and Request filled in; Classify changes and returns it.
	// A nil Classify, or nil from it, keeps def. Message is cleaned and shortened afterwards.
	Classify func(req Request, resp *Response, def *adapters.Error) *adapters.Error
	// Expired says whether a reply means that the token ended, so that it is renewed and the
	// call repeated, once. nil means status 401.
	Expired func(resp *Response) bool

	Secrets        []adapters.Secret // never shown in an error, even if the vendor echoes them
	MaxBody        int64
	ConnectTimeout time.Duration
	HeaderTimeout  time.Duration
	Timeout        time.Duration
}

// Client calls one vendor tenant. It is safe for concurrent use.
type Client struct {
	cfg    Config
	deps   adapters.Deps
	base   *url.URL
	pace   *pacer
	http   *retryablehttp.Client
	scrub  *scrubber
	ownRTT *http.Transport // nil when the transport was given
}

// New returns a Client; it sends nothing. An error is one clear sentence about the settings.
func New(cfg Config, deps adapters.Deps) (*Client, error) {
	base, err := ParseBase(cfg.BaseURL)
	if err != nil {
		return nil, err
	}
	if cfg.Title == "" {
		cfg.Title = cfg.App
	}
	if cfg.Auth == nil {
		cfg.Auth = anonymous{}
	}
	if cfg.Expired == nil {
		cfg.Expired = func(r *Response) bool { return r.Status == http.StatusUnauthorized }
	}
	cfg.Concurrency = positive(cfg.Concurrency, DefaultConcurrency)
	cfg.MaxBody = positive(cfg.MaxBody, DefaultMaxBody)
	cfg.ConnectTimeout = positive(cfg.ConnectTimeout, DefaultConnectTimeout)
	cfg.HeaderTimeout = positive(cfg.HeaderTimeout, DefaultHeaderTimeout)
	cfg.Timeout = positive(cfg.Timeout, DefaultTimeout)
	deps = withDefaults(deps)
	if b, ok := cfg.Auth.(basic); ok {
		cfg.Secrets = append(slices.Clone(cfg.Secrets), b.password)
	}

	c := &Client{cfg: cfg, deps: deps, base: base, scrub: newScrubber(cfg.Secrets)}
	c.pace = newPacer(cfg.Limits, cfg.Concurrency, deps.Now)
	transport := deps.Transport
	if transport == nil {
		c.ownRTT = newTransport(cfg)
		transport = c.ownRTT
	}
	c.http = &retryablehttp.Client{
		HTTPClient:      &http.Client{Transport: transport, CheckRedirect: checkRedirect},
		RetryMax:        quickRetries,
		CheckRetry:      c.checkRetry,
		Backoff:         c.backoff,
		PrepareRetry:    c.prepareRetry,
		RequestLogHook:  c.attempt,
		ResponseLogHook: c.learn,
		ErrorHandler:    retryablehttp.PassthroughErrorHandler,
	}
	return c, nil
}

// Close lets go of idle connections. Calls under way are not touched.
func (c *Client) Close() {
	if c.ownRTT != nil {
		c.ownRTT.CloseIdleConnections()
	}
}

// Now reads the clock that the client was given.
func (c *Client) Now() time.Time { return c.deps.Now() }

// Do sends one request and returns the reply of a success (2xx) with its whole body. Everything
// else is an *adapters.Error.
//
// It first waits, in the lane of ctx, for the connection's limits; a wait that the vendor ordered
// and that is longer than MaxOwnWait is not waited for but returned as kind Retry. A safe method
// (GET, HEAD) is repeated at most twice, quickly, after a connection error, 502, 503, 504, or a 429 that
// asks for no more than MaxOwnWait; nothing else is ever repeated, but for one repetition with a new
// token after Config.Expired.
func (c *Client) Do(ctx context.Context, req Request) (*Response, error) {
	for renewed := false; ; renewed = true {
		resp, sent, err := c.once(ctx, req)
		if renewed || err == nil || resp == nil || !c.cfg.Expired(resp) || !c.cfg.Auth.Rejected(sent) {
			if err != nil {
				return nil, err
			}
			return resp, nil
		}
	}
}

// once is one paced exchange. The reply is returned beside the error when there was a whole one.
func (c *Client) once(ctx context.Context, req Request) (resp *Response, sent *http.Request, err error) {
	id := c.deps.NewID()
	hreq, body, fail := c.build(ctx, req, id)
	if fail != nil {
		return nil, nil, fail
	}
	// The credential is fetched before the turn in the queue is taken: fetching may call through another client.
	// It changes nothing there, so it needs no permit.
	if aerr := c.cfg.Auth.Apply(adapters.WithPermit(ctx, nil), hreq); aerr != nil {
		return nil, nil, c.authFailure(req, aerr)
	}
	lane := adapters.LaneOf(ctx)
	release, fail := c.waitTurn(ctx, req, lane)
	if fail != nil {
		return nil, nil, fail
	}
	defer release()
	if !safe(req.Method) {
		// The wait for the turn may have been long.
		if perr := adapters.Permitted(ctx); perr != nil {
			return nil, nil, c.fail(req, adapters.Retry, perr.Error()+"; nothing was sent", perr)
		}
	}

	x := &exchange{safe: safe(req.Method), class: req.Class}
	start := time.Now()
	defer func() {
		call := adapters.Call{
			App: c.cfg.App, Op: req.Op, Method: req.Method, Route: req.Path, Outcome: "ok",
			Request: id, Lane: lane, Attempts: int(x.attempts.Load()), Duration: time.Since(start),
		}
		if resp != nil {
			call.Status, call.Request = resp.Status, resp.RequestID
		}
		if err != nil {
			call.Outcome = string(adapters.KindOf(err))
		}
		if c.deps.Observe != nil {
			c.deps.Observe(call)
		}
		adapters.LogCall(ctx, call)
	}()

	exchangeCtx, cancel := context.WithTimeout(ctx, c.cfg.Timeout)
	defer cancel()
	rreq, rerr := retryablehttp.FromRequest(hreq.WithContext(x.watch(exchangeCtx)))
	if rerr == nil && body != nil {
		rerr = rreq.SetBody(body)
	}
	if rerr != nil {
		return nil, nil, c.fail(req, adapters.Invalid, "the request could not be built", rerr)
	}
	hresp, derr := c.http.Do(rreq)
	if hresp != nil {
		defer func() { _ = hresp.Body.Close() }() // the body has been read, or the connection is lost anyway
	}
	if derr != nil {
		return nil, hreq, c.transportFailure(ctx, req, x, id, derr)
	}
	resp, fail = c.read(ctx, req, x, id, hresp)
	if fail != nil {
		return nil, hreq, fail
	}
	if fail = c.judge(req, resp, hreq.Header.Get("Authorization")); fail != nil {
		return resp, hreq, fail
	}
	return resp, hreq, nil
}

// read takes the whole body, up to the bound.
func (c *Client) read(ctx context.Context, req Request, x *exchange, id string, hresp *http.Response) (*Response, *adapters.Error) {
	resp := &Response{Status: hresp.StatusCode, Header: hresp.Header, RequestID: requestID(hresp.Header, id)}
	body, err := io.ReadAll(io.LimitReader(hresp.Body, c.cfg.MaxBody+1))
	if err != nil {
		return nil, c.transportFailure(ctx, req, x, resp.RequestID, fmt.Errorf("the reply was cut off: %w", err))
	}
	if int64(len(body)) > c.cfg.MaxBody {
		e := c.unreadable(req, fmt.Sprintf("the reply is larger than %d bytes", c.cfg.MaxBody))
		e.Status, e.Request = resp.Status, resp.RequestID
		return nil, e
	}
	resp.Body = body
	return resp, nil
}

// waitTurn waits for the limits and returns what gives the turn back.
func (c *Client) waitTurn(ctx context.Context, req Request, lane adapters.Lane) (func(), *adapters.Error) {
	err := c.pace.acquire(ctx, lane, req.Class)
	if err == nil {
		return c.pace.release, nil
	}
	if pause, ok := errors.AsType[*pausedError](err); ok {
		e := c.fail(req, adapters.Retry, c.cfg.Title+" has asked for a pause", nil)
		e.Scope, e.After = adapters.WholeApp, pause.left
		return nil, e
	}
	return nil, c.fail(req, adapters.Retry, "stopped while waiting for a turn; nothing was sent", err)
}

// learn reads limits from every reply, also of attempts that are repeated.
func (c *Client) learn(_ retryablehttp.Logger, hresp *http.Response) {
	class := ""
	if hresp.Request != nil { // a transport of a test may leave it out
		if x := exchangeOf(hresp.Request.Context()); x != nil {
			class = x.class
		}
	}
	c.pace.learn(class, hresp.StatusCode, hresp.Header)
}

func withDefaults(d adapters.Deps) adapters.Deps {
	if d.Now == nil {
		d.Now = time.Now
	}
	if d.NewID == nil {
		d.NewID = uuid.NewString
	}
	if d.Random == nil {
		d.Random = rand.Float64
	}
	if d.UserAgent == "" {
		d.UserAgent = "usher"
	}
	return d
}

func newTransport(cfg Config) *http.Transport {
	return &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           (&net.Dialer{Timeout: cfg.ConnectTimeout, KeepAlive: 30 * time.Second}).DialContext,
		TLSClientConfig:       &tls.Config{MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout:   cfg.ConnectTimeout,
		ResponseHeaderTimeout: cfg.HeaderTimeout,
		ForceAttemptHTTP2:     true,
		MaxIdleConnsPerHost:   cfg.Concurrency,
		IdleConnTimeout:       60 * time.Second,
		// A reply's headers are bounded like its body.
		MaxResponseHeaderBytes: 256 << 10,
	}
}

// checkRedirect follows a redirect only of a safe call, on the same scheme, host and port.
func checkRedirect(next *http.Request, via []*http.Request) error {
	first := via[0]
	if len(via) > 3 || !safe(first.Method) || next.URL.Scheme != first.URL.Scheme || next.URL.Host != first.URL.Host {
		return http.ErrUseLastResponse
	}
	return nil
}

func positive[T int | int64 | time.Duration](v, def T) T {
	if v > 0 {
		return v
	}
	return def
}
