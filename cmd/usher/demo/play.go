package demo

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

const (
	patience = 30 * time.Second      // for one scene
	lookEach = 50 * time.Millisecond // between two looks at the facts
)

// play acts one scene, waits for what must follow from it, and shows what Usher made of
// it. It returns what did not come within patience; the week goes on.
func (w *week) play(ctx context.Context, s *scene) (missing string, err error) {
	w.view.heading(s.when, s.what)
	w.view.prose(s.text)
	w.view.blank()
	w.began = time.Now()
	if err := s.act(ctx); err != nil {
		return "", err
	}
	w.acted = time.Now()
	missing, err = w.await(ctx, s)
	if err != nil {
		return "", err
	}
	took := time.Since(w.acted)
	reads, err := w.tell(ctx)
	if err != nil {
		return "", err
	}
	if missing != "" {
		w.view.trouble(fmt.Sprintf("not settled after %s: %s", patience, missing))
		return missing, nil
	}
	text := fmt.Sprintf("settled %s after the last request", seconds(took))
	if reads > 0 {
		text += fmt.Sprintf(", with %s at the vendors besides", count(reads, "read"))
	}
	w.view.blank()
	w.view.settled(text)
	return "", nil
}

// await looks until the vendors are as the scene says and Usher has nothing left to do.
func (w *week) await(ctx context.Context, s *scene) (missing string, err error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	tick := time.NewTicker(lookEach)
	defer tick.Stop()
	for {
		now, err := w.unfinished(ctx, s)
		switch {
		case ctx.Err() == nil && err != nil:
			return "", err
		case ctx.Err() == nil:
			missing = now
		}
		if missing == "" && err == nil {
			return "", nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			if errors.Is(ctx.Err(), context.DeadlineExceeded) {
				return missing, nil
			}
			return "", ctx.Err()
		}
	}
}

// unfinished says what is still missing, "" when nothing is.
func (w *week) unfinished(ctx context.Context, s *scene) (string, error) {
	w.ids.learn(w.stage.sandbox)
	if d := s.until.differences(standings(w.stage.sandbox).of(s.until)); len(d) > 0 {
		return d[0], nil
	}
	if s.also != nil {
		if missing, err := s.also(ctx); missing != "" || err != nil {
			return missing, err
		}
	}
	status, err := w.stage.admin.Status(ctx)
	if err != nil {
		return "", fmt.Errorf("read the status: %w", err)
	}
	for i := range status.Value.Apps {
		app := &status.Value.Apps[i]
		if app.Stopped {
			return app.Title + " is stopped: " + app.Reason, nil
		}
		for _, waits := range []string{"marked", "quiet", "removal", "update", "joiner", "failed"} {
			if n := app.Queue[waits]; n > 0 {
				return fmt.Sprintf("%s has %s that is %s", app.Title, count(n, "piece of work"), waits), nil
			}
		}
	}
	return "", nil
}

// alike is how many calls of one kind are shown one by one.
const alike = 2

// tell shows what Usher decided and what the vendors were told since the last scene, and counts the reads.
func (w *week) tell(ctx context.Context) (reads int, err error) {
	statements, err := w.decisions(ctx)
	if err != nil {
		return 0, err
	}
	w.view.blank()
	for _, s := range statements {
		w.view.line(decided, "usher", s.String(), w.since(s.at))
	}
	calls := w.stage.sandbox.Log.After(w.calls)
	if len(calls) > 0 {
		w.calls = calls[len(calls)-1].Seq
	}
	writes, reads := w.ids.writes(calls)
	w.view.blank()
	if len(writes) == 0 {
		w.view.line(told, "nobody", "no vendor was told anything", "")
	}
	w.showWrites(lastOfEach(writes))
	return reads, nil
}

// lastOfEach keeps of several writes to one place the last: of a team's list, say, that grows
// with each member.
func lastOfEach(writes []write) []write {
	var out []write
	for i := range writes {
		x := writes[i]
		at := slices.IndexFunc(out, func(o write) bool { return o.place == x.place && o.like == x.like && o.place != "" })
		if at < 0 {
			out = append(out, x)
			continue
		}
		x.times += out[at].times
		out[at] = x
	}
	return out
}

// showWrites shows calls in their order; of a kind that there are many of, the first and the names of the others.
func (w *week) showWrites(writes []write) {
	kinds := map[string][]string{}
	for _, x := range writes {
		kinds[x.like] = append(kinds[x.like], x.who)
	}
	shown := map[string]bool{}
	for _, x := range writes {
		same := kinds[x.like]
		if shown[x.like] && len(same) > alike {
			continue
		}
		tail := w.since(x.at)
		if x.times > 1 {
			x.text += fmt.Sprintf("  (last of %d)", x.times)
		}
		w.view.line(told, x.vendor, x.text, tail)
		if len(same) > alike {
			w.view.line(told, "", "the same for "+listed(same[1:]), fmt.Sprintf("%d ×", len(same)-1))
		}
		shown[x.like] = true
	}
}

// since is a moment of the scene, counted from its first request.
func (w *week) since(t time.Time) string { return "+" + seconds(max(0, t.Sub(w.began))) }

func seconds(d time.Duration) string { return fmt.Sprintf("%.1f s", d.Seconds()) }
