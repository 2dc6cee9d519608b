package audit

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/usher-scim/usher/store"
)

// Format is the form of an export.
type Format string

const (
	// JSONLines has everything that verifying needs: one JSON object a line.
	JSONLines Format = "jsonl"
	// CSV is for reading in a table; it cannot be verified by itself.
	CSV Format = "csv"
)

// ExportOptions say what is exported.
type ExportOptions struct {
	Format Format
	// After resumes an export: only facts behind this position. 0: from the first that was not pruned.
	After uint64
	// Personal opens the personal values. What leaves Usher so is beyond the reach of an erasure.
	Personal bool
}

// exportVersion is what the header of an export says.
const exportVersion = 1

// line is one line of an export as JSON lines; Type says which of the parts is filled.
type line struct {
	Type string `json:"type"` // header, fact, persons or checkpoint

	Version int    `json:"version,omitempty"` // header
	After   uint64 `json:"after,omitempty"`   // header: the facts behind this position follow
	Link    *Hash  `json:"link,omitempty"`    // header: of the fact at After; fact: its own

	Position uint64          `json:"position,omitempty"` // fact, persons
	ID       uuid.UUID       `json:"id,omitzero"`        // fact
	Record   []byte          `json:"record,omitempty"`   // fact: the canonical bytes that the link covers, in base64
	Fact     *Change         `json:"fact,omitempty"`     // fact: what the record says, for people
	Personal json.RawMessage `json:"personal,omitempty"` // fact: the personal values, if they were asked for
	Salt     []byte          `json:"salt,omitempty"`     // fact: with Personal, to check them against the record
	Shut     string          `json:"shut,omitempty"`     // fact: "sealed" or "erased" where there are personal values that are not shown

	Part    int         `json:"part,omitempty"`    // persons: number of the part, from 1
	Persons []uuid.UUID `json:"persons,omitempty"` // persons

	Checkpoint *Checkpoint `json:"checkpoint,omitempty"`
}

// exporter writes an export.
type exporter struct {
	*Chain
	o     ExportOptions
	lines *json.Encoder
	table *csv.Writer
}

// Export writes the sealed facts to w, after it sealed those that wait. It reads in pages and writes between them, so that neither its
// memory nor a snapshot grows with the chain. The export ends with a signed checkpoint at its last fact. One that was cut off is resumed with
// After; parts put together verify like one. Facts that were pruned are ErrPruned when After lies before them.
func (c *Chain) Export(ctx context.Context, w io.Writer, o ExportOptions) error {
	if err := c.SealAll(ctx); err != nil {
		return err
	}
	e := &exporter{Chain: c, o: o, lines: json.NewEncoder(w), table: csv.NewWriter(w)}
	e.lines.SetEscapeHTML(false)
	next, err := e.begin(ctx)
	if err != nil {
		return err
	}
	for done := false; !done; {
		var page []line
		err := c.view(ctx, "export the audit", func(r store.Reader) (err error) {
			page, next, done, err = e.page(r, next)
			return err
		})
		if err != nil {
			return err
		}
		if err := e.write(ctx, page); err != nil {
			return fmt.Errorf("write the export: %w", err)
		}
	}
	return nil
}

// begin writes the header and returns the position of the first fact.
func (e *exporter) begin(ctx context.Context) (uint64, error) {
	head := line{Type: "header", Version: exportVersion, After: e.o.After}
	var before *Checkpoint
	err := e.view(ctx, "export the audit", func(r store.Reader) error {
		b, err := readBase(r)
		if err != nil {
			return err
		}
		link := b.Checkpoint.Link
		switch {
		case e.o.After == 0 && b.Checkpoint.Number > 0:
			head.After, before = b.Checkpoint.Last, &b.Checkpoint
		case e.o.After < b.Checkpoint.Last:
			return fmt.Errorf("%w up to position %d: export without --after, or from there", ErrPruned, b.Checkpoint.Last)
		case e.o.After > b.Checkpoint.Last:
			s, err := sealedAt(r, e.o.After)
			if err != nil {
				return err
			}
			link = s.Link
		}
		head.Link = &link
		return nil
	})
	if err != nil {
		return 0, err
	}
	if e.o.Format == CSV {
		if e.o.After == 0 { // a resumed table goes on without a second head
			return head.After + 1, e.table.Write(csvHead)
		}
		return head.After + 1, nil
	}
	if err := e.lines.Encode(head); err != nil {
		return 0, err
	}
	if before != nil {
		return head.After + 1, e.lines.Encode(line{Type: "checkpoint", Checkpoint: before})
	}
	return head.After + 1, nil
}

// page reads the lines of the next facts, with the checkpoints that end segments among them; done with the head.
func (e *exporter) page(r store.Reader, from uint64) (page []line, next uint64, done bool, err error) {
	head, _, err := readHead(r)
	if err != nil {
		return nil, from, false, err
	}
	cp, err := checkpointAt(r, from, head)
	if err != nil {
		return nil, from, false, err
	}
	next = from
	size := 0
	for key, row := range r.Range(sealedTable, store.Uint64(from), store.Uint64(head.Last+1)) {
		if len(page) >= pageRows || size > sliceBytes {
			return page, next, false, nil
		}
		s, err := parseRow(key, row)
		if err == nil && s.Position != next {
			err = fmt.Errorf("export the audit: the fact at position %d is not there (pruned meanwhile, or missing: `usher audit verify` tells): %w", next, ErrPruned)
		}
		if err != nil {
			return nil, from, false, err
		}
		l, err := e.line(r, s)
		if err != nil {
			return nil, from, false, err
		}
		size += 2 * len(row)
		page = append(page, l)
		next++
		if !cp.Open && s.Position == cp.Last {
			closed := cp
			page = append(page, line{Type: "checkpoint", Checkpoint: &closed})
			if cp, err = checkpointAt(r, next, head); err != nil {
				return nil, from, false, err
			}
		}
	}
	if head.Number > 0 {
		page = append(page, line{Type: "checkpoint", Checkpoint: &head})
	}
	return page, next, true, nil
}

// checkpointAt returns the checkpoint of the segment that a position stands in. Segments are few: it is searched by halving.
func checkpointAt(r store.Reader, position uint64, head Checkpoint) (Checkpoint, error) {
	if position >= head.First {
		return head, nil
	}
	low, high := uint64(1), head.Number
	for low < high {
		middle := (low + high) / 2
		cp, err := readCheckpoint(r, middle)
		if err != nil {
			return cp, err
		}
		if cp.Last < position {
			low = middle + 1
		} else {
			high = middle
		}
	}
	if low == head.Number {
		return head, nil
	}
	return readCheckpoint(r, low)
}

func (e *exporter) line(r store.Reader, s Sealed) (line, error) {
	l := line{Type: "fact", Position: s.Position, Link: &s.Link, ID: s.ID, Record: s.Body}
	k, err := s.open()
	if err != nil {
		return l, nil //nolint:nilerr // one that cannot be read is exported as the bytes that it is
	}
	shown := k.Change
	shown.Shut = nil
	l.Fact = &shown
	if k.Shut == nil {
		return l, nil
	}
	salt, personal, err := e.personal(r, k.Change)
	switch {
	case err != nil:
		return l, err
	case personal == nil:
		l.Shut = "erased"
	case e.o.Personal:
		l.Salt, l.Personal = salt, personal
	default:
		l.Shut = "sealed"
	}
	return l, nil
}

func (e *exporter) write(ctx context.Context, page []line) error {
	for _, l := range page {
		if e.o.Format == CSV {
			if l.Type == "fact" {
				if err := e.table.Write(csvRow(l)); err != nil {
					return err
				}
			}
			continue
		}
		if err := e.lines.Encode(l); err != nil {
			return err
		}
		if l.Type == "fact" && l.Fact != nil && l.Fact.Parts > 0 {
			if err := e.persons(ctx, l); err != nil {
				return err
			}
		}
	}
	e.table.Flush()
	return e.table.Error()
}

// persons writes the persons behind a fact, part by part.
func (e *exporter) persons(ctx context.Context, l line) error {
	for n := range l.Fact.Parts {
		var ids []uuid.UUID
		err := e.view(ctx, "export the persons of a fact", func(r store.Reader) (err error) {
			ids, err = Part(r, l.ID, n)
			return err
		})
		if err != nil {
			return err
		}
		if err := e.lines.Encode(line{Type: "persons", Position: l.Position, Part: n + 1, Persons: ids}); err != nil {
			return err
		}
	}
	return nil
}

var csvHead = []string{"position", "time", "act", "actor kind", "actor", "app", "persons", "more persons in parts", "group", "account",
	"causes", "request", "detail", "personal", "id", "link"}

func csvRow(l line) []string {
	c := l.Fact
	if c == nil {
		c = &Change{ID: l.ID}
	}
	personal := l.Shut
	if l.Personal != nil {
		personal = string(l.Personal)
	}
	at := ""
	if !c.At.IsZero() {
		at = c.At.UTC().Format(time.RFC3339Nano)
	}
	row := []string{strconv.FormatUint(l.Position, 10), at, string(c.Act), string(c.Actor.Kind), c.Actor.Name, c.App, idList(c.Persons),
		strconv.Itoa(c.Parts), idCell(c.Group), idCell(c.Account), idList(c.Causes), c.Request, string(c.Detail), personal, l.ID.String(), l.Link.String()}
	for i := range row {
		row[i] = harmless(row[i])
	}
	return row
}

// harmless keeps a spreadsheet from taking a cell for a formula (OWASP, CSV injection): one that begins as a formula does gets an
// apostrophe in front, which spreadsheets take for "this is text".
func harmless(cell string) string {
	if cell != "" && strings.ContainsRune("=+-@\t\r\n", rune(cell[0])) {
		return "'" + cell
	}
	return cell
}

func idCell(id uuid.UUID) string {
	if id == uuid.Nil {
		return ""
	}
	return id.String()
}

func idList(ids []uuid.UUID) string {
	var b bytes.Buffer
	for i, id := range ids {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(id.String())
	}
	return b.String()
}
