package main

import (
	"context"
	"fmt"
	"net"
	"time"
)

// A slow reader takes so much at a time, that often.
const (
	slowBytes = 64 << 10
	slowEvery = 10 * time.Millisecond
)

// group measures reading a large group whole: how long it takes a client that reads as fast as it can, and how much more heap the server
// uses for one that does not than for one that asks for the group without its members. Each is asked of a server that has just been
// started, so that nothing else is in its heap.
func group(ctx context.Context, p *prober) error {
	data, err := p.filled(ctx)
	if err != nil {
		return err
	}
	n := min(membersPerGroup, len(data.users[kindUsher]))
	var id string
	if _, err = p.at(ctx, data, func(t *target) error {
		return t.with(ctx, func(c *conn) error {
			id, _, err = t.newGroup(c, "Everyone", t.users[:n])
			return err
		})
	}); err != nil {
		return err
	}
	var fast, slow time.Duration
	var size int
	read := func(t *target, c *conn, query string, want int) (time.Duration, error) {
		c.most = maxGroupReply
		body, d, err := c.ask(request{wire: t.wire("GET", "/scim/v2/Groups/"+id+query, nil), status: 200})
		if err != nil {
			return 0, err
		}
		size = len(body)
		got, err := members(body)
		if err == nil && got != want {
			err = fmt.Errorf("the group has %d members, not %d", got, want)
		}
		return d, err
	}
	without, err := p.at(ctx, data, func(t *target) error {
		return t.with(ctx, func(c *conn) error {
			_, err := read(t, c, "?excludedAttributes=members", 0)
			return err
		})
	})
	if err != nil {
		return err
	}
	with, err := p.at(ctx, data, func(t *target) error {
		return t.with(ctx, func(c *conn) error {
			stop := c.slowDown()
			defer stop()
			slow, err = read(t, c, "", n)
			return err
		})
	})
	if err != nil {
		return err
	}
	if _, err = p.at(ctx, data, func(t *target) error {
		return t.with(ctx, func(c *conn) error {
			fast, err = read(t, c, "", n)
			return err
		})
	}); err != nil {
		return err
	}
	p.found(took(fast), "", "GET of a group of %d members", n)
	p.found(mebibytes(uint64(size)), "", "its bytes") //nolint:gosec // a length is not negative
	p.found(took(slow), "", "the same by a slow reader")
	p.found(mebibytes(with.used.Heap-min(with.used.Heap, without.used.Heap)), "< 16 MiB", "extra heap in use for the slow reader, beside %s", mebibytes(without.used.Heap))
	return nil
}

// slowDown makes the connection read slowly until stop is called.
func (c *conn) slowDown() (stop func()) {
	ticker := time.NewTicker(slowEvery)
	c.r.Reset(&slowConn{Conn: c.net, ticks: ticker.C})
	if tcp, ok := c.net.(*net.TCPConn); ok {
		_ = tcp.SetReadBuffer(slowBytes) // without it the system reads ahead, and the server waits less
	}
	return ticker.Stop
}

// slowConn reads at most slowBytes with each tick.
type slowConn struct {
	net.Conn
	ticks <-chan time.Time
	left  int
}

// Read implements [net.Conn].
func (c *slowConn) Read(b []byte) (int, error) {
	if c.left == 0 {
		<-c.ticks
		c.left = slowBytes
	}
	n, err := c.Conn.Read(b[:min(len(b), c.left)])
	c.left -= n
	return n, err
}
