package directory

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/usher-scim/usher/audit"
	"github.com/usher-scim/usher/store"
)

// Termination ends a person's access everywhere, whatever the sources say then or later,
// until an administrator reinstates the person. It is kept whether or not a source holds the person.
type Termination struct {
	Person uuid.UUID `json:"person"`
	At     time.Time `json:"at"` // UTC, milliseconds
	By     string    `json:"by"` // the administrator
	Reason string    `json:"reason"`
	// Names are the userNames and e-mail addresses, folded, that the person had: who comes under one of them
	// as somebody new is looked at before anything is given.
	Names []string `json:"names,omitempty"`
}

const (
	// MaxReason bounds the reason of a termination, in bytes.
	MaxReason = 500
	// TerminationsAnHour is how many people one administrator terminates within an hour before being asked to confirm the number.
	TerminationsAnHour = 3

	byAdministrator = "by"    // (administrator, time)
	byFormerName    = "names" // a folded userName or address
)

func newTerminations() *store.Table[Termination] {
	return store.NewTable("terminations", func(t *Termination) []byte { return t.Person[:] }, nil,
		store.Index[Termination]{Name: byAdministrator, Keys: func(t *Termination) [][]byte {
			return [][]byte{store.Key([]byte(t.By), store.Time(t.At))}
		}},
		store.Index[Termination]{Name: byFormerName, Keys: func(t *Termination) [][]byte {
			keys := make([][]byte, len(t.Names))
			for i, n := range t.Names {
				keys[i] = store.Key([]byte(n))
			}
			return keys
		}},
	)
}

// TerminateOptions go with a termination.
type TerminateOptions struct {
	Reason string // needed, at most MaxReason bytes
	// Count confirms the number of people, this one included, that the administrator has terminated within the
	// last hour. It is needed above TerminationsAnHour.
	Count int
}

// Terminate ends a person's access everywhere. It wins over every later "active" of any source. Who is
// terminated already stays so as before, and there is no change. A count that is needed and not given, or another, is TooMany.
func (d *Directory) Terminate(ctx context.Context, actor audit.Actor, id uuid.UUID, o TerminateOptions) (t Termination, change *audit.Change, err error) {
	o.Reason = strings.TrimSpace(o.Reason)
	switch {
	case o.Reason == "":
		return t, nil, &Error{Code: Invalid, Field: "reason", Message: "a termination needs a reason: it is what the audit shows"}
	case len(o.Reason) > MaxReason || !searchable(o.Reason):
		return t, nil, &Error{Code: Invalid, Field: "reason", Message: fmt.Sprintf("a reason is text of at most %d bytes", MaxReason)}
	}
	a := d.act(actor, "")
	err = d.store.Update(ctx, func(tx store.Tx) error {
		standing, err := d.TerminatedIn(tx, id)
		if err != nil {
			return err
		}
		change = nil
		if standing != nil {
			t = *standing
			return nil
		}
		person, holdings, err := d.merged(tx, id)
		if err != nil {
			return err
		}
		if err := d.confirmPace(tx, actor.Name, a.at, o.Count); err != nil {
			return err
		}
		t = Termination{Person: id, At: a.at, By: actor.Name, Reason: o.Reason, Names: namesOf(&person, holdings)}
		if err := d.terminations.Put(tx, &t); err != nil {
			return err
		}
		c := a.begin(audit.PersonTerminated)
		c.Persons, c.Removing = []uuid.UUID{id}, true
		if c.Detail, err = (detail{Reason: o.Reason}).encode(); err != nil {
			return err
		}
		change = &c
		return audit.Append(tx, c)
	})
	return t, change, wrap("terminate a person", err)
}

// confirmPace asks for the number when one administrator terminates many people within an hour.
func (d *Directory) confirmPace(r store.Reader, by string, at time.Time, count int) error {
	n := 1
	for t, err := range d.terminations.Find(r, byAdministrator, store.Key([]byte(by))) {
		if err != nil {
			return err
		}
		if t.At.After(at.Add(-time.Hour)) {
			n++
		}
	}
	if n <= TerminationsAnHour || count == n {
		return nil
	}
	return &Error{Code: TooMany, Field: "count", Message: fmt.Sprintf(
		"this is the %dth person within an hour: confirm that with the count %d, or let another administrator do it", n, n)}
}

// Reinstate takes a termination back: the sources and the mapping decide again. A person who is not terminated is NotFound.
func (d *Directory) Reinstate(ctx context.Context, actor audit.Actor, id uuid.UUID, reason string) error {
	reason = strings.TrimSpace(reason)
	if reason == "" || len(reason) > MaxReason || !searchable(reason) {
		return &Error{Code: Invalid, Field: "reason", Message: fmt.Sprintf("a reinstatement needs a reason, text of at most %d bytes", MaxReason)}
	}
	a := d.act(actor, "")
	return wrap("reinstate a person", d.store.Update(ctx, func(tx store.Tx) error {
		err := d.terminations.Delete(tx, id[:])
		if errors.Is(err, store.ErrNotFound) {
			return &Error{Code: NotFound, Message: fmt.Sprintf("the person %s is not terminated", id)}
		}
		if err != nil {
			return err
		}
		change := a.begin(audit.PersonReinstated)
		change.Persons = []uuid.UUID{id}
		if change.Detail, err = (detail{Reason: reason}).encode(); err != nil {
			return err
		}
		return audit.Append(tx, change)
	}))
}

// TerminatedIn returns the termination of a person, nil for none.
func (d *Directory) TerminatedIn(r store.Reader, id uuid.UUID) (*Termination, error) {
	return found(d.terminations.Get(r, id[:]))
}

// NamesakeIn returns a terminated person, other than the given one, who had one of its names or addresses: nil for none.
func (d *Directory) NamesakeIn(r store.Reader, person *Person) (*Termination, error) {
	for _, name := range namesOf(person, nil) {
		for t, err := range d.terminations.Find(r, byFormerName, store.Key([]byte(name))) {
			if err != nil {
				return nil, err
			}
			if t.Person != person.ID {
				return t, nil
			}
		}
	}
	return nil, nil
}

// Terminated is a termination beside what the sources say of the person now.
type Terminated struct {
	Termination
	UserName string   `json:"userName,omitempty"` // empty when no source holds the person
	Claims   []string `json:"claims,omitempty"`   // the sources that say the person is active
}

// Terminations lists who is terminated, the latest first, at most MaxFound.
func (d *Directory) Terminations(ctx context.Context) ([]Terminated, error) {
	var all []Terminated
	err := d.store.View(ctx, func(r store.Reader) error {
		all = nil
		for t, err := range d.terminations.Scan(r, nil) {
			if err != nil {
				return err
			}
			all = append(all, Terminated{Termination: *t})
		}
		slices.SortFunc(all, func(a, b Terminated) int { return b.At.Compare(a.At) })
		all = all[:min(len(all), MaxFound)]
		for i := range all {
			person, _, err := d.merged(r, all[i].Person)
			if err != nil {
				return err
			}
			all[i].UserName = person.UserName
			for _, h := range person.Holders {
				if h.Active {
					all[i].Claims = append(all[i].Claims, h.Name)
				}
			}
		}
		return nil
	})
	return all, wrap("list terminations", err)
}

// namesOf are the folded userNames and addresses by which a person is known.
func namesOf(person *Person, holdings []holding) []string {
	names := []string{person.UserName}
	names = append(names, person.Emails...)
	for i := range holdings {
		names = append(append(names, holdings[i].knownAs()), holdings[i].addresses()...)
	}
	folded := names[:0]
	for _, n := range names {
		if n != "" && searchable(n) {
			folded = append(folded, Fold(n))
		}
	}
	slices.Sort(folded)
	return slices.Compact(folded)
}
