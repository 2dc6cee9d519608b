package provision

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/usher-scim/usher/audit"
	"github.com/usher-scim/usher/directory"
	"github.com/usher-scim/usher/mapping"
	"github.com/usher-scim/usher/mapping/versions"
	"github.com/usher-scim/usher/store"
)

const (
	// rolloutLeast is how many people in trouble a rollout bears in any case, and rolloutShare which percentage of those in the ring.
	rolloutLeast = 3
	rolloutShare = 5
	// troubleNamed is how many people in trouble a status names.
	troubleNamed = 10
)

// RolloutStatus is how a rollout does.
type RolloutStatus struct {
	versions.Rollout
	InForce int `json:"inForce"` // the version of everybody else
	Reached int `json:"reached"` // people in the ring
	// InTrouble is how many people of the ring fail, or are held, because of the new version. Above Limit the rollout stops by itself.
	InTrouble int       `json:"inTrouble"`
	Limit     int       `json:"limit"`
	Troubles  []Trouble `json:"troubles,omitempty"` // the first few
}

// Trouble is what a new version of the mapping did to somebody that needs a person.
type Trouble struct {
	Person uuid.UUID `json:"person"`
	App    string    `json:"app"`
	Text   string    `json:"text"`
}

// WatchRollout stops the rollout by itself when more people are in trouble through it than its limit bears. The engine does so every few
// seconds; it is a complete step and may be repeated.
func (e *Engine) WatchRollout(ctx context.Context) error {
	ro, err := e.o.Mappings.Rollout(ctx)
	if err != nil || ro == nil || ro.Stopped != nil {
		return err
	}
	s, err := e.rolloutStatus(ctx, ro)
	if err != nil || s == nil || s.InTrouble <= s.Limit {
		return err
	}
	why := fmt.Sprintf("%s in the ring fail or are held because of it, more than the limit of %d", people(s.InTrouble), s.Limit)
	_, err = e.o.Mappings.StopRollout(ctx, engineActor, ro.Version, why)
	var over *versions.RolloutError
	if errors.As(err, &over) {
		return nil // it ended meanwhile
	}
	if err == nil {
		e.o.Logger.Warn("the rollout of the mapping stopped", "version", ro.Version, "ring", ro.Ring.String(), "why", why)
	}
	return err
}

// RolloutStatus says how the rollout does, nil where nothing is rolled out.
func (e *Engine) RolloutStatus(ctx context.Context) (*RolloutStatus, error) {
	ro, err := e.o.Mappings.Rollout(ctx)
	if err != nil || ro == nil {
		return nil, err
	}
	return e.rolloutStatus(ctx, ro)
}

// ResumeRollout lets a stopped rollout go on. It stops by itself again when there are more people in trouble than now, by its limit.
func (e *Engine) ResumeRollout(ctx context.Context, actor audit.Actor) (versions.Rollout, error) {
	s, err := e.RolloutStatus(ctx)
	if err != nil {
		return versions.Rollout{}, err
	}
	forgiven := 0
	if s != nil {
		forgiven = s.InTrouble
	}
	return e.o.Mappings.ResumeRollout(ctx, actor, forgiven)
}

// rolloutStatus looks at a rollout; nil if the mapping in force does not follow it (any more).
func (e *Engine) rolloutStatus(ctx context.Context, ro *versions.Rollout) (*RolloutStatus, error) {
	m, err := e.o.Mappings.Current(ctx)
	if err != nil {
		return nil, err
	}
	next, ring := m.RollsOut()
	if next == nil || next.Version() != ro.Version {
		return nil, nil
	}
	s := &RolloutStatus{Rollout: *ro, InForce: m.Version()}
	seen := map[uuid.UUID]bool{}
	for _, app := range m.Apps() {
		found, err := e.troubles(ctx, m, app, ro)
		if err != nil {
			return nil, err
		}
		for _, t := range found {
			if !seen[t.Person] && len(s.Troubles) < troubleNamed {
				s.Troubles = append(s.Troubles, t)
			}
			seen[t.Person] = true
		}
	}
	s.InTrouble = len(seen)
	if s.Reached, err = e.inRing(ctx, ring); err != nil {
		return nil, err
	}
	s.Limit = ro.Forgiven + max(rolloutLeast, (s.Reached*rolloutShare+99)/100)
	return s, nil
}

// troubles lists whose work in an app failed, or is held, after the new version was given to them, where that wants something else for them
// than the version in force.
func (e *Engine) troubles(ctx context.Context, m *mapping.Mapping, app *mapping.App, ro *versions.Rollout) ([]Trouble, error) {
	var out []Trouble
	now := e.o.Now()
	err := e.o.Store.View(ctx, func(r store.Reader) error {
		out = nil
		for _, c := range []class{classFailed, classHeld, classRemoval, classUpdate, classJoiner} {
			for it, err := range items.Find(r, byDue, classPrefix(app.Key, c)) {
				if err != nil {
					return err
				}
				person, ok := it.Person()
				if !ok || it.Failure == nil && it.State != Held || !slices.ContainsFunc(it.Causes, func(id uuid.UUID) bool { return slices.Contains(ro.Changes, id) }) {
					continue
				}
				text, err := troubleOf(r, it, ro.Since)
				if err != nil {
					return err
				}
				if text == "" {
					continue
				}
				p, err := e.o.Directory.PersonIn(r, person)
				if err != nil {
					return err
				}
				if differs(m, app.Key, &p, now) {
					out = append(out, Trouble{Person: person, App: app.Key, Text: text})
				}
			}
		}
		return nil
	})
	return out, err
}

// troubleOf says what an item waits for that is trouble, "" for nothing: its failure, or a hold that opened since a time.
func troubleOf(r store.Reader, it *Item, since time.Time) (string, error) {
	if it.Failure != nil {
		return it.Failure.Text, nil
	}
	person, _ := it.Person()
	all, err := holdsOf(r, it.App, person)
	if err != nil {
		return "", err
	}
	for _, h := range all {
		if h.State == HoldOpen && h.Kind != HoldUndone && !h.Opened.Before(since) {
			return h.Text, nil
		}
	}
	return "", nil
}

// differs reports whether the version that is rolled out means something else for a person of the ring than the one in force.
func differs(m *mapping.Mapping, app string, p *directory.Person, now time.Time) bool {
	next := m.For(p)
	if next == m {
		return false
	}
	was, err := m.InForce().Decide(app, p, now)
	if err != nil {
		return false // it fails under both, or is put right
	}
	will, err := next.Decide(app, p, now)
	if err != nil {
		return true
	}
	a, _ := m.App(app)
	b, _ := next.App(app)
	return was.Wanted != will.Wanted || was.Reason != will.Reason || was.Role != will.Role || was.Licence != will.Licence ||
		!slices.Equal(was.Teams, will.Teams) || !reflect.DeepEqual(was.Profile, will.Profile) || !sameSteps(a.Steps(was), b.Steps(will))
}

func sameSteps(a, b []mapping.Step) bool {
	return slices.EqualFunc(a, b, func(x, y mapping.Step) bool {
		if x.Action != y.Action || x.After != y.After || (x.Transfer == nil) != (y.Transfer == nil) {
			return false
		}
		return x.Transfer == nil || x.Transfer.To == y.Transfer.To && x.Transfer.Else == y.Transfer.Else && slices.Equal(x.Transfer.What, y.Transfer.What)
	})
}

// inRing counts the people of a ring: the members of its group, and those in its share who are not among them.
func (e *Engine) inRing(ctx context.Context, ring mapping.Ring) (int, error) {
	n := 0
	count := func(read func(r store.Reader, after uuid.UUID) ([]uuid.UUID, error), adds func(uuid.UUID) int) error {
		var after uuid.UUID
		for {
			var page []uuid.UUID
			err := e.o.Store.View(ctx, func(r store.Reader) error {
				var err error
				page, err = read(r, after)
				return err
			})
			if err != nil || len(page) == 0 {
				return err
			}
			for _, p := range page {
				n += adds(p)
			}
			after = page[len(page)-1]
		}
	}
	if ring.Group != uuid.Nil {
		err := count(func(r store.Reader, after uuid.UUID) ([]uuid.UUID, error) {
			g, err := e.o.Directory.GroupIn(r, ring.Group)
			if directory.CodeOf(err) == directory.NotFound || err == nil && !g.Deleted.IsZero() {
				return nil, nil
			}
			if err != nil {
				return nil, err
			}
			return e.o.Directory.MembersIn(r, ring.Group, after, expandSlice)
		}, func(p uuid.UUID) int {
			if mapping.InShare(p, ring.Share) {
				return 0 // counted with the share
			}
			return 1
		})
		if err != nil {
			return 0, err
		}
	}
	if ring.Share == 0 {
		return n, nil
	}
	err := count(func(r store.Reader, after uuid.UUID) ([]uuid.UUID, error) {
		return e.o.Directory.PersonsIn(r, after, expandSlice)
	}, func(p uuid.UUID) int {
		if mapping.InShare(p, ring.Share) {
			return 1
		}
		return 0
	})
	return n, err
}

// RolloutWords says in one sentence how a rollout does.
func (s *RolloutStatus) RolloutWords() string {
	words := fmt.Sprintf("version %d is being rolled out to %s: %s", s.Version, s.Ring, people(s.Reached))
	if s.InTrouble > 0 {
		words += fmt.Sprintf(", %d of them in trouble through it (it stops above %d)", s.InTrouble, s.Limit)
	}
	if s.Stopped != nil {
		words = strings.Replace(words, "is being rolled out", "was being rolled out", 1)
	}
	return words
}
