package demo

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// The bounds of the width that lines are laid out for, in columns.
const (
	narrowest = 60
	widest    = 132
)

// kind is what a line of the replay tells.
type kind int

const (
	cameIn  kind = iota // a request of an identity provider
	decided             // what Usher made of it
	told                // a write at a vendor
)

// Escape sequences that can be read on dark and on light backgrounds.
const (
	plain = ""
	bold  = "\x1b[1m"
	dim   = "\x1b[2m"
	red   = "\x1b[31m"
	green = "\x1b[32m"
	cyan  = "\x1b[36m"
	reset = "\x1b[0m"
)

// look is how the lines of a kind are told apart, with and without colour.
func (k kind) look() (mark, colour string) {
	switch k {
	case cameIn:
		return "▸", cyan
	case told:
		return "◂", green
	default:
		return "•", bold
	}
}

// view writes the replay for a terminal of a known width. Columns are counted in
// characters: the story has none that are wider than one.
type view struct {
	out    io.Writer
	colour bool
	width  int
}

func newView(o Options) *view {
	width := o.Width
	if width == 0 {
		width = 80
	}
	return &view{out: o.Out, colour: o.Colour, width: min(max(width, narrowest), widest)}
}

func (v *view) paint(colour, text string) string {
	if !v.colour || colour == plain || text == "" {
		return text
	}
	return colour + text + reset
}

// raw writes a line as it is, for what is to be copied.
func (v *view) raw(text string) { fmt.Fprintln(v.out, text) }

func (v *view) blank() { v.raw("") }

// heading opens a scene.
func (v *view) heading(when, what string) {
	v.blank()
	head := when + "  " + what
	rule := strings.Repeat("─", max(3, v.width-utf8.RuneCountInString(head)-1))
	v.raw(v.paint(bold, head) + " " + v.paint(dim, rule))
}

// prose writes a paragraph.
func (v *view) prose(text string) { v.paragraph(plain, text) }

func (v *view) paragraph(colour, text string) {
	for _, l := range wrap(text, v.width-2) {
		v.raw("  " + v.paint(colour, l))
	}
}

const (
	labelWidth = 8
	tailWidth  = 8
	textColumn = 2 + labelWidth + 2
)

// line writes one entry of the replay: who, the mark of its kind, what, and at the right
// edge a short tail (a status, a time). Long text goes on below, indented.
func (v *view) line(k kind, who, text, tail string) {
	mark, colour := k.look()
	rows := hang(text, v.width-textColumn-tailWidth, 2)
	for i, row := range rows {
		if i > 0 {
			v.raw(strings.Repeat(" ", textColumn) + row)
			continue
		}
		gap := v.width - textColumn - utf8.RuneCountInString(row) - utf8.RuneCountInString(tail)
		head := "  " + v.paint(colour, pad(who, labelWidth)) + v.paint(colour, mark) + " "
		v.raw(strings.TrimRight(head+row+strings.Repeat(" ", max(1, gap))+v.paint(dim, tail), " "))
	}
}

// settled closes a scene.
func (v *view) settled(text string) { v.closing(green, "✓ ", text) }

// trouble says that something is not as it should be.
func (v *view) trouble(text string) { v.closing(red, "✗ ", text) }

func (v *view) closing(colour, mark, text string) {
	for i, l := range hang(text, v.width-4, 0) {
		if i > 0 {
			mark = "  "
		}
		v.raw("  " + v.paint(colour, mark+l))
	}
}

// columns are the widths of all but the last column of the summary's table.
func (v *view) columns() []int {
	if v.width < 110 {
		return []int{12, 21, 22}
	}
	return []int{12, 29, 32}
}

// table writes rows under a head. The last column takes what the others leave and is
// wrapped, as is every cell that is longer than its column.
func (v *view) table(head []string, widths []int, rows [][]string) {
	left := v.width - 2
	for _, w := range widths {
		left -= w + 2
	}
	widths = append(widths[:len(widths):len(widths)], max(left, 12))
	if head != nil {
		v.row(head, widths, bold)
	}
	for _, r := range rows {
		v.row(r, widths, plain)
	}
}

func (v *view) row(cells []string, widths []int, colour string) {
	wrapped := make([][]string, len(cells))
	height := 1
	for i, c := range cells {
		wrapped[i] = wrap(c, widths[i])
		height = max(height, len(wrapped[i]))
	}
	for n := range height {
		var b strings.Builder
		for i := range cells {
			cell := ""
			if n < len(wrapped[i]) {
				cell = wrapped[i][n]
			}
			b.WriteString("  " + pad(cell, widths[i]))
		}
		v.raw(v.paint(colour, strings.TrimRight(b.String(), " ")))
	}
}

func pad(text string, width int) string {
	return text + strings.Repeat(" ", max(0, width-utf8.RuneCountInString(text)))
}

// hang wraps text so that the lines below the first are indented.
func hang(text string, width, indent int) []string {
	rows := wrap(text, width)
	if len(rows) < 2 {
		return rows
	}
	rest := strings.TrimPrefix(text, rows[0])
	below := wrap(strings.TrimLeft(rest, " "), width-indent)
	for i := range below {
		below[i] = strings.Repeat(" ", indent) + below[i]
	}
	return append(rows[:1], below...)
}

// wrap breaks text at blanks into lines of at most width characters; a word that is
// longer is cut. There is always a line.
func wrap(text string, width int) []string {
	width = max(width, 1)
	var lines []string
	rest := []rune(text)
	for len(rest) > width {
		cut := width
		for cut > 0 && rest[cut] != ' ' {
			cut--
		}
		skip := 1
		if cut == 0 {
			cut, skip = width, 0
		}
		lines = append(lines, string(rest[:cut]))
		rest = rest[cut+skip:]
	}
	return append(lines, string(rest))
}
