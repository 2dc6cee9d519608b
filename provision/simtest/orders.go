package simtest

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/usher-scim/usher/directory"
	"github.com/usher-scim/usher/provision"
)

// What an administrator orders beside the mapping: switches, terminations, comparisons, and going on after a restore.

// order plays such an act.
func (w *World) order(a Act) error {
	switch a.What {
	case "pause":
		return w.pause(a)
	case "resume":
		return w.resumeOne(a)
	case "terminate":
		return w.terminate(a)
	case "reinstate":
		return w.reinstateOne(a)
	case "reconcile":
		return w.requestComparison(apps()[a.A%2])
	case "go on":
		return w.goOn()
	}
	return nil
}

// switchName names what a switch stops, as the model does.
func switchName(kind provision.SwitchKind, app string) string {
	return strings.TrimSpace(string(kind) + " " + app)
}

func (w *World) pause(a Act) error {
	kind := []provision.SwitchKind{provision.PauseApp, provision.PauseRemovals, provision.PauseApp, provision.PauseWrites}[a.A%4]
	app := ""
	if kind == provision.PauseApp {
		app = apps()[a.B%2]
	}
	d, _ := w.model.document()
	if _, there := d.apps[app]; app != "" && !there {
		return nil
	}
	o := provision.PauseOptions{Reason: "a drill", For: []time.Duration{0, time.Minute, 3 * time.Hour, 30 * time.Hour}[a.C%4]}
	name := switchName(kind, app)
	w.say("%s is paused for %s", name, o.For)
	var set provision.Switch
	return w.tell(func() (err error) {
		set, err = w.p.engine.Pause(w.p.ctx, admin, kind, app, o)
		return err
	}, func() {
		w.model.switches[name] = set
		w.allowUnderWay()
	}, "switch "+name)
}

func (w *World) resumeOne(a Act) error {
	var set []string
	for name, s := range w.model.switches {
		if !w.lapsed(s) {
			set = append(set, name)
		}
	}
	if len(set) == 0 {
		return nil
	}
	slices.Sort(set)
	return w.lift(set[a.A%len(set)])
}

func (w *World) lapsed(s provision.Switch) bool {
	return !s.Until.IsZero() && !w.clock.now().Before(s.Until)
}

func (w *World) lift(name string) error {
	s := w.model.switches[name]
	w.say("%s goes on", name)
	return w.tell(func() error {
		_, err := w.p.engine.Resume(w.p.ctx, admin, s.Kind, s.App)
		var no *provision.DecisionError
		if errors.As(err, &no) {
			return nil // its time was over
		}
		return err
	}, func() { delete(w.model.switches, name) }, "switch "+name)
}

// stopped names the switch that stops what an app is sent, "" for none. cut says that it ends the access of a terminated person.
func (w *World) stopped(app string, removal, cut bool) string {
	for _, s := range w.model.switches {
		switch {
		case w.lapsed(s):
		case s.Kind == provision.PauseWrites, s.Kind == provision.PauseApp && s.App == app:
			return switchName(s.Kind, s.App)
		case s.Kind == provision.PauseRemovals && removal && !cut:
			return switchName(s.Kind, s.App)
		}
	}
	return ""
}

func (w *World) terminate(a Act) error {
	p, known := w.model.last[okta][humans[a.A%len(humans)]]
	if !known || w.model.ended[p] {
		return nil
	}
	w.say("%s is terminated", w.name(p))
	return w.tell(func() error {
		_, _, err := w.p.engine.Terminate(w.p.ctx, admin, p, directory.TerminateOptions{Reason: "an incident"})
		return err
	}, func() { w.model.ended[p] = true }, "terminated "+p.String())
}

func (w *World) reinstateOne(a Act) error {
	ended := sorted(w.model.ended)
	if len(ended) == 0 {
		return nil
	}
	p := ended[a.A%len(ended)]
	w.say("%s is reinstated", w.name(p))
	return w.tell(func() error {
		return w.p.engine.Reinstate(w.p.ctx, admin, p, "a mistake")
	}, func() { delete(w.model.ended, p) }, "terminated "+p.String())
}

// requestComparison asks for a comparison of an app with its own list of accounts.
func (w *World) requestComparison(app string) error {
	w.say("reconcile %s", app)
	_, err := w.p.engine.RequestReconcile(w.p.ctx, admin, app)
	var no *provision.DecisionError
	if err == nil || errors.As(err, &no) || errors.Is(err, errCrash) {
		return nil
	}
	return broken("no unexpected error", "ask for a comparison: %v", err)
}

// goOn ends what a restore began, with the number typed that it asks for.
func (w *World) goOn() error {
	if w.restoredMark() == nil {
		return nil
	}
	w.say("work goes on after the restore")
	err := w.p.engine.ResumeRestored(w.p.ctx, admin, -1, true)
	var count *provision.CountError
	if errors.As(err, &count) {
		err = w.p.engine.ResumeRestored(w.p.ctx, admin, count.Total, true)
	}
	var no *provision.DecisionError
	if err == nil || errors.As(err, &no) || errors.Is(err, errCrash) {
		return nil
	}
	return broken("no unexpected error", "go on after a restore: %v", err)
}

// restoredMark is the mark of a restore that nobody ended yet.
func (w *World) restoredMark() *provision.Restored {
	for m, err := range all[provision.Restored](w, "restored") {
		if err == nil {
			return m
		}
	}
	return nil
}

// learnOrders reads terminations and switches for a model.
func (w *World) learnOrders(ctx context.Context, m *model) error {
	terminations, err := w.p.dir.Terminations(ctx)
	if err != nil {
		return err
	}
	m.ended = map[uuid.UUID]bool{}
	for _, t := range terminations {
		m.ended[t.Person] = true
	}
	m.switches = map[string]provision.Switch{}
	for s, err := range all[provision.Switch](w, "switches") {
		if err != nil {
			return err
		}
		m.switches[switchName(s.Kind, s.App)] = *s
	}
	return nil
}
