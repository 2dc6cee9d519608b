package vendorhttp

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"syscall"

	"github.com/usher-scim/usher/adapters"
)

// MaxMessage bounds, in bytes, what an error repeats of a vendor's own message.
const MaxMessage = 300

// judge returns the error of a reply that is not a success, nil for one that is.
// sent is the Authorization header of the request.
func (c *Client) judge(req Request, resp *Response, sent string) *adapters.Error {
	if resp.Status >= 200 && resp.Status < 300 {
		if len(resp.Body) == 0 || req.AnyType || resp.IsJSON() {
			return nil
		}
		e := c.unreadable(req, "the reply is not JSON: something else than the API answered")
		e.Scope, e.Status, e.Request = adapters.WholeApp, resp.Status, resp.RequestID
		return e
	}
	e := c.byStatus(req, resp)
	if c.cfg.Classify != nil {
		if better := c.cfg.Classify(req, resp, e); better != nil {
			e = better
		}
	}
	e.Message = c.scrub.clean(e.Message, sent, MaxMessage)
	e.Fix = c.scrub.clean(e.Fix, sent, MaxMessage)
	e.Code = c.scrub.clean(e.Code, sent, 60)
	return e
}

// byStatus is what a status alone says. A 404 proves nothing here: only the adapter knows the
// vendor's own "not found" body.
func (c *Client) byStatus(req Request, resp *Response) *adapters.Error {
	e := c.fail(req, adapters.Invalid, "", nil)
	e.Status, e.Request = resp.Status, resp.RequestID
	e.After, _ = pauseAsked(resp.Header, c.deps.Now())
	set := func(k adapters.Kind, s adapters.Scope, format string) {
		e.Kind, e.Scope, e.Message = k, s, fmt.Sprintf(format, c.cfg.Title)
	}
	switch {
	case resp.Status == http.StatusTooManyRequests:
		set(adapters.Retry, adapters.WholeApp, "%s's rate limit is used up")
		return e
	case resp.Status >= 500:
		return c.serverFailure(req, resp, e)
	}
	e.After = 0
	switch status := resp.Status; {
	case status < 400:
		set(adapters.Unavailable, adapters.WholeApp, "%s answered with a redirect, which is not followed")
		e.Fix = "check the address in the connection's settings"
	case status == http.StatusRequestTimeout:
		set(maybe(req), adapters.OneAccount, "%s gave up waiting for the request")
	case status != http.StatusUnauthorized && !resp.IsJSON():
		set(adapters.Unavailable, adapters.WholeApp, "the reply is not one of %s's API")
		e.Fix = "check the address in the connection's settings"
	case status == http.StatusUnauthorized:
		set(adapters.Unauthorized, adapters.WholeApp, "%s does not accept the credentials")
		e.Fix = "renew the credentials of the connection"
	case status == http.StatusForbidden:
		set(adapters.Unauthorized, adapters.WholeApp, "%s says that the credentials do not permit this")
		e.Fix = "give the connection's credentials the missing permission"
	case status == http.StatusNotFound:
		set(adapters.Unavailable, adapters.WholeApp, "%s does not know the address")
	case status == http.StatusMethodNotAllowed:
		set(adapters.Unsupported, adapters.OneAccount, "%s has no such operation")
	case status == http.StatusConflict:
		set(adapters.Conflict, adapters.OneAccount, "%s says that this conflicts with something that exists")
	default:
		set(adapters.Invalid, adapters.OneAccount, "%s refused the request")
	}
	return e
}

// serverFailure is a 5xx. A read has changed nothing. A write may have happened, save that a 503
// to a call that may be repeated is taken at its word.
func (c *Client) serverFailure(req Request, resp *Response, e *adapters.Error) *adapters.Error {
	e.Kind, e.Scope = maybe(req), adapters.WholeApp
	e.Message = c.cfg.Title + " has trouble at the moment"
	switch resp.Status {
	case http.StatusInternalServerError:
		e.Scope = adapters.OneAccount // often one record that the vendor trips over
	case http.StatusServiceUnavailable:
		e.Message = c.cfg.Title + " is not available at the moment"
		if req.Method != http.MethodPost {
			e.Kind = adapters.Unavailable
		}
	}
	return e
}

// transportFailure is an exchange that ended without a whole reply.
func (c *Client) transportFailure(ctx context.Context, req Request, x *exchange, id string, err error) *adapters.Error {
	kind, scope, message := maybe(req), adapters.OneAccount, "the connection broke before the reply was complete"
	dial, isOp := errors.AsType[*net.OpError](err)
	_, badCert := errors.AsType[*tls.CertificateVerificationError](err)
	switch {
	case !x.maybeSent() || isOp && dial.Op == "dial" || badCert:
		kind, scope, message = adapters.Unavailable, adapters.WholeApp, c.cfg.Title+" cannot be reached: "+dialCause(err)
		if ctx.Err() != nil {
			kind, scope, message = adapters.Retry, adapters.OneAccount, "stopped before anything was sent"
		}
	case ctx.Err() != nil:
		message = "stopped before the reply came"
		if x.safe && errors.Is(ctx.Err(), context.Canceled) {
			kind = adapters.Retry
		}
	case isTimeout(err):
		message = "no complete reply in time"
	case errors.Is(err, io.ErrUnexpectedEOF):
		message = "the reply was cut off"
	}
	e := c.fail(req, kind, message, stripURL(err))
	e.Scope, e.Request = scope, id
	return e
}

// unreadable is a reply that came and cannot be used.
func (c *Client) unreadable(req Request, message string) *adapters.Error {
	return c.fail(req, maybe(req), message, nil)
}

// authFailure is a credential that could not be had: of the call itself nothing was sent, so
// what is uncertain about the token's fetch is not about the call.
func (c *Client) authFailure(req Request, err error) *adapters.Error {
	e, ok := errors.AsType[*adapters.Error](err)
	if !ok {
		return c.fail(req, adapters.Retry, "stopped while waiting for an access token", err)
	}
	f := *e
	f.Op, f.Scope = req.Op, adapters.WholeApp
	f.Message = "no access token: " + f.Message
	switch f.Kind {
	case adapters.Retry, adapters.Unauthorized, adapters.Unavailable:
	case adapters.Uncertain:
		f.Kind = adapters.Unavailable
	default:
		f.Kind = adapters.Unauthorized
	}
	return &f
}

func (c *Client) fail(req Request, kind adapters.Kind, message string, cause error) *adapters.Error {
	return &adapters.Error{Kind: kind, Scope: adapters.OneAccount, Op: req.Op, Message: message, Err: cause}
}

// maybe is the kind of a call without a usable reply.
func maybe(req Request) adapters.Kind {
	if safe(req.Method) {
		return adapters.Unavailable
	}
	return adapters.Uncertain
}

func isTimeout(err error) bool {
	t, ok := errors.AsType[net.Error](err)
	return errors.Is(err, context.DeadlineExceeded) || ok && t.Timeout()
}

// dialCause says in a few words why there is no connection.
func dialCause(err error) string {
	_, dns := errors.AsType[*net.DNSError](err)
	_, cert := errors.AsType[*tls.CertificateVerificationError](err)
	switch {
	case dns:
		return "its name is not known to DNS"
	case cert:
		return "its certificate is not valid"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "it refuses connections"
	case isTimeout(err):
		return "it does not answer in time"
	}
	return "no connection"
}

// stripURL takes the address, which may hold personal data, from an HTTP client's error.
func stripURL(err error) error {
	if u, ok := errors.AsType[*url.Error](err); ok {
		return u.Err
	}
	return err
}
