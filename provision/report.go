package provision

import (
	"context"
	"errors"
	"sort"
	"time"

	"github.com/google/uuid"

	"github.com/usher-scim/usher/adapters"
	"github.com/usher-scim/usher/audit"
	"github.com/usher-scim/usher/directory"
	"github.com/usher-scim/usher/mapping"
	"github.com/usher-scim/usher/store"
)

// AppStatus is one app at a glance.
type AppStatus struct {
	App        string               `json:"app"`
	Title      string               `json:"title"`
	Connection string               `json:"connection"`
	Mode       mapping.Mode         `json:"mode"`
	Tenant     string               `json:"tenant,omitempty"`
	TenantName string               `json:"tenantName,omitempty"`
	Missing    []string             `json:"missing,omitempty"` // permissions the connection lacks
	Stopped    bool                 `json:"stopped,omitempty"`
	Reason     string               `json:"reason,omitempty"` // why it is stopped or waits
	Fix        string               `json:"fix,omitempty"`
	Waiting    time.Time            `json:"waiting,omitzero"` // nothing is sent before
	Accounts   map[AccountState]int `json:"accounts"`
	Queue      map[string]int       `json:"queue"` // by what the items wait for: marked, quiet, removal, update, joiner, later, held, failed
	// OldestRemoval is when the oldest removal that is not done yet became one.
	OldestRemoval time.Time `json:"oldestRemoval,omitzero"`
	Holds         int       `json:"holds"`
	// Inside counts those of the holds that keep a deactivated person in only because others are held; Leavers are the first few of them.
	Inside   int            `json:"inside,omitempty"`
	Leavers  []uuid.UUID    `json:"leavers,omitempty"`
	Failures []FailureGroup `json:"failures,omitempty"`
}

// someNamed is how many people a report names where it counts the others.
const someNamed = 5

// FailureGroup is one cause that keeps people waiting.
type FailureGroup struct {
	Kind    adapters.Kind `json:"kind,omitempty"`
	Words   string        `json:"words,omitempty"` // what is wrong, in plain words (Words)
	Text    string        `json:"text"`            // what the vendor or the adapter said, of the last of them
	Fix     string        `json:"fix,omitempty"`
	Count   int           `json:"count"`
	Persons []uuid.UUID   `json:"persons"`       // the first few
	Next    time.Time     `json:"next,omitzero"` // the first time at which one of them is tried again by itself
	// Stuck is how many of them are not tried again by themselves.
	Stuck int `json:"stuck,omitempty"`

	at time.Time // of the failure whose text is told
}

var queueNames = map[class]string{
	classUrgent: "marked", classMarked: "marked", classQuiet: "quiet", classRemoval: "removal",
	classUpdate: "update", classJoiner: "joiner", classLater: "later", classHeld: "held", classFailed: "failed",
}

// Status describes every app of the mapping, in the order of their names.
func (e *Engine) Status(ctx context.Context) ([]AppStatus, error) {
	m, err := e.o.Mappings.Current(ctx)
	if err != nil {
		return nil, err
	}
	var out []AppStatus
	for _, app := range m.Apps() {
		s := AppStatus{App: app.Key, Title: app.Key, Connection: app.Connection, Mode: app.Mode}
		if can, err := e.describe(ctx, app); err == nil {
			s.Title = can.Title
		}
		if err := e.o.Store.View(ctx, func(r store.Reader) error { return appReport(r, &s) }); err != nil {
			return nil, err
		}
		e.mu.Lock()
		if g := e.run(app.Key).gate; g.closed(e.o.Now()) {
			s.Waiting = g.opens()
			if s.Reason == "" {
				s.Reason = g.reason
			}
		}
		e.mu.Unlock()
		out = append(out, s)
	}
	return out, nil
}

func appReport(r store.Reader, s *AppStatus) error {
	s.Accounts, s.Queue, s.Failures = map[AccountState]int{}, map[string]int{}, nil
	s.Holds, s.Inside, s.Leavers, s.OldestRemoval = 0, 0, nil, time.Time{}
	state, err := appState(r, s.App)
	if err != nil {
		return err
	}
	s.Tenant, s.TenantName, s.Missing = state.Tenant, state.TenantName, state.Missing
	s.Stopped, s.Reason, s.Fix = state.Stopped, state.Reason, state.Fix
	for _, st := range []AccountState{Creating, Active, Suspended, Demoted, Removing, Gone, Lost, Unlinked} {
		for _, err := range accounts.FindKeys(r, byState, store.Key([]byte(s.App), []byte(st))) {
			if err != nil {
				return err
			}
			s.Accounts[st]++
		}
	}
	groups := map[string]*FailureGroup{}
	for c, name := range queueNames {
		for it, err := range items.Find(r, byDue, classPrefix(s.App, c)) {
			if err != nil {
				return err
			}
			s.Queue[name]++
			if (c == classRemoval || c == classUrgent || c == classQuiet) && (s.OldestRemoval.IsZero() || it.Marked.Before(s.OldestRemoval)) {
				s.OldestRemoval = it.Marked
			}
			if it.Failure != nil {
				group(groups, it, s.Title)
			}
		}
	}
	for _, g := range groups {
		s.Failures = append(s.Failures, *g)
	}
	sort.Slice(s.Failures, func(i, k int) bool {
		a, b := s.Failures[i], s.Failures[k]
		return a.Count > b.Count || (a.Count == b.Count && a.Text < b.Text)
	})
	for h, err := range holds.Find(r, byHoldState, store.Key([]byte(HoldOpen), []byte(s.App))) {
		if err != nil {
			return err
		}
		s.Holds++
		if !h.Leaver {
			continue
		}
		if s.Inside++; len(s.Leavers) < someNamed {
			s.Leavers = append(s.Leavers, h.Person)
		}
	}
	return nil
}

func group(groups map[string]*FailureGroup, it *Item, title string) {
	told := failing(it, title)
	g := groups[told.Cause]
	if g == nil {
		g = &FailureGroup{Kind: told.Kind, Words: told.Words}
		groups[told.Cause] = g
	}
	if told.At.After(g.at) || g.Count == 0 {
		g.Text, g.Fix, g.at = told.Text, told.Fix, told.At
	}
	g.Count++
	if told.Person != uuid.Nil && len(g.Persons) < someNamed {
		g.Persons = append(g.Persons, told.Person)
	}
	if it.State == Failed {
		g.Stuck++
	}
	if it.State == Ready && (g.Next.IsZero() || it.Due.Before(g.Next)) {
		g.Next = it.Due
	}
}

// Explanation is the chain from the facts to one person's account in one app.
type Explanation struct {
	App      string           `json:"app"`
	Mode     mapping.Mode     `json:"mode"`
	Version  int              `json:"version"` // of the mapping
	Person   directory.Person `json:"person"`
	Want     mapping.Want     `json:"want"`
	WantErr  string           `json:"wantError,omitempty"`
	Accounts []Account        `json:"accounts"` // history included, oldest first
	Item     *Item            `json:"item,omitempty"`
	Holds    []Hold           `json:"holds,omitempty"`
	Plan     []Step           `json:"plan,omitempty"` // what is left to do; in observe, what would be done
	Asks     []HoldSpec       `json:"asks,omitempty"`
	Next     time.Time        `json:"next,omitzero"`
	Paused   *Switch          `json:"paused,omitempty"` // keeps what is left to do waiting
	Facts    []audit.Change   `json:"facts"`            // newest first
	// Groups says what the groups are called that the facts are about.
	Groups map[uuid.UUID]string `json:"groups,omitempty"`
}

const explainedFacts = 40

// Why explains one person's account in one app. The person is named by id, userName or e-mail.
func (e *Engine) Why(ctx context.Context, who, app string) (Explanation, error) {
	var x Explanation
	m, err := e.o.Mappings.Current(ctx)
	if err != nil {
		return x, err
	}
	a, ok := m.App(app)
	if !ok {
		return x, &DecisionError{"the mapping has no app " + app}
	}
	can, err := e.describe(ctx, a)
	if err != nil {
		return x, err
	}
	j := judge{Engine: e, mapping: m, app: a, can: can, now: e.o.Now()}
	err = e.o.Store.View(ctx, func(r store.Reader) error {
		x = Explanation{App: app, Mode: a.Mode, Version: m.Version()}
		person, err := e.personIn(r, who)
		if err != nil {
			return err
		}
		return j.explain(r, person, &x)
	})
	if err != nil {
		return x, err
	}
	groups := make([]uuid.UUID, len(x.Facts))
	for i := range x.Facts {
		groups[i] = x.Facts[i].Group
	}
	x.Groups, err = e.GroupNames(ctx, groups)
	return x, err
}

// Person finds the one person that a userName, e-mail or id names.
func (e *Engine) Person(ctx context.Context, who string) (uuid.UUID, error) {
	var id uuid.UUID
	err := e.o.Store.View(ctx, func(r store.Reader) error {
		var err error
		id, err = e.personIn(r, who)
		return err
	})
	return id, err
}

func (e *Engine) personIn(r store.Reader, who string) (uuid.UUID, error) {
	ids, err := e.o.Directory.LookupIn(r, who)
	if err != nil {
		return uuid.Nil, err
	}
	switch len(ids) {
	case 1:
		return ids[0], nil
	case 0:
		// Somebody who left the directory is still in the ledger.
		if id, err := uuid.Parse(who); err == nil {
			return id, nil
		}
		for a, err := range accounts.Scan(r, nil) {
			if err != nil {
				return uuid.Nil, err
			}
			if a.Email == directory.Fold(who) {
				return a.Person, nil
			}
		}
		return uuid.Nil, &DecisionError{"nobody in the directory or the ledger is called " + who}
	default:
		return uuid.Nil, &DecisionError{who + " names more than one person; use the id"}
	}
}

func (j *judge) explain(r store.Reader, person uuid.UUID, x *Explanation) error {
	var err error
	if x.Person, err = j.o.Directory.PersonIn(r, person); err != nil {
		return err
	}
	if x.Accounts, err = accountsOf(r, x.App, person); err != nil {
		return err
	}
	if x.Holds, err = holdsOf(r, x.App, person); err != nil {
		return err
	}
	switch it, err := items.Get(r, itemKey(x.App, personSubject(person))); {
	case err == nil:
		x.Item = it
	case !errors.Is(err, store.ErrNotFound):
		return err
	}
	var we *wantError
	s, err := j.situation(r, person)
	switch {
	case errors.As(err, &we):
		x.WantErr = we.Error()
	case err != nil:
		return err
	default:
		x.Want, x.Version = s.Want, j.mapping.For(&s.Person).Version()
		if s.App.Mode == mapping.Observe {
			enforced := *s.App
			enforced.Mode = mapping.Enforce
			s.App, s.Guarded = &enforced, false
		}
		plan := s.Plan()
		x.Plan, x.Asks, x.Next = plan.Steps, plan.Holds, plan.Next
		if x.Paused, err = j.pausedBy(r, plan, x.Item, s.Person.Terminated != nil); err != nil {
			return err
		}
	}
	for c, err := range audit.OfPerson(r, person) {
		if err != nil {
			return err
		}
		if c.App != "" && c.App != x.App {
			continue
		}
		if c, err = j.o.OpenFact(r, c); err != nil {
			return err
		}
		if x.Facts = append(x.Facts, c); len(x.Facts) == explainedFacts {
			break
		}
	}
	return nil
}

// Accounts lists the app's ledger by account id, those behind after, at most limit. History is included when over is set.
func (e *Engine) Accounts(ctx context.Context, app string, after uuid.UUID, limit int, over bool) ([]Account, error) {
	var out []Account
	err := e.o.Store.View(ctx, func(r store.Reader) error {
		out = nil
		var from []byte
		if after != uuid.Nil {
			from = accountKey(after)
		}
		for a, err := range accounts.ScanAfter(r, nil, from) {
			if err != nil {
				return err
			}
			if a.App != app || (a.State.Over() && !over) {
				continue
			}
			if out = append(out, *a); len(out) == limit {
				return nil
			}
		}
		return nil
	})
	return out, err
}
