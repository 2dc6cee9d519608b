package provision

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/usher-scim/usher/audit"
	"github.com/usher-scim/usher/directory"
	"github.com/usher-scim/usher/mapping"
	"github.com/usher-scim/usher/store"
)

// Undone is what an administrator brought back with `usher undo`, and what keeps it so: while it holds, the account is wanted as it
// was, whatever the mapping says. It ends when a person lifts the hold that carries it, and by itself as soon as the sources or the
// mapping say something else of the person than they did then. So nobody stays inside for an undo that was right once.
type Undone struct {
	Account uuid.UUID `json:"account"`
	Change  uuid.UUID `json:"change"` // what was undone
	Fact    uuid.UUID `json:"fact"`   // that it was
	// Ending: the end of the account was undone, so all of it is kept. Else only what the other fields name.
	Ending  bool     `json:"ending,omitempty"`
	Role    string   `json:"role,omitempty"`
	Licence string   `json:"licence,omitempty"`
	Teams   []string `json:"teams,omitempty"`   // that it is to be in
	Without []string `json:"without,omitempty"` // that it is not to be in
	// Mapped is what the mapping said of the person then, see mapped.
	Mapped string `json:"mapped"`
}

// ReasonUndone is the reason of an account that is wanted because an administrator undid its end.
const ReasonUndone mapping.Reason = "undone"

// mapped tells one judgement of the mapping from another, as far as it is about access.
func mapped(w mapping.Want, p *directory.Person) string {
	switch {
	case w.Wanted:
		return strings.Join(append([]string{"wanted", w.Role, w.Licence}, w.Teams...), "\x00")
	case w.Reason == mapping.Deactivated:
		return string(w.Reason) + "\x00" + p.Inactive // which sources say so
	default:
		return string(w.Reason)
	}
}

// keeps returns the account whose state the hold keeps in this situation, nil for none.
func (h *Hold) keeps(s *Situation) *Account {
	if h.Kind != HoldUndone || h.Undone == nil || (h.State != HoldOpen && h.State != HoldRejected) {
		return nil
	}
	if s.Person.Terminated != nil || h.Undone.Mapped != mapped(s.Mapped, &s.Person) {
		return nil
	}
	for i := range s.Accounts {
		if a := &s.Accounts[i]; a.ID == h.Undone.Account {
			return a
		}
	}
	return nil
}

// undone makes wanted what an administrator brought back, where that still holds.
func (s *Situation) undone() {
	s.Mapped = s.Want
	for i := range s.Holds {
		h := &s.Holds[i]
		if a := h.keeps(s); a != nil {
			s.Want = h.Undone.over(s.Want, s, a)
		}
	}
}

// over is the mapping's want with what is kept in its place.
func (u *Undone) over(w mapping.Want, s *Situation, a *Account) mapping.Want {
	if u.Ending {
		w = mapping.Want{
			Wanted: true, Reason: ReasonUndone, Text: "kept by an administrator (usher undo), though " + s.Mapped.Text,
			Profile: s.written(a), Next: s.Mapped.Next,
		}
		w.Profile["email"] = a.Email
	}
	if u.Ending || u.Role != "" {
		w.Role = u.Role
	}
	if u.Ending || u.Licence != "" {
		w.Licence = u.Licence
	}
	teams := append(slices.Clone(w.Teams), u.Teams...)
	teams = slices.DeleteFunc(teams, func(t string) bool { return slices.Contains(u.Without, t) })
	slices.Sort(teams)
	w.Teams = slices.Compact(teams)
	return w
}

// written are the attributes of an account that Usher writes, as they stand in the ledger.
func (s *Situation) written(a *Account) map[string]string {
	ours := maps.Clone(a.Profile)
	if ours == nil {
		ours = map[string]string{}
	}
	managed := s.App.ManagedFields()
	for _, f := range s.Can.Fields {
		if f.Required {
			managed = append(managed, f.Name)
		}
	}
	maps.DeleteFunc(ours, func(name, _ string) bool { return !slices.Contains(managed, name) })
	return ours
}

// heed closes the undos that do not hold any more: the sources or the mapping say something else of the person, or a source took
// something from the person again. It returns the situation as it is then.
func (j *judge) heed(tx *txn, it *Item, s Situation) (Situation, error) {
	closed := false
	for i := range s.Holds {
		h := &s.Holds[i]
		if h.Kind != HoldUndone || h.Undone == nil || (h.State != HoldOpen && h.State != HoldRejected) {
			continue
		}
		if h.keeps(&s) != nil {
			news, err := takenSince(tx, it, h.Undone.Fact)
			if err != nil {
				return s, err
			}
			if !news {
				continue
			}
		}
		h.State, h.Decided = HoldClosed, j.now
		if err := holds.Put(tx, h); err != nil {
			return s, err
		}
		closed = true
	}
	if !closed {
		return s, nil
	}
	return j.situation(tx, s.Person.ID)
}

// takenSince reports whether a source took access away from the item's person after a fact.
func takenSince(r store.Reader, it *Item, fact uuid.UUID) (bool, error) {
	for _, id := range it.Causes {
		if bytes.Compare(id[:], fact[:]) <= 0 {
			continue
		}
		c, err := audit.Get(r, id)
		if errors.Is(err, store.ErrNotFound) {
			continue // pruned
		}
		if err != nil {
			return false, fmt.Errorf("read the causes of %s: %w", it.Subject, err)
		}
		if c.Removing && c.Actor.Kind == audit.BySource {
			return true, nil
		}
	}
	return false, nil
}
