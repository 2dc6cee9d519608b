package audit

import (
	"bufio"
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"

	"github.com/google/uuid"
)

// maxLine bounds one line of an export, in bytes.
const maxLine = 8 << 20

// VerifyExport checks an export as JSON lines with nothing but the public keys that may have signed it: every link, every checkpoint,
// the persons, and that what is shown for people is what was sealed. Its memory does not grow with the export. An error means that it could not
// be read; what is wrong with the facts stands in the report. Facts behind the last checkpoint are only linked, not
// signed: Report.Signed is below Report.To then, which is a problem of its own kind in an export.
func VerifyExport(r io.Reader, keys []ed25519.PublicKey) (Report, error) {
	f := &exportFile{inspector: inspector{keys: keys}}
	lines := bufio.NewScanner(r)
	lines.Buffer(make([]byte, 0, 64<<10), maxLine)
	n := 0
	for lines.Scan() {
		n++
		var l line
		dec := json.NewDecoder(bytes.NewReader(lines.Bytes()))
		dec.DisallowUnknownFields()
		err := dec.Decode(&l)
		if _, more := dec.Token(); err == nil && !errors.Is(more, io.EOF) {
			err = errors.New("something stands behind its object")
		}
		if err != nil {
			return Report{}, fmt.Errorf("line %d of the export is not understood: %w", n, err)
		}
		if err := f.take(l); err != nil {
			return Report{}, fmt.Errorf("line %d of the export: %w", n, err)
		}
	}
	if err := lines.Err(); err != nil {
		return Report{}, fmt.Errorf("read the export behind line %d: %w", n, err)
	}
	if n == 0 {
		return Report{}, errors.New("the export is empty: not even a header stands in it")
	}
	f.endParts()
	if f.report.Signed < f.report.To {
		f.problem(BadCheckpoint, f.report.To, uuid.Nil, "no checkpoint that fits covers the facts behind position %d: the end of the export is missing or was changed", f.report.Signed)
	} else if !f.last {
		f.problem(BadCheckpoint, f.report.To, uuid.Nil, "the export does not end with a checkpoint: it was cut off")
	}
	report := f.done(f.checkpoint.Signed)
	return report, nil
}

// exportFile is one way through an export.
type exportFile struct {
	inspector
	begun bool
	last  bool      // the line before was a checkpoint
	of    *contents // the fact whose persons follow; nil for none
	at    uint64    // its position
	parts int       // how many of its parts came
	sum   hash.Hash // over their persons
}

func (f *exportFile) take(l line) error {
	if !f.begun && l.Type != "header" {
		return errors.New("an export begins with a header")
	}
	if l.Type != "persons" {
		f.endParts()
	}
	f.last = l.Type == "checkpoint"
	switch l.Type {
	case "header":
		return f.header(l)
	case "fact":
		return f.line(l)
	case "persons":
		f.persons(l)
		return nil
	case "checkpoint":
		if l.Checkpoint == nil {
			return errors.New("a checkpoint without content")
		}
		f.mark(*l.Checkpoint)
		return nil
	default:
		return fmt.Errorf("it is of the type %.20q, which this program does not know", l.Type)
	}
}

func (f *exportFile) header(l line) error {
	switch {
	case l.Version != exportVersion:
		return fmt.Errorf("the export is of version %d, and this program knows version %d", l.Version, exportVersion)
	case l.Link == nil:
		return errors.New("the header has no link")
	case !f.begun:
		f.begun = true
		f.begin(l.After, *l.Link)
	case l.After != f.position || *l.Link != f.link: // a part that was put behind another
		f.problem(Missing, l.After, uuid.Nil, "a part of the export begins behind position %d, and the part before it ends at %d", l.After, f.position)
	}
	return nil
}

func (f *exportFile) line(l line) error {
	if l.Link == nil {
		return errors.New("a fact without a link")
	}
	s := Sealed{Position: l.Position, Link: *l.Link, ID: l.ID, Body: l.Record}
	if !f.fact(s, 0) {
		return nil
	}
	k, err := s.open()
	if err != nil {
		if l.Fact != nil {
			f.problem(Changed, l.Position, l.ID, "what is shown for the fact %s at position %d does not stand in its record", l.ID, l.Position)
		}
		return nil // it was damaged before it was sealed, and is exported as it is
	}
	shown := k.Change
	shown.Shut = nil
	if l.Fact == nil || !sameFact(*l.Fact, shown) {
		f.problem(Changed, l.Position, l.ID, "what is shown for the fact %s at position %d is not what its record says", l.ID, l.Position)
	}
	shut := l.Shut == "sealed" || l.Shut == "erased" || l.Personal != nil
	if shut != (k.Shut != nil) || !shut && l.Shut != "" {
		f.problem(Changed, l.Position, l.ID, "the fact %s at position %d says otherwise than its record whether it has personal values", l.ID, l.Position)
	}
	if l.Personal != nil && !bytes.Equal(commit(append(bytes.Clone(l.Salt), l.Personal...)), k.commitment) {
		f.problem(Changed, l.Position, l.ID, "the personal values shown for the fact %s at position %d are not those that were sealed", l.ID, l.Position)
	}
	if k.Parts > 0 {
		f.of, f.at, f.parts, f.sum = &k, l.Position, 0, sha256.New()
	}
	return nil
}

// sameFact reports whether what came as JSON is what a record says.
func sameFact(came, says Change) bool {
	one, errOne := json.Marshal(came)
	raw, errTwo := json.Marshal(says)
	var again Change // what JSON cannot hold is lost on both sides
	errThree := json.Unmarshal(raw, &again)
	two, errFour := json.Marshal(again)
	return errors.Join(errOne, errTwo, errThree, errFour) == nil && bytes.Equal(one, two)
}

// persons adds one part of the persons behind a fact.
func (f *exportFile) persons(l line) {
	if f.of == nil || l.Position != f.at || l.Part != f.parts+1 {
		f.problem(BadPersons, l.Position, uuid.Nil, "persons are listed at position %d that belong to no fact there", l.Position)
		return
	}
	f.parts++
	f.sum.Write(packIDs(l.Persons))
}

// endParts checks the persons behind a fact when the next line is about something else.
func (f *exportFile) endParts() {
	if f.of == nil {
		return
	}
	if f.parts != f.of.Parts || !bytes.Equal(f.sum.Sum(nil), f.of.partsHash) {
		f.problem(BadPersons, f.at, f.of.ID, "the persons listed behind the fact %s at position %d are not those that were sealed", f.of.ID, f.at)
	}
	f.of = nil
}

// mark checks a checkpoint. Where parts of an export were put together, the head that ends a part is followed by the same segment,
// longer, or by the next one.
func (f *exportFile) mark(p Checkpoint) {
	if before := f.checkpoint; before.Open && (p.Number == before.Number || p.Number == before.Number+1 && p.First == before.Last+1) {
		f.started = false
	}
	f.signed(p)
}
