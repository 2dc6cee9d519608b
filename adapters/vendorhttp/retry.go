package vendorhttp

import (
	"context"
	"crypto/tls"
	"errors"
	"net/http"
	"net/http/httptrace"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-retryablehttp"
)

const (
	quickRetries = 2
	firstBackoff = 200 * time.Millisecond
)

// exchange follows one logical request through its attempts.
type exchange struct {
	safe  bool
	class string
	// asked counts attempts that asked for a connection, got those that had one. One that asked
	// and never got has sent nothing.
	asked, got atomic.Int32
	attempts   atomic.Int32
}

type exchangeKey struct{}

func exchangeOf(ctx context.Context) *exchange {
	x, _ := ctx.Value(exchangeKey{}).(*exchange)
	return x
}

func (x *exchange) watch(ctx context.Context) context.Context {
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GetConn: func(string) { x.asked.Add(1) },
		GotConn: func(httptrace.GotConnInfo) { x.got.Add(1) },
	})
	return context.WithValue(ctx, exchangeKey{}, x)
}

// maybeSent reports whether something may have reached the vendor. A transport that tells
// nothing (a test's) counts as having sent.
func (x *exchange) maybeSent() bool { return x.asked.Load() == 0 || x.got.Load() > 0 }

// safe reports whether a method changes nothing (RFC 9110 section 9.2.1), among those we send.
func safe(method string) bool { return method == http.MethodGet || method == http.MethodHead }

// checkRetry lets only safe methods be repeated: after a connection error, a gateway's status, or a
// rate limit that asks for a moment only.
func (c *Client) checkRetry(ctx context.Context, resp *http.Response, err error) (bool, error) {
	x := exchangeOf(ctx)
	if x == nil || !x.safe || ended(ctx) {
		return false, nil
	}
	if resp == nil {
		_, badCert := errors.AsType[*tls.CertificateVerificationError](err)
		return !badCert, nil
	}
	after, said := pauseAsked(resp.Header, c.deps.Now())
	switch resp.StatusCode {
	case http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return !said || after <= MaxOwnWait, nil
	case http.StatusTooManyRequests:
		return said && after <= MaxOwnWait, nil
	}
	return false, nil
}

func ended(ctx context.Context) bool { return ctx.Err() != nil }

// backoff waits 200 ms, then 400 ms, halved to doubled by chance so that callers do not march in
// step; a short wait that the vendor names is kept to.
func (c *Client) backoff(_, _ time.Duration, attempt int, resp *http.Response) time.Duration {
	if resp != nil {
		if after, said := pauseAsked(resp.Header, c.deps.Now()); said && after <= MaxOwnWait {
			return after
		}
	}
	wait := firstBackoff << min(attempt, 3)
	return min(wait/2+time.Duration(c.deps.Random()*float64(wait)), MaxOwnWait)
}

// attempt counts each request that is sent.
func (c *Client) attempt(_ retryablehttp.Logger, r *http.Request, _ int) {
	if x := exchangeOf(r.Context()); x != nil {
		x.attempts.Add(1)
	}
}

// prepareRetry charges the repetition to the limits: it was not waited for, the next call waits for both.
func (c *Client) prepareRetry(r *http.Request) error {
	if x := exchangeOf(r.Context()); x != nil {
		c.pace.charge(x.class)
	}
	return nil
}
