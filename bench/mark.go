package main

import (
	"bytes"
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/usher-scim/usher/directory"
)

// marked is how many people's changes the marks come from.
const marked = 20_000

// mark measures what a change costs the engine that matters to no app: people who have an account get another locale, one by one. What is
// timed is Expand and Triage, whole with their transactions, until nothing is left; the vendor must hear nothing.
func mark(ctx context.Context, p *prober) error {
	n := p.sized(marked)
	v := newVendor(64, 0)
	prepare := func(h *house) error {
		if err := h.apply(ctx, "{group: Support, role: agent}"); err != nil {
			return err
		}
		people, err := h.people(ctx, n)
		if err != nil {
			return err
		}
		if _, err := h.group(ctx, "Support", people); err != nil {
			return err
		}
		err = h.run(ctx, func() (bool, error) {
			if v.standing() < n {
				return false, nil
			}
			return h.nothingQueued(ctx)
		})
		if err != nil {
			return err
		}
		return each(ctx, people, func(id uuid.UUID) error { return h.relocate(ctx, id) })
	}
	return p.inHouse(ctx, v, prepare, func(h *house) error {
		calls := v.calls.Load()
		var expanding, judging time.Duration
		used := processorTime()
		for left := true; left; {
			began := time.Now()
			expanded, err := h.engine.Expand(ctx)
			if err != nil {
				return err
			}
			between := time.Now()
			judged, err := h.engine.Triage(ctx, desk)
			if err != nil {
				return err
			}
			expanding, judging = expanding+between.Sub(began), judging+time.Since(between)
			left = expanded+judged > 0
		}
		used = processorTime() - used
		if err := h.active(ctx, n); err != nil {
			return err
		}
		if heard := v.calls.Load() - calls; heard != 0 {
			return fmt.Errorf("the vendor was called %d times", heard)
		}
		per := func(d time.Duration) string {
			return fmt.Sprintf("%.1f µs", float64(d)/float64(n)/float64(time.Microsecond))
		}
		p.found(per(expanding+judging), "< 50 µs", "a mark that changes nothing, of %d people with accounts; no vendor call", n)
		p.found(per(expanding), "", "of it: taken from the outbox and marked")
		p.found(per(judging), "", "of it: judged")
		p.found(per(used), "", "processor time of it, on all cores, collecting garbage included: what others on the machine change least")
		return nil
	})
}

// relocate changes an attribute that no app takes.
func (h *house) relocate(ctx context.Context, person uuid.UUID) error {
	_, _, err := h.dir.UpdateUser(ctx, h.source, "bench", person, func(u directory.User) (directory.UserWrite, error) {
		return directory.UserWrite{
			UserName: u.UserName, ExternalID: u.ExternalID, Active: u.Active, Emails: u.Emails,
			Attributes: bytes.Replace(u.Attributes, []byte(`"en-US"`), []byte(`"en-GB"`), 1),
		}, nil
	})
	return err
}

// each calls act for each of the people, many at a time, until one fails.
func each(ctx context.Context, people []uuid.UUID, act func(uuid.UUID) error) error {
	return fill(ctx, len(people), func(i int, _ string) error { return act(people[i]) })
}
