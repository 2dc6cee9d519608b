package audit

import (
	"crypto/ed25519"
	"fmt"
	"time"

	"github.com/google/uuid"
)

// Report is what verifying a chain, or an export of one, came to.
type Report struct {
	Valid bool `json:"valid"`
	// From and To are the positions that were looked at. From is above 1 when what stood before was pruned, or not exported.
	From uint64 `json:"from"`
	To   uint64 `json:"to"`
	// Signed is the last position that a checkpoint's signature covers.
	Signed      uint64    `json:"signed"`
	Link        Hash      `json:"link"` // of the fact at To: keep it elsewhere, and compare next time
	Checkpoints int       `json:"checkpoints"`
	Waiting     int       `json:"waiting,omitempty"` // facts that are not sealed yet; nothing can be said of them
	Problems    []Problem `json:"problems,omitempty"`
	More        int       `json:"more,omitempty"` // problems beyond MaxProblems
	Checked     time.Time `json:"checked,omitzero"`
}

// MaxProblems is how many problems a Report lists.
const MaxProblems = 100

// Problem is one thing that is not as it was sealed.
type Problem struct {
	Kind     ProblemKind `json:"kind"`
	Position uint64      `json:"position,omitempty"` // of the fact, or the last of several
	Fact     uuid.UUID   `json:"fact,omitzero"`
	Text     string      `json:"text"` // one sentence
}

// ProblemKind says what is wrong.
type ProblemKind string

const (
	// Changed: the fact is not what was sealed.
	Changed ProblemKind = "changed"
	// Missing: a fact that was sealed is not there.
	Missing ProblemKind = "missing"
	// Added: a fact is there that was not sealed there.
	Added ProblemKind = "added"
	// Moved: the fact stands at another place than where it was sealed.
	Moved ProblemKind = "moved"
	// Unchecked: the fact cannot be checked by itself, as the one before it is not what it was.
	Unchecked ProblemKind = "unchecked"
	// BadCheckpoint: a checkpoint is missing, was changed, or does not fit the facts.
	BadCheckpoint ProblemKind = "checkpoint"
	// BadKey: the key of a person is not what it was, so that personal values are lost.
	BadKey ProblemKind = "key"
	// BadIndex: an index leads astray; the facts themselves may be whole.
	BadIndex ProblemKind = "index"
	// BadPersons: the persons listed behind a fact are not those that were sealed.
	BadPersons ProblemKind = "persons"
)

// inspector follows a chain fact by fact.
type inspector struct {
	keys   []ed25519.PublicKey
	report Report

	position uint64 // of the last fact that was seen
	link     Hash   // as it stands there
	known    bool   // link is that of position: what follows can be checked
	// instead is what the link should have been where it is not; the fault may lie in it alone.
	instead *Hash
	accused bool // the fact before was found wrong

	checkpoint Checkpoint // the last one
	started    bool
}

// begin says behind which fact the chain is looked at.
func (v *inspector) begin(position uint64, link Hash) {
	v.position, v.link, v.known = position, link, true
	v.report.From, v.report.To, v.report.Link, v.report.Signed = position+1, position, link, position
}

func (v *inspector) problem(kind ProblemKind, position uint64, fact uuid.UUID, format string, args ...any) {
	if len(v.report.Problems) == MaxProblems {
		v.report.More++
		return
	}
	v.report.Problems = append(v.report.Problems, Problem{Kind: kind, Position: position, Fact: fact, Text: fmt.Sprintf(format, args...)})
}

// fact checks the next fact. belongs is where an index says it was sealed; 0 where there is no index.
// It reports whether the fact can be trusted to be what was sealed.
func (v *inspector) fact(s Sealed, belongs uint64) bool {
	if s.Position <= v.position {
		v.problem(Added, s.Position, s.ID, "the fact %s stands at position %d, which another fact has already", s.ID, s.Position)
		return false
	}
	v.gap(s.Position)
	computed := linkOf(v.link, s.Position, s.ID, s.Body)
	good := computed == s.Link
	if !good && v.instead != nil {
		good = linkOf(*v.instead, s.Position, s.ID, s.Body) == s.Link
	}
	v.instead = nil
	next := false // what follows can be checked
	switch {
	case belongs != 0 && belongs != s.Position:
		v.problem(Moved, s.Position, s.ID, "the fact %s stands at position %d; it was sealed at position %d", s.ID, s.Position, belongs)
		good = false
	case !v.known || !good && v.accused:
		if !good {
			v.problem(Unchecked, s.Position, s.ID, "the fact %s at position %d cannot be checked: what stood before it is missing or was changed", s.ID, s.Position)
		}
		good, next = false, true
	case !good:
		v.problem(Changed, s.Position, s.ID, "the fact %s at position %d was changed after it was sealed", s.ID, s.Position)
		v.instead, next = &computed, true
	default:
		next = true
	}
	v.accused = !good
	v.position, v.link, v.known = s.Position, s.Link, next
	v.report.To, v.report.Link = s.Position, s.Link
	return good
}

// gap notes the facts between the last one that was seen and position.
func (v *inspector) gap(position uint64) {
	first, last := v.position+1, position-1
	if first > last {
		return
	}
	if first == last {
		v.problem(Missing, last, uuid.Nil, "the fact at position %d is missing", last)
	} else {
		v.problem(Missing, last, uuid.Nil, "%d facts, at positions %d to %d, are missing", last-first+1, first, last)
	}
	v.position, v.known, v.instead = last, false, nil
}

// signed checks a checkpoint, when the facts up to its last one were seen.
func (v *inspector) signed(p Checkpoint) {
	wrong := func(format string, args ...any) {
		v.problem(BadCheckpoint, p.Last, uuid.Nil, "the checkpoint %d %s", p.Number, fmt.Sprintf(format, args...))
	}
	if err := p.check(v.keys); err != nil {
		wrong("%v", err)
		return
	}
	v.report.Checkpoints++
	before := v.checkpoint
	v.checkpoint = p
	if !v.started && p.First > v.report.Signed+1 {
		wrong("begins at position %d: those before it are missing", p.First)
	}
	if v.started {
		switch {
		case p.Number != before.Number+1:
			wrong("follows the checkpoint %d: those between are missing", before.Number)
		case p.Previous != before.digest() || p.First != before.Last+1:
			wrong("does not fit the checkpoint before it")
		}
	}
	v.started = true
	if p.Last > v.position {
		v.gap(p.Last + 1)
		v.report.To = p.Last
	}
	switch {
	case p.Last < v.position && !p.Open:
		wrong("ends at position %d, but the facts went on to %d without it", p.Last, v.position)
	case p.Last < v.position:
		v.problem(Added, v.position, uuid.Nil, "%d facts stand behind the position %d, at which the chain ends", v.position-p.Last, p.Last)
	case p.Link == v.link:
		v.report.Signed, v.known = p.Last, true // the link is the one that was signed
	case v.known && !v.accused:
		// With every link true to the one before, somebody wrote the chain anew.
		wrong("does not fit the facts: one of those at positions %d to %d was changed, added or removed, and the links were written anew", v.report.Signed+1, p.Last)
	}
}

func (v *inspector) done(now time.Time) Report {
	v.report.Valid = len(v.report.Problems) == 0
	v.report.Checked = now
	return v.report
}
