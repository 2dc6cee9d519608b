package alerts

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/usher-scim/usher/secrets"
)

const (
	// SignatureHeader holds "t=SECONDS,v1=HEX": the Unix time of the try, and the HMAC-SHA256 of "SECONDS.BODY" under the shared secret.
	SignatureHeader = "Usher-Signature"
	// IDHeader holds the alert's id, the same in every repetition.
	IDHeader = "Usher-Alert-Id"

	maxAnswer = 64 << 10 // bytes of a webhook's answer, and of its headers
)

// Webhook posts alerts as JSON, signed, to one address.
type Webhook struct {
	URL *url.URL // absolute, http or https
	// Secret is the shared secret, asked for at each try.
	Secret    func(ctx context.Context) (secrets.Value, error)
	Now       func() time.Time
	UserAgent string
	// Transport carries the requests; nil: one of its own, through the proxy that the environment names.
	Transport http.RoundTripper
}

var _ Channel = (*Webhook)(nil)

// Name implements Channel.
func (w *Webhook) Name() string { return "webhook" }

// Target is scheme and host: a path may hold a secret.
func (w *Webhook) Target() string { return w.URL.Scheme + "://" + w.URL.Host }

// Send posts one message. Any 2xx is a delivery; a redirect is refused, as what is signed for one address belongs to no other.
func (w *Webhook) Send(ctx context.Context, m Message) error {
	body, err := json.Marshal(m)
	if err != nil {
		return fmt.Errorf("write the alert as JSON: %w", err)
	}
	secret, err := w.Secret(ctx)
	if err != nil {
		return fmt.Errorf("read alerts.webhook.secret: %w", err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, w.URL.String(), bytes.NewReader(body))
	if err != nil {
		return errors.New("make the request: alerts.webhook.url is not an address")
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", w.UserAgent)
	req.Header.Set(IDHeader, m.ID.String())
	req.Header.Set(SignatureHeader, Sign(secret, w.Now(), body))
	client := http.Client{Transport: w.Transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	reply, err := client.Do(req)
	if err != nil {
		var inner *url.Error
		if errors.As(err, &inner) {
			err = inner.Err // the address, which may hold a secret, stays out of it
		}
		return fmt.Errorf("post to %s: %w", w.Target(), err)
	}
	defer func() { _ = reply.Body.Close() }()
	// The answer's content says nothing here; reading it lets the connection be used again.
	_, _ = io.Copy(io.Discard, io.LimitReader(reply.Body, maxAnswer))
	switch {
	case reply.StatusCode >= 200 && reply.StatusCode < 300:
		return nil
	case reply.StatusCode >= 300 && reply.StatusCode < 400:
		return fmt.Errorf("%s answers %d, a redirect, which is not followed: set alerts.webhook.url to the final address", w.Target(), reply.StatusCode)
	default:
		return fmt.Errorf("%s answers %d", w.Target(), reply.StatusCode)
	}
}

// WebhookTransport is the transport that a Webhook uses in production.
func WebhookTransport() *http.Transport {
	return &http.Transport{
		Proxy: http.ProxyFromEnvironment, ForceAttemptHTTP2: true, TLSHandshakeTimeout: 10 * time.Second,
		MaxIdleConns: 2, IdleConnTimeout: time.Minute, MaxResponseHeaderBytes: maxAnswer,
	}
}

// Sign returns the value of SignatureHeader for a body that is sent at a time.
func Sign(secret secrets.Value, at time.Time, body []byte) string {
	stamp := strconv.FormatInt(at.Unix(), 10)
	return "t=" + stamp + ",v1=" + hex.EncodeToString(mac(secret, stamp, body))
}

func mac(secret secrets.Value, stamp string, body []byte) []byte {
	h := hmac.New(sha256.New, []byte(secret.Reveal()))
	h.Write([]byte(stamp + "."))
	h.Write(body)
	return h.Sum(nil)
}

// Verify is what a receiver does: it returns an error unless header is the signature of body under secret and was made within
// tolerance of now. The body is the bytes as they came.
func Verify(secret secrets.Value, header string, body []byte, now time.Time, tolerance time.Duration) error {
	stamp, sum, ok := strings.Cut(strings.TrimPrefix(header, "t="), ",v1=")
	seconds, err := strconv.ParseInt(stamp, 10, 64)
	if !ok || err != nil {
		return fmt.Errorf("%s is missing or has another form", SignatureHeader)
	}
	given, err := hex.DecodeString(sum)
	if err != nil || !hmac.Equal(given, mac(secret, stamp, body)) {
		return errors.New("the signature does not fit the body and the secret")
	}
	if age := now.Sub(time.Unix(seconds, 0)); age > tolerance || age < -tolerance {
		return fmt.Errorf("the signature was made %s from now, which is more than %s", age.Round(time.Second), tolerance)
	}
	return nil
}
