package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"regexp"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// output is the form of what is printed.
type output string

const (
	asText output = "text"
	asJSON output = "json"
)

// String, Set and Type make output the value of a flag.
func (o *output) String() string { return string(*o) }

// Set accepts text and json.
func (o *output) Set(s string) error {
	if s != string(asText) && s != string(asJSON) {
		return fmt.Errorf("is neither text nor json")
	}
	*o = output(s)
	return nil
}

// Type is shown in the help.
func (o *output) Type() string { return "text|json" }

// style is a calm colour, as the number of an SGR sequence.
type style string

const (
	plain  style = ""
	bold   style = "1"
	dim    style = "2"
	red    style = "31"
	green  style = "32"
	yellow style = "33"
)

// page collects text for a person and writes it at once. What comes from outside may
// be put on it as it is: control characters do not reach the terminal.
type page struct {
	w      io.Writer
	colour bool
	now    time.Time
	text   strings.Builder
}

// page returns one for standard output.
func (a *app) page() *page {
	return &page{w: a.stdout, colour: a.terminal.out && a.colourful(), now: a.now()}
}

// errPage returns one for standard error.
func (a *app) errPage() *page {
	return &page{w: a.stderr, colour: a.terminal.err && a.colourful(), now: a.now()}
}

func (a *app) colourful() bool {
	no, _ := a.lookupEnv("NO_COLOR")
	kind, _ := a.lookupEnv("TERM")
	return !a.noColour && no == "" && kind != "dumb"
}

// print writes JSON as it came when that is asked for, else what text puts on a page.
func (a *app) print(raw json.RawMessage, text func(p *page)) error {
	if a.output == asJSON {
		var b bytes.Buffer
		if err := json.Indent(&b, raw, "", "  "); err != nil {
			return fmt.Errorf("the server's answer is no JSON: %w", err)
		}
		fmt.Fprintln(a.stdout, strings.TrimSpace(b.String()))
		return nil
	}
	p := a.page()
	text(p)
	p.flush()
	return nil
}

// value makes JSON of a command's own answer.
func value(v any) json.RawMessage {
	raw, err := json.Marshal(v)
	if err != nil {
		return json.RawMessage(`null`)
	}
	return raw
}

// line adds one line.
func (p *page) line(format string, args ...any) {
	fmt.Fprintf(&p.text, format+"\n", args...)
}

// gap adds an empty line between two parts.
func (p *page) gap() {
	if p.text.Len() > 0 {
		p.text.WriteByte('\n')
	}
}

// paint colours s where colours are wanted.
func (p *page) paint(c style, s string) string {
	if !p.colour || c == plain || s == "" {
		return s
	}
	return "\x1b[" + string(c) + "m" + s + "\x1b[0m"
}

// flush writes the page.
func (p *page) flush() {
	fmt.Fprint(p.w, clean(p.text.String(), p.colour))
	p.text.Reset()
}

var ownSequence = regexp.MustCompile(`^\x1b\[(0|1|2|31|32|33)m`)

// clean replaces control characters, which a name at an identity provider may hold, and leaves line ends and our own colours.
func clean(s string, colour bool) string {
	var b strings.Builder
	for s != "" {
		if own := ownSequence.FindString(s); own != "" && colour {
			b.WriteString(own)
			s = s[len(own):]
			continue
		}
		r, size := utf8.DecodeRuneInString(s)
		if r != '\n' && r != '\t' && !unicode.IsGraphic(r) {
			r = unicode.ReplacementChar
		}
		b.WriteRune(r)
		s = s[size:]
	}
	return b.String()
}

// table is rows of cells under a head. It is not text/tabwriter as that counts colours as width.
type table struct {
	head []string
	rows [][]cell
}

type cell struct {
	text  string
	style style
}

func (t *table) row(cells ...cell) { t.rows = append(t.rows, cells) }

func of(s string) cell              { return cell{text: s} }
func styled(c style, s string) cell { return cell{s, c} }

// table adds a table, indented by the given spaces.
func (p *page) table(t table, indent int) {
	rows := t.rows
	if len(t.head) > 0 {
		head := make([]cell, len(t.head))
		for i, h := range t.head {
			head[i] = cell{h, dim}
		}
		rows = append([][]cell{head}, rows...)
	}
	var widths []int
	for _, row := range rows {
		for i, c := range row {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], utf8.RuneCountInString(c.text))
		}
	}
	for _, row := range rows {
		last := len(row) - 1
		for last > 0 && row[last].text == "" {
			last--
		}
		var b strings.Builder
		b.WriteString(strings.Repeat(" ", indent))
		for i, c := range row[:last+1] {
			b.WriteString(p.paint(c.style, c.text))
			if i < last {
				b.WriteString(strings.Repeat(" ", widths[i]-utf8.RuneCountInString(c.text)+2))
			}
		}
		p.line("%s", strings.TrimRight(b.String(), " "))
	}
}

// facts is a list of labelled lines; a label stands once for all of its lines.
type facts struct {
	label []string
	lines [][]cell
}

func (f *facts) add(label string, lines ...cell) {
	if len(lines) == 0 {
		return
	}
	f.label = append(f.label, label)
	f.lines = append(f.lines, lines)
}

func (p *page) facts(f facts, indent int) {
	var t table
	for i, label := range f.label {
		for k, line := range f.lines[i] {
			if k > 0 {
				label = ""
			}
			t.row(cell{label, dim}, line)
		}
	}
	p.table(t, indent)
}
