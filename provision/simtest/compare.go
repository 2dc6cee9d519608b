package simtest

import (
	"context"
	"errors"
	"time"

	"github.com/usher-scim/usher/provision"
)

// Comparisons of a ledger with the vendor's own list of accounts, which the engine's shell starts beside its passes: by
// schedule, when asked for, and after a restore.

// every is how often the documents say that an app is compared.
const every = 72 * time.Hour

// compare starts the comparisons that are due. It reports whether there are any.
func (p *process) compare() bool {
	if p.comparing["due"] || p.w.restoredMark() != nil {
		return false
	}
	if !p.w.comparisonDue() {
		return false
	}
	p.comparing["due"] = true
	p.spawn("compare", func(ctx context.Context) error {
		defer func() { delete(p.comparing, "due") }()
		_, err := p.engine.ReconcileDue(ctx)
		var no *provision.DecisionError
		if errors.As(err, &no) {
			return nil // the mapping says otherwise since
		}
		return err
	})
	return true
}

func (w *World) comparisonDue() bool {
	now, due := w.clock.now(), false
	d, _ := w.model.document()
	for app, doc := range d.apps {
		if doc.mode == "paused" {
			continue
		}
		rec := w.comparison(app)
		switch {
		case rec == nil || rec.Next.IsZero() || rec.Requested.After(rec.Started):
			due = true
		case w.p.engine.Waiting(app):
		case rec.State == provision.RunGoing || !now.Before(rec.Next) || !rec.Started.IsZero() && !now.Before(rec.Started.Add(every+every*15/100)):
			due = true
		}
	}
	return due
}

// comparison is what is known of an app's last comparison, nil before the first.
func (w *World) comparison(app string) *provision.Reconciliation {
	for rec, err := range all[provision.Reconciliation](w, "reconciliations") {
		if err == nil && rec.App == app {
			return rec
		}
	}
	return nil
}

// comparedSince reports whether a comparison began after a moment and saw the whole list. One of before the clock was set back tells nothing
// of what came after that.
func (w *World) comparedSince(app string, at time.Time) bool {
	rec := w.comparison(app)
	return rec != nil && rec.Complete.After(at) && !rec.Complete.Equal(w.stale[app])
}

// clockSetBack notes which comparisons bear a time that may come once more, and lets what was let through at a time ahead count as of now.
func (w *World) clockSetBack() {
	now := w.clock.now()
	for l := range w.lets {
		if at, moved := w.setTo[l]; moved && at.After(now) || !moved && l.at.After(now) {
			w.setTo[l] = now
		}
	}
	for _, app := range []string{desk, meet} {
		if rec := w.comparison(app); rec != nil {
			w.stale[app] = rec.Complete
		}
	}
}

// lookAround starts the look at an app's accounts after a restore, when it is due.
func (p *process) lookAround(app string) bool {
	if p.comparing[app] {
		return false
	}
	for a, err := range all[provision.Aftermath](p.w, "aftermaths") {
		if err == nil && a.App == app && (a.Done() || a.Next.After(p.w.clock.now())) {
			return false
		}
	}
	p.comparing[app] = true
	p.spawn("look around "+app, func(ctx context.Context) error {
		defer func() { delete(p.comparing, app) }()
		_, err := p.engine.Aftermath(ctx, app)
		return err
	})
	return true
}

// comparisons says when the next ones may be due.
func (w *World) comparisons(sooner func(time.Time)) {
	for rec, err := range all[provision.Reconciliation](w, "reconciliations") {
		if err == nil {
			sooner(rec.Next)
			sooner(rec.Started.Add(every + every*15/100))
		}
	}
	for a, err := range all[provision.Aftermath](w, "aftermaths") {
		if err == nil {
			sooner(a.Next)
		}
	}
}

// working reports whether an item is being worked on.
func (p *process) working(it *provision.Item) bool {
	for _, k := range p.workers {
		if k.name == it.App+" "+it.Subject && !k.done.Load() {
			return true
		}
	}
	return false
}
