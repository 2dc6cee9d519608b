package audit_test

import (
	"bytes"
	"crypto/ed25519"
	"encoding/csv"
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/usher-scim/usher/audit"
)

func TestAnExportVerifiesWithoutTheServer(t *testing.T) {
	t.Parallel()
	b, _ := sealedBook(t, 12)
	for _, o := range []audit.ExportOptions{{Format: audit.JSONLines}, {Format: audit.JSONLines, Personal: true}} {
		text := b.export(o)
		report, err := verifyText(t, text)
		if err != nil || !report.Valid {
			t.Fatalf("%+v: got %+v, %v", o, report, err)
		}
		equal(t, "facts, signed facts", []uint64{report.To, report.Signed}, []uint64{12, 12})
		equal(t, "checkpoints, the head among them", report.Checkpoints, 3)
		equal(t, "shows personal values", strings.Contains(text, "kim@acme.example"), o.Personal)
	}
}

func TestAPublicKeyGoesThroughPEM(t *testing.T) {
	t.Parallel()
	want, ok := signer.Public().(ed25519.PublicKey)
	if !ok {
		t.Fatal("no public key")
	}
	text, err := audit.MarshalKey(want)
	if err != nil {
		t.Fatal(err)
	}
	keys, err := audit.ParseKeys(append(text, text...))
	if err != nil || len(keys) != 2 || !keys[1].Equal(want) {
		t.Errorf("got %v, %v", keys, err)
	}
	for _, wrong := range []string{"", "no key", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"} {
		if _, err := audit.ParseKeys([]byte(wrong)); err == nil {
			t.Errorf("%q was taken for a key", wrong)
		}
	}
}

// same reports whether two lines say the same: a changed byte may be one that JSON or base64 does not look at.
func same(a, b string) bool {
	var one, two struct {
		Type, Shut, Link string
		Version, Part    int
		After, Position  uint64
		ID               uuid.UUID
		Record, Salt     []byte
		Fact             any
		Personal         any
		Checkpoint       *audit.Checkpoint
	}
	return json.Unmarshal([]byte(a), &one) == nil && json.Unmarshal([]byte(b), &two) == nil && reflect.DeepEqual(one, two)
}

func TestEveryChangedByteOfAnExportIsFound(t *testing.T) {
	t.Parallel()
	b, _ := sealedBook(t, 2)
	text := b.export(audit.ExportOptions{Format: audit.JSONLines, Personal: true})
	lines := strings.SplitAfter(text, "\n")
	found := 0
	for n, line := range lines[:len(lines)-1] {
		if n == 2 {
			continue // a fact like the one before
		}
		for i := range line {
			changed := []byte(line)
			changed[i] ^= 1
			whole := strings.Join(lines[:n], "") + string(changed) + strings.Join(lines[n+1:], "")
			report, err := verifyText(t, whole)
			if err == nil && report.Valid && !same(line, string(changed)) {
				t.Errorf("line %d, byte %d: it was not found: %s", n+1, i, changed)
			}
			if err != nil || !report.Valid {
				found++
			}
		}
	}
	if found < 1000 {
		t.Errorf("only %d changed bytes were found", found)
	}
}

func TestLinesLeftOutSwappedAndPutInAreFound(t *testing.T) {
	t.Parallel()
	b, _ := sealedBook(t, 7)
	lines := strings.SplitAfter(b.export(audit.ExportOptions{Format: audit.JSONLines}), "\n")
	lines = lines[:len(lines)-1]
	last := len(lines) - 1 // header, 5 facts, checkpoint, 2 facts, head
	without := func(n int) []string { return append(append([]string{}, lines[:n]...), lines[n+1:]...) }
	for name, tc := range map[string]struct {
		lines []string
		text  string
	}{
		"a fact left out":            {without(3), "the fact at position 3 is missing"},
		"the first fact left out":    {without(1), "the fact at position 1 is missing"},
		"a checkpoint left out":      {without(6), "those before it are missing"},
		"the end left out":           {lines[:last], "the end of the export is missing"},
		"all behind a checkpoint":    {lines[:7], ""}, // this is what was signed, and nothing else
		"a fact behind a checkpoint": {lines[:8], "the end of the export is missing"},
		"two facts swapped":          {append(append([]string{}, lines[0], lines[2], lines[1]), lines[3:]...), "the fact at position 1 is missing"},
		"a fact twice":               {append(append([]string{}, lines[:3]...), lines[2:]...), "which another fact has already"},
	} {
		report, err := verifyText(t, strings.Join(tc.lines, ""))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if tc.text == "" {
			equal(t, name, report.Valid, true)
			continue
		}
		if report.Valid || !strings.Contains(report.Problems[0].Text, tc.text) {
			t.Errorf("%s: got %+v, want %q", name, report.Problems, tc.text)
		}
	}
	if _, err := verifyText(t, lines[1]); err == nil {
		t.Error("an export without a header was accepted")
	}
	if _, err := verifyText(t, ""); err == nil {
		t.Error("an empty export was accepted")
	}
	stranger := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{9}, ed25519.SeedSize))
	public, _ := stranger.Public().(ed25519.PublicKey)
	report, err := audit.VerifyExport(strings.NewReader(strings.Join(lines, "")), []ed25519.PublicKey{public})
	if err != nil || report.Valid {
		t.Errorf("with another key: %+v, %v", report, err)
	}
}

func TestAnExportIsResumed(t *testing.T) {
	t.Parallel()
	b, _ := sealedBook(t, 5)
	first := b.export(audit.ExportOptions{Format: audit.JSONLines})
	for range 8 {
		b.record(b.fact(uuid.New()))
	}
	for _, after := range []uint64{5} { // the head of the first part is closed by then
		second := b.export(audit.ExportOptions{Format: audit.JSONLines, After: after})
		if report, err := verifyText(t, second); err != nil || !report.Valid || report.From != after+1 {
			t.Errorf("the second part alone: %+v, %v", report, err)
		}
		if report, err := verifyText(t, first+second); err != nil || !report.Valid || report.To != 13 {
			t.Errorf("both parts: %+v, %v", report, err)
		}
	}
	gap := b.export(audit.ExportOptions{Format: audit.JSONLines, After: 8})
	if report, err := verifyText(t, first+gap); err != nil || report.Valid {
		t.Errorf("parts with a gap between them: %+v, %v", report, err)
	}
}

func TestATableHoldsNoFormula(t *testing.T) {
	t.Parallel()
	b := newBook(t)
	c := b.fact(uuid.New())
	c.Actor.Name, c.Request = `=HYPERLINK("http://evil")`, "@SUM(1)"
	b.record(c)
	text := b.export(audit.ExportOptions{Format: audit.CSV, Personal: true})
	rows, err := csv.NewReader(strings.NewReader(text)).ReadAll()
	if err != nil || len(rows) != 2 {
		t.Fatalf("got %d rows, %v", len(rows), err)
	}
	cell := map[string]string{}
	for i, name := range rows[0] {
		cell[name] = rows[1][i]
	}
	for name, want := range map[string]string{
		"actor": `'=HYPERLINK("http://evil")`, "request": "'@SUM(1)", "position": "1", "app": "zoom", "act": "account.removed",
		"detail": `{"reason":"deactivated"}`, "personal": `{"vendorId":"kim@acme.example"}`, "persons": c.Persons[0].String(),
	} {
		equal(t, name, cell[name], want)
	}
	if more := b.export(audit.ExportOptions{Format: audit.CSV, After: 1}); more != "" {
		t.Errorf("resumed behind the last fact: got %q, want nothing, and no second head", more)
	}
}

func FuzzVerifyExport(f *testing.F) {
	f.Add(`{"type":"header","version":1,"link":"0000000000000000000000000000000000000000000000000000000000000000"}` + "\n")
	f.Add(`{"type":"fact","position":1}`)
	f.Add(`{"type":"header","version":1,"after":18446744073709551615,"link":"0000000000000000000000000000000000000000000000000000000000000000"}` + "\n" +
		`{"type":"checkpoint","checkpoint":{"number":1,"first":1,"last":18446744073709551615}}`)
	f.Fuzz(func(t *testing.T, text string) {
		report, err := audit.VerifyExport(strings.NewReader(text), []ed25519.PublicKey{signer.Public().(ed25519.PublicKey)})
		if err == nil && report.Valid && report.To > report.Signed {
			t.Errorf("facts that nobody signed were accepted: %+v", report)
		}
	})
}
