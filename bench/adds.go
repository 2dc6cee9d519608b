package main

import (
	"context"
	"fmt"
)

// maxAdds is how many members are added one by one.
const maxAdds = 1000

// adds measures adding members to one group, one with each PATCH, many PATCHes at a time, beside the POSTs of the same run that
// make the users; and that none is lost. A group of up to a hundred is sent back with its members;
// the second time the client asks to be spared them, and gets the group without them each time.
func adds(ctx context.Context, p *prober) error {
	queries := []string{"", "?excludedAttributes=members"}
	posts, rates, ratios := make([]float64, p.runs), make([][]float64, len(queries)), make([][]float64, len(queries))
	n := min(maxAdds, p.n)
	for run := range p.runs {
		_, err := p.at(ctx, nil, func(t *target) error {
			post, err := load(ctx, t.addr, p.connections, t.phase(opPost, p.n, max(p.n/20, p.connections), "adds"))
			if err == nil {
				err = t.made()
			}
			if err != nil {
				return err
			}
			posts[run] = post.rate
			for i, query := range queries {
				add, err := t.addEach(ctx, p.connections, fmt.Sprintf("Team %d", i), t.users[:n], query)
				if err != nil {
					return err
				}
				rates[i] = append(rates[i], add.rate)
				ratios[i] = append(ratios[i], add.rate/post.rate)
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	p.found(fmt.Sprintf("%.0f/s", median(posts)), "", "POST, %d at a time: median of %d runs", p.connections, p.runs)
	for i, reply := range []string{"with", "without"} {
		p.found(fmt.Sprintf("%.0f/s, all are there", median(rates[i])), "no lost update", "%d Adds to one group, answered %s members", n, reply)
		p.found(fmt.Sprintf("%.2f", median(ratios[i])), "≥ 0.5", "ratio: median of the runs'")
	}
	return nil
}

// addEach makes a group, adds each of the users with a request of its own, and checks that all of them are members.
func (t *target) addEach(ctx context.Context, connections int, name string, users []user, query string) (res result, err error) {
	err = t.with(ctx, func(c *conn) error {
		id, _, err := t.newGroup(c, name, nil)
		if err != nil {
			return err
		}
		var each phase
		for _, u := range users {
			r := t.patchGroup(id+query, 1, addMember(u))
			r.or = 204 // once the group is large; which request makes it so cannot be told
			each.requests = append(each.requests, r)
		}
		if res, err = load(ctx, t.addr, connections, each); err != nil {
			return err
		}
		body, _, err := c.ask(request{wire: t.wire("GET", "/scim/v2/Groups/"+id, nil), status: 200})
		if err != nil {
			return err
		}
		got, err := members(body)
		if err == nil && got != len(users) {
			err = fmt.Errorf("the group has %d members after %d Adds", got, len(users))
		}
		return err
	})
	return res, err
}
