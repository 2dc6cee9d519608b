package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"time"
)

const pageSize = 100

// pages measures how long a page takes at the beginning and at the end of a list that is read by cursor, one client, and the
// server's heap meanwhile.
func pages(ctx context.Context, p *prober) error {
	data, err := p.filled(ctx)
	if err != nil {
		return err
	}
	var each []time.Duration
	s, err := p.at(ctx, data, func(t *target) error {
		return t.with(ctx, func(c *conn) error {
			each, err = t.turnPages(c)
			return err
		})
	})
	if err != nil {
		return err
	}
	tenth := (len(each) + 9) / 10
	first, last := median(each[:tenth]), median(each[len(each)-tenth:])
	p.found(took(first), "", "page of %d of %d users, first %d pages: p50", pageSize, len(data.users[kindUsher]), tenth)
	p.found(took(last), "", "last %d pages: p50", tenth)
	p.found(times(float64(last), float64(first)), "constant", "ratio")
	p.found(mebibytes(s.used.Heap), "< 64 MiB", "heap in use")
	return nil
}

// turnPages reads all users by cursor, and checks that each came once.
func (t *target) turnPages(c *conn) (each []time.Duration, err error) {
	seen := make(map[string]bool, len(t.users))
	for cursor, more := "", true; more; {
		query := url.Values{"count": {fmt.Sprint(pageSize)}, "cursor": {cursor}}
		body, d, err := c.ask(request{wire: t.wire("GET", "/scim/v2/Users?"+query.Encode(), nil), status: 200})
		if err != nil {
			return nil, err
		}
		each = append(each, d)
		var page struct {
			NextCursor string
			Resources  []struct{ ID string }
		}
		if err := json.Unmarshal(body, &page); err != nil {
			return nil, err
		}
		for _, u := range page.Resources {
			if seen[u.ID] {
				return nil, fmt.Errorf("page %d has user %s again", len(each), u.ID)
			}
			seen[u.ID] = true
		}
		cursor, more = page.NextCursor, page.NextCursor != ""
	}
	if len(seen) != len(t.users) {
		return nil, fmt.Errorf("the pages have %d users, not %d", len(seen), len(t.users))
	}
	return each, nil
}
