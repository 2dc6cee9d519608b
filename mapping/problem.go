package mapping

import (
	"fmt"
	"slices"
	"strings"

	"github.com/usher-scim/usher/internal/suggest"
)

// FileName is how error texts call the document.
const FileName = "mapping.yaml"

// maxProblems is how many problems one answer lists; a document with more is broken in one place at the top.
const maxProblems = 50

// Pos is a place in the document, counted from 1. A zero Column means that only the line is known.
type Pos struct{ Line, Column int }

// Problem is one thing that is wrong, or for a warning doubtful, with the document.
type Problem struct {
	Line    int    `json:"line"`
	Column  int    `json:"column"`
	Path    string `json:"path"` // such as apps.gorgias.grants[1].role; "" for the document as a whole
	Message string `json:"message"`
}

// String is the problem as compilers print it: file:line:column: path: message.
func (p Problem) String() string {
	var b strings.Builder
	b.WriteString(FileName)
	if p.Line > 0 {
		fmt.Fprintf(&b, ":%d", p.Line)
		if p.Column > 0 {
			fmt.Fprintf(&b, ":%d", p.Column)
		}
	}
	b.WriteString(": ")
	if p.Path != "" {
		b.WriteString(p.Path)
		b.WriteString(": ")
	}
	b.WriteString(p.Message)
	return b.String()
}

// Problems is the error of Parse and Compile: everything that was found, in document order. It holds at least one.
type Problems struct {
	List []Problem `json:"problems"`
	// More is how many further problems were found and left out.
	More int `json:"more,omitempty"`
}

// Error lists the problems, one a line.
func (p *Problems) Error() string {
	lines := make([]string, 0, len(p.List)+1)
	for _, one := range p.List {
		lines = append(lines, one.String())
	}
	if p.More > 0 {
		lines = append(lines, fmt.Sprintf("and %d more", p.More))
	}
	return strings.Join(lines, "\n")
}

// findings collects problems while a document is read or compiled.
type findings struct{ list []Problem }

func (f *findings) add(at Pos, path, format string, args ...any) {
	f.list = append(f.list, Problem{Line: at.Line, Column: at.Column, Path: path, Message: fmt.Sprintf(format, args...)})
}

// err returns what was found as one *Problems, or nil.
func (f *findings) err() error {
	if len(f.list) == 0 {
		return nil
	}
	list := sorted(f.list)
	p := &Problems{List: list}
	if len(list) > maxProblems {
		p.List, p.More = list[:maxProblems], len(list)-maxProblems
	}
	return p
}

func sorted(list []Problem) []Problem {
	list = slices.Clone(list)
	slices.SortStableFunc(list, func(a, b Problem) int {
		if a.Line != b.Line {
			return a.Line - b.Line
		}
		return a.Column - b.Column
	})
	return list
}

// didYouMean is the tail of a message about an unknown word: a suggestion, and the known ones.
func didYouMean(word string, known []string) string {
	if near := suggest.Nearest(word, known); near != "" {
		return fmt.Sprintf("; did you mean %s?", near)
	}
	if len(known) == 0 {
		return ""
	}
	return "; known are " + listed(known)
}

// listed joins names for a sentence: "a", "a and b", "a, b and c".
func listed(names []string) string {
	switch len(names) {
	case 0:
		return "none"
	case 1:
		return names[0]
	}
	return strings.Join(names[:len(names)-1], ", ") + " and " + names[len(names)-1]
}
