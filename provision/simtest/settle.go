package simtest

import (
	"slices"
	"time"

	"github.com/usher-scim/usher/provision"
)

// settle lets everything come to rest and checks twice: first soon after the last act, when a visible
// reason excuses what is not as it should be; then with every question answered, everybody touched so
// that what happened by hand is found, and everything tried again, when only what nobody can answer does.
func (w *World) settle() error {
	w.say("END")
	w.calm()
	w.calmed = true
	if err := w.watch(); err != nil {
		return err
	}
	if err := w.run(30*time.Hour, w.seed); err != nil {
		return err
	}
	if err := w.checkAll(true); err != nil {
		return err
	}
	w.say("HEAL")
	w.kind.sources = 1
	if err := w.liftAll(); err != nil {
		return err
	}
	if err := w.applyDocument(0, true); err != nil {
		return err
	}
	for round := range w.rounds {
		w.acceptAll()
		for i := range humans {
			for _, source := range []int{1, 0} { // okta, then entra
				w.kind.sources = 2
				if err := w.identity(Act{What: "change", A: i, B: round + 2000, C: source}); err != nil {
					return err
				}
			}
		}
		for _, app := range apps() {
			if err := w.retry(app); err != nil {
				return err
			}
			if err := w.requestComparison(app); err != nil {
				return err
			}
		}
		if err := w.run(time.Hour, w.seed); err != nil {
			return err
		}
		open, err := w.holds()
		if err != nil {
			return broken("no unexpected error", "list holds: %v", err)
		}
		for _, h := range open {
			if err := w.decide(h, true, h.Kind == provision.HoldTransfer); err != nil {
				return err
			}
		}
		if err := w.run(8*24*time.Hour, w.seed); err != nil {
			return err
		}
	}
	if err := w.answerTheRest(); err != nil {
		return err
	}
	if err := w.checkAll(false); err != nil {
		return err
	}
	if err := w.explained(); err != nil {
		return err
	}
	return w.thrifty()
}

// answerTheRest approves what was asked only after the answers before: one person may be the subject of four questions in a row.
func (w *World) answerTheRest() error {
	for range 3 {
		open, err := w.holds()
		if err != nil {
			return broken("no unexpected error", "list holds: %v", err)
		}
		open = slices.DeleteFunc(open, func(h provision.Hold) bool { return !answerable(h.Kind) })
		if len(open) == 0 {
			return nil
		}
		for _, h := range open {
			if err := w.decide(h, true, h.Kind == provision.HoldTransfer); err != nil {
				return err
			}
		}
		if err := w.run(24*time.Hour, w.seed); err != nil {
			return err
		}
	}
	return nil
}

// thrifty: where nothing goes wrong, the calls stay within the minimum and a fifth.
func (w *World) thrifty() error {
	w.tally()
	if made := w.calls - w.looks; w.kind.faultless && float64(made) > Overhead*float64(w.minimum) {
		return broken("calls stay near the minimum", "%d calls, %d were needed", made, w.minimum)
	}
	return nil
}

// liftAll ends what an administrator stopped, and in every second history the terminations too.
func (w *World) liftAll() error {
	if err := w.goOn(); err != nil {
		return err
	}
	for _, name := range slices.Sorted(keys(w.model.switches)) {
		if err := w.lift(name); err != nil {
			return err
		}
	}
	for range len(w.model.ended) {
		if w.seed%2 == 0 {
			break
		}
		if err := w.reinstateOne(Act{}); err != nil {
			return err
		}
	}
	return nil
}
