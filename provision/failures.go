package provision

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/usher-scim/usher/adapters"
	"github.com/usher-scim/usher/mapping"
	"github.com/usher-scim/usher/store"
)

// Failing is what keeps one person, or one team, from what the mapping says in one app.
type Failing struct {
	App    string    `json:"app"`
	Person uuid.UUID `json:"person,omitzero"`
	Team   string    `json:"team,omitempty"`
	Lane   Lane      `json:"lane,omitempty"` // what kind of work it is
	// Words say in plain words what is wrong, Fix what can be done; Text is what the vendor or the adapter said.
	Words string        `json:"words"`
	Fix   string        `json:"fix,omitempty"`
	Text  string        `json:"text"`
	Kind  adapters.Kind `json:"kind"`
	Cause string        `json:"cause"` // equal for those who fail for the same reason
	At    time.Time     `json:"at"`    // of the last try
	// Next is when it is tried again by itself; zero: never, a person has to act (usher retry).
	Next     time.Time `json:"next,omitzero"`
	Attempts int       `json:"attempts,omitempty"` // failed ones in a row that count
	Request  string    `json:"request,omitempty"`  // the vendor's request id
}

// Failures are what fails at one moment.
type Failures struct {
	List  []Failing `json:"list"`  // those who need a person first, then by app, cause and time
	Total int       `json:"total"` // of all, also those beyond the limit
}

// Failures lists what fails, of one app or with "" of every app of the mapping, one entry for each person or team and app;
// at most limit of them. It reads the queue of each app, all of one moment.
func (e *Engine) Failures(ctx context.Context, app string, limit int) (Failures, error) {
	var out Failures
	m, err := e.o.Mappings.Current(ctx)
	if err != nil {
		return out, err
	}
	titles := map[string]string{}
	for _, a := range m.Apps() {
		if app == "" || a.Key == app {
			titles[a.Key] = e.title(ctx, a)
		}
	}
	if app != "" && len(titles) == 0 {
		return out, &DecisionError{"the mapping has no app " + app}
	}
	var needy, others []Failing
	err = e.o.Store.View(ctx, func(r store.Reader) error {
		out, needy, others = Failures{}, nil, nil
		for key, title := range titles {
			for it, err := range items.Scan(r, store.Key([]byte(key))) {
				if err != nil {
					return err
				}
				if it.Failure == nil {
					continue
				}
				out.Total++
				if f := failing(it, title); f.Next.IsZero() && len(needy) < limit {
					needy = append(needy, f)
				} else if len(others) < limit {
					others = append(others, f)
				}
			}
		}
		return nil
	})
	for _, list := range [][]Failing{needy, others} {
		slices.SortFunc(list, func(a, b Failing) int {
			return cmp.Or(cmp.Compare(a.App, b.App), cmp.Compare(a.Cause, b.Cause), a.At.Compare(b.At), cmp.Compare(a.Person.String()+a.Team, b.Person.String()+b.Team))
		})
		out.List = append(out.List, list[:min(len(list), limit-len(out.List))]...)
	}
	return out, err
}

// title is how people call the app: its adapter's name for it, else its key.
func (e *Engine) title(ctx context.Context, app *mapping.App) string {
	if can, err := e.describe(ctx, app); err == nil && can.Title != "" {
		return can.Title
	}
	return app.Key
}

func failing(it *Item, title string) Failing {
	f := Failing{
		App: it.App, Lane: it.Lane, Text: it.Failure.Text, Fix: it.Failure.Fix, Kind: it.Failure.Kind,
		Cause: it.Failure.cause(), At: it.Failure.At, Attempts: it.Attempts, Request: it.Failure.Request,
	}
	f.Person, _ = it.Person()
	f.Team, _ = it.Team()
	var fix string
	f.Words, fix = Words(it.Failure.Kind, title)
	f.Fix = cmp.Or(f.Fix, fix)
	if it.State != Failed && it.State != Held {
		f.Next = it.Due
		if it.State == Marked || f.Next.IsZero() {
			f.Next = it.Failure.At // at once
		}
	}
	return f
}

// Stuck is work of one app that failed in one way and is not tried again by itself.
type Stuck struct {
	App   string        `json:"app"`
	Kind  adapters.Kind `json:"kind"`
	Words string        `json:"words"`
	Fix   string        `json:"fix"`
	Count int           `json:"count"`
}

// Stuck counts, for each app of the mapping and kind of failure, what waits for a person because repeating cannot help. It
// names nobody; it reads failed items alone.
func (e *Engine) Stuck(ctx context.Context) ([]Stuck, error) {
	m, err := e.o.Mappings.Current(ctx)
	if err != nil {
		return nil, err
	}
	var all []Stuck
	for _, app := range m.Apps() {
		counts := map[adapters.Kind]int{}
		err := e.o.Store.View(ctx, func(r store.Reader) error {
			clear(counts)
			for it, err := range items.Find(r, byDue, classPrefix(app.Key, classFailed)) {
				if err != nil {
					return err
				}
				if it.Failure != nil {
					counts[it.Failure.Kind]++
				}
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
		for _, kind := range slices.Sorted(maps.Keys(counts)) {
			s := Stuck{App: app.Key, Kind: kind, Count: counts[kind]}
			s.Words, s.Fix = Words(kind, e.title(ctx, app))
			all = append(all, s)
		}
	}
	return all, nil
}
