package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/google/uuid"

	"github.com/usher-scim/usher/adapters"
	"github.com/usher-scim/usher/adapters/gorgias"
	sandbox "github.com/usher-scim/usher/sandbox/gorgias"
)

// Gorgias' bucket for an API key: 40 calls, which leak in 20 seconds.
const (
	bucketSize   = 40
	bucketWindow = 20 * time.Second
	limitWarm    = 10 * time.Second // from the first call, in which the calls go that the bucket lets through at once
	limitTime    = time.Minute
)

// limit measures how much of a vendor's limit is used when there is more to do than it lets through, and that none of its calls is
// refused. The vendor is the stand-in for Gorgias with its own bucket, over HTTP and in real time; the connection has the bucket to
// itself and is told so (calls_per_second is all that leaks).
func limit(ctx context.Context, p *prober) (err error) {
	warm, window := time.Duration(float64(limitWarm)*p.share), time.Duration(float64(limitTime)*p.share)
	perSecond := bucketSize / bucketWindow.Seconds()
	v := sandbox.New(sandbox.Options{Settings: sandbox.Settings{KeyBucket: bucketSize, Window: bucketWindow}})
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	srv := &http.Server{Handler: v, ReadHeaderTimeout: 10 * time.Second}
	served := make(chan error, 1)
	go func() { served <- srv.Serve(l) }()
	defer func() {
		err = errors.Join(err, srv.Close())
		if ended := <-served; !errors.Is(ended, http.ErrServerClosed) {
			err = errors.Join(err, ended)
		}
	}()
	app, err := gorgias.Open(gorgias.Config{
		BaseURL: "http://" + l.Addr().String() + "/api", Email: sandbox.DemoEmail, APIKey: sandbox.DemoKey, CallsPerSecond: perSecond,
	}, adapters.Deps{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, app.Close()) }()
	var people []uuid.UUID
	prepare := func(h *house) error {
		if people, err = h.people(ctx, 1000); err != nil {
			return err
		}
		if err := h.apply(ctx, "{group: Support, role: agent}"); err != nil {
			return err
		}
		return h.quiesce(ctx)
	}
	err = p.inHouse(ctx, app, prepare, func(h *house) error {
		if _, err := h.group(ctx, "Support", people); err != nil {
			return err
		}
		return h.run(ctx, func() (bool, error) {
			calls := v.Calls()
			return len(calls) > 0 && time.Since(calls[0].Time) > warm+window, nil
		})
	})
	if err != nil {
		return err
	}
	counted, refused := 0, 0
	calls := v.Calls()
	from := calls[0].Time.Add(warm)
	for _, c := range calls {
		if c.Status == http.StatusTooManyRequests {
			refused++
		}
		if !c.Time.Before(from) && c.Time.Before(from.Add(window)) {
			counted++
		}
	}
	p.found(fmt.Sprintf("%.1f %%", 100*float64(counted)/(perSecond*window.Seconds())), "≥ 95 %",
		"of a limit of %d calls in %s used, over %s after the first %s", bucketSize, bucketWindow, window, warm)
	p.found(fmt.Sprint(refused), "0", "calls answered 429, of %d", len(calls))
	return nil
}
