package provision

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/usher-scim/usher/audit"
	"github.com/usher-scim/usher/store"
)

// Switch is an administrator's order to stop a kind of work: the work queues up and goes on when the switch is
// lifted, or by itself when Until has passed. It is in force from the moment at which it is durable: nothing starts after that,
// and a call that is at a vendor at that moment ends.
type Switch struct {
	Kind   SwitchKind `json:"kind"`
	App    string     `json:"app,omitempty"` // of PauseApp
	By     string     `json:"by"`            // the administrator
	Reason string     `json:"reason"`
	Since  time.Time  `json:"since"`          // UTC, milliseconds; of the first of repeated orders
	Until  time.Time  `json:"until,omitzero"` // UTC; zero: until it is lifted by hand
}

// SwitchKind says what a switch stops.
type SwitchKind string

const (
	// PauseApp: nothing is sent to one app, whatever the mapping says its mode is; a termination waits as well.
	PauseApp SwitchKind = "app"
	// PauseRemovals: no account of any app is demoted, suspended or ended. All other work flows, and a
	// terminated person is cut nevertheless.
	PauseRemovals SwitchKind = "removals"
	// PauseWrites: no work of any app starts, not even a termination. What only reads vendors (a check of a connection) is allowed.
	PauseWrites SwitchKind = "all"
	// PauseRestored stops what PauseWrites stops, after a restore. It is set by that, and lifted by ResumeRestored.
	PauseRestored SwitchKind = "restored"
)

const (
	// MaxSwitchReason bounds the reason of a switch, in bytes.
	MaxSwitchReason = 500
	// MaxPause is the longest time after which a switch lifts itself.
	MaxPause = 366 * 24 * time.Hour
)

var switchTable = store.NewTable("switches", func(s *Switch) []byte { return switchKey(s.Kind, s.App) }, nil)

func switchKey(k SwitchKind, app string) []byte { return store.Key([]byte(k), []byte(app)) }

// What names what is stopped, in words: "zoom is", "removals of every app are".
func (s *Switch) What() string {
	switch s.Kind {
	case PauseApp:
		return s.App + " is"
	case PauseRemovals:
		return "removals of every app are"
	default:
		return "all work at the vendors is"
	}
}

// Command is what an administrator types to lift the switch.
func (s *Switch) Command() string {
	switch s.Kind {
	case PauseApp:
		return "usher resume " + s.App
	case PauseRemovals:
		return "usher resume --removals"
	case PauseRestored:
		return "usher resume --restored"
	default:
		return "usher resume --all"
	}
}

func (s *Switch) over(now time.Time) bool { return !s.Until.IsZero() && !now.Before(s.Until) }

// switches are those in force at a moment.
type switches []Switch

// switchesIn reads the switches in force, that of a restore among them. There are at most three more than apps.
func switchesIn(r store.Reader, now time.Time) (switches, error) {
	var all switches
	for s, err := range switchTable.Scan(r, nil) {
		if err != nil {
			return nil, err
		}
		if !s.over(now) {
			all = append(all, *s)
		}
	}
	restored, err := RestoredIn(r)
	if restored != nil {
		all = append(all, restored.stop())
	}
	return all, err
}

// stops returns the switch that keeps work of a lane from starting in an app, nil for none: the widest first.
// cut says that the work ends the access of a terminated person.
func (all switches) stops(app string, lane Lane, cut bool) *Switch {
	var found *Switch
	for i := range all {
		s := &all[i]
		switch {
		case s.Kind == PauseWrites, s.Kind == PauseRestored:
			return s
		case s.Kind == PauseApp && s.App == app:
			found = s
		case s.Kind == PauseRemovals && lane == Removal && !cut && found == nil:
			found = s
		}
	}
	return found
}

// PauseOptions go with a switch.
type PauseOptions struct {
	Reason string        // needed, at most MaxSwitchReason bytes
	For    time.Duration // at most MaxPause; 0: until it is lifted by hand
}

// Pause sets a switch, or gives one that is set another reason and end. When it returns, nothing of what it stops starts any more.
// app names an app of the mapping with PauseApp and is empty otherwise. What cannot be done is a *DecisionError.
func (e *Engine) Pause(ctx context.Context, actor audit.Actor, kind SwitchKind, app string, o PauseOptions) (Switch, error) {
	o.Reason = strings.TrimSpace(o.Reason)
	switch {
	case o.Reason == "":
		return Switch{}, &DecisionError{"a pause needs a reason: it is what status and audit show"}
	case len(o.Reason) > MaxSwitchReason:
		return Switch{}, &DecisionError{fmt.Sprintf("the reason is longer than %d bytes", MaxSwitchReason)}
	case o.For < 0 || o.For > MaxPause:
		return Switch{}, &DecisionError{fmt.Sprintf("a pause ends by itself after at most %s, or by hand", windowText(MaxPause))}
	}
	if err := e.switchable(ctx, kind, app); err != nil {
		return Switch{}, err
	}
	now := e.o.Now().UTC().Truncate(time.Millisecond)
	s := Switch{Kind: kind, App: app, By: actor.Name, Reason: o.Reason, Since: now}
	if o.For > 0 {
		s.Until = now.Add(o.For)
	}
	fact := e.switchFact(audit.WorkPaused, actor, s)
	since := s.Since
	err := e.o.Store.Update(ctx, func(tx store.Tx) error {
		s.Since = since
		set, err := switchTable.Get(tx, switchKey(kind, app))
		switch {
		case err == nil && !set.over(now):
			s.Since = set.Since
		case err != nil && !errors.Is(err, store.ErrNotFound):
			return err
		}
		if err := switchTable.Put(tx, &s); err != nil {
			return err
		}
		return audit.Record(tx, fact)
	})
	if err != nil {
		return Switch{}, fmt.Errorf("pause: %w", err)
	}
	e.o.Logger.Warn("paused", "kind", s.Kind, "app", s.App, "by", s.By, "until", s.Until)
	return s, nil
}

// switchable refuses what there is no switch for.
func (e *Engine) switchable(ctx context.Context, kind SwitchKind, app string) error {
	switch kind {
	case PauseRemovals, PauseWrites:
		if app != "" {
			return &DecisionError{"this switch is about every app; it takes no app's name"}
		}
		return nil
	case PauseApp:
	default:
		return &DecisionError{fmt.Sprintf("there is no switch %q; there are app, removals and all", kind)}
	}
	m, err := e.o.Mappings.Current(ctx)
	if err != nil {
		return err
	}
	if _, ok := m.App(app); !ok {
		return &DecisionError{fmt.Sprintf("the mapping has no app %q", app)}
	}
	return nil
}

// Resume lifts a switch and returns it as it was. What it kept waiting goes on at once; removals that came in meanwhile pass
// the budget together. A switch that is not set is a *DecisionError.
func (e *Engine) Resume(ctx context.Context, actor audit.Actor, kind SwitchKind, app string) (Switch, error) {
	var lifted Switch
	now := e.o.Now()
	fact := e.switchFact(audit.WorkResumed, actor, Switch{Kind: kind, App: app})
	err := e.o.Store.Update(ctx, func(tx store.Tx) error {
		s, err := switchTable.Get(tx, switchKey(kind, app))
		if errors.Is(err, store.ErrNotFound) || err == nil && s.over(now) {
			none := Switch{Kind: kind, App: app}
			return &DecisionError{none.What() + " not paused by hand"}
		}
		if err != nil {
			return err
		}
		lifted = *s
		if err := switchTable.Delete(tx, switchKey(kind, app)); err != nil {
			return err
		}
		return audit.Record(tx, fact)
	})
	if err != nil {
		return Switch{}, err
	}
	e.o.Logger.Warn("resumed", "kind", kind, "app", app, "by", actor.Name)
	e.Wake()
	return lifted, nil
}

// Switches lists the switches in force.
func (e *Engine) Switches(ctx context.Context) ([]Switch, error) {
	var all switches
	err := e.o.Store.View(ctx, func(r store.Reader) error {
		var err error
		all, err = switchesIn(r, e.o.Now())
		return err
	})
	return all, err
}

// lapse removes the switches whose time is over and tells the audit. They are out of force from that time on, whether
// or not this ran.
func (e *Engine) lapse(ctx context.Context) error {
	now := e.o.Now()
	var over []Switch
	err := e.o.Store.View(ctx, func(r store.Reader) error {
		over = nil
		for s, err := range switchTable.Scan(r, nil) {
			if err != nil {
				return err
			}
			if s.over(now) {
				over = append(over, *s)
			}
		}
		return nil
	})
	for i := range over {
		if err != nil {
			return err
		}
		err = e.lapseOne(ctx, over[i], now)
	}
	return err
}

func (e *Engine) lapseOne(ctx context.Context, seen Switch, now time.Time) error {
	fact := e.switchFact(audit.WorkResumed, engineActor, seen)
	err := e.o.Store.Update(ctx, func(tx store.Tx) error {
		s, err := switchTable.Get(tx, switchKey(seen.Kind, seen.App))
		if errors.Is(err, store.ErrNotFound) || err == nil && !s.over(now) {
			return nil // lifted or set anew meanwhile
		}
		if err != nil {
			return err
		}
		if err := switchTable.Delete(tx, switchKey(seen.Kind, seen.App)); err != nil {
			return err
		}
		return audit.Record(tx, fact)
	})
	if err == nil {
		e.o.Logger.Warn("resumed: the time of the pause is over", "kind", seen.Kind, "app", seen.App)
	}
	return err
}

// switchFact tells of a switch. Who set it is the actor; of one that lapsed, the detail says so.
func (e *Engine) switchFact(act audit.Act, actor audit.Actor, s Switch) audit.Change {
	detail := map[string]string{"kind": string(s.Kind)}
	if s.Reason != "" {
		detail["reason"] = s.Reason
	}
	if !s.Until.IsZero() {
		detail["until"] = s.Until.Format(time.RFC3339)
	}
	c := e.fact(act, s.App, uuid.Nil, uuid.Nil, nil, detail)
	c.Actor = actor
	return c
}

// pausedError ends an execution before a call that a switch forbids. It is no failure: the item stays where it was in the queue.
type pausedError struct {
	stop Switch
	lane Lane // of the work that was stopped
}

func (e *pausedError) Error() string { return e.stop.What() + " paused by " + e.stop.By }

// allowed looks at the switches in the transaction in which a step is intended: what is not intended when a switch is durable is not
// sent. What ends an account is looked at once more, too.
func (x *execution) allowed(r store.Reader, op Op, person uuid.UUID) error {
	if err := x.stillEnds(r, op, person); err != nil {
		return err
	}
	all, err := switchesIn(r, x.o.Now())
	if err != nil || len(all) == 0 {
		return err
	}
	lane := Plan{Steps: []Step{{Op: op}}}.Lane()
	cut := false
	if lane == Removal {
		t, err := x.o.Directory.TerminatedIn(r, person)
		if err != nil {
			return err
		}
		cut = t != nil
	}
	if s := all.stops(x.app.Key, lane, cut); s != nil {
		return &pausedError{stop: *s, lane: lane}
	}
	return nil
}

// permit looks at all that once more when a call has waited for its turn at the vendor, right before it is sent.
func (x *execution) permit(ctx context.Context) error {
	return x.o.Store.View(ctx, func(r store.Reader) error { return x.allowed(r, x.op, x.person) })
}

// switchedOff reports whether a switch keeps an item from starting.
func (e *Engine) switchedOff(ctx context.Context, it *Item) (bool, error) {
	off := false
	err := e.o.Store.View(ctx, func(r store.Reader) error {
		all, err := switchesIn(r, e.o.Now())
		off = all.stops(it.App, it.Lane, it.Cut) != nil
		return err
	})
	return off, err
}

// pausedBy returns the switch that keeps a pair's work waiting, nil for none.
func (j *judge) pausedBy(r store.Reader, plan Plan, it *Item, cut bool) (*Switch, error) {
	lane := plan.Lane()
	switch {
	case it != nil && it.State == Ready:
		lane = it.Lane
	case plan.Waiting || it != nil && it.State == Quiet:
		lane = Removal
	case len(plan.Steps) == 0:
		return nil, nil
	}
	all, err := switchesIn(r, j.now)
	return all.stops(j.app.Key, lane, cut), err
}

// queues are the keys of the app's ready items that no switch stops, each queue by due time: who is terminated before
// everybody else, also after a failure has given the item a later due time than others have; then the lanes.
func (all switches) queues(r store.Reader, app string) []iter.Seq2[[]byte, error] {
	var queues []iter.Seq2[[]byte, error]
	if all.stops(app, Removal, true) == nil {
		queues = append(queues, items.FindKeys(r, byCut, store.Key([]byte(app))))
	}
	for _, lane := range Lanes() {
		if all.stops(app, lane, false) == nil {
			queues = append(queues, items.FindKeys(r, byDue, classPrefix(app, laneClass(lane))))
		}
	}
	return queues
}
