package provision

import "github.com/google/uuid"

// Tally counts people and names the first of them.
type Tally struct {
	Count int        `json:"count"`
	First []Affected `json:"first,omitempty"`
}

// Affected is one person of a Tally.
type Affected struct {
	Person   uuid.UUID `json:"person"`
	UserName string    `json:"userName,omitempty"`
	Text     string    `json:"text,omitempty"` // why, with the lines of the mapping
}

// tallied is how many people a tally names.
const tallied = 50

// add counts a person; who is asked only while names are taken.
func (t *Tally) add(who func() Affected) {
	if t.Count++; len(t.First) < tallied {
		t.First = append(t.First, who())
	}
}

// join adds what came after.
func (t *Tally) join(after Tally) {
	t.Count += after.Count
	t.First = append(t.First, after.First[:min(len(after.First), tallied-len(t.First))]...)
}

// Fates counts people by what becomes of their account in an app. Each person is in one of the tallies at most.
type Fates struct {
	Create  Tally `json:"create"` // or adopt, where the account is there
	Return  Tally `json:"return"` // on the way out now, wanted again then
	Change  Tally `json:"change"`
	Demote  Tally `json:"demote"`
	Suspend Tally `json:"suspend"`
	Delete  Tally `json:"delete"` // now, or when the list of steps comes to it
	Failing Tally `json:"failing"`
}

// of returns the tally of a fate, nil for that of nothing.
func (f *Fates) of(fate Fate) *Tally {
	switch fate {
	case FateCreate:
		return &f.Create
	case FateReturn:
		return &f.Return
	case FateChange:
		return &f.Change
	case FateDemote:
		return &f.Demote
	case FateSuspend:
		return &f.Suspend
	case FateDelete:
		return &f.Delete
	}
	return nil
}

// join adds what came after.
func (f *Fates) join(after *Fates) {
	for _, fate := range []Fate{FateCreate, FateReturn, FateChange, FateDemote, FateSuspend, FateDelete} {
		f.of(fate).join(*after.of(fate))
	}
	f.Failing.join(after.Failing)
}

// Losses is how many people lose their account or what it can do.
func (f *Fates) Losses() int { return f.Delete.Count + f.Suspend.Count + f.Demote.Count }

// Touched is how many people's accounts are made, changed or ended.
func (f *Fates) Touched() int { return f.Create.Count + f.Return.Count + f.Change.Count + f.Losses() }
