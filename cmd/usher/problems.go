package main

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/usher-scim/usher/cmd/usher/client"
	"github.com/usher-scim/usher/mapping"
)

// problemsError is a mapping document with mistakes, and where in the caller's file they are.
type problemsError struct {
	api  *client.Error
	file string
	text []byte
}

// located adds the file to a refusal that lists problems of a document; other errors stay as they are.
func located(err error, file string, text []byte) error {
	var api *client.Error
	if errors.As(err, &api) && len(api.Reply.Error.Problems) > 0 {
		return &problemsError{api: api, file: named(file), text: text}
	}
	return err
}

// named is how a file is called in front of a line number.
func named(file string) string {
	if file == "-" {
		return "stdin"
	}
	return file
}

func (e *problemsError) Error() string { return e.api.Error() }

// Unwrap makes the server's error visible, by which the exit code is chosen.
func (e *problemsError) Unwrap() error { return e.api }

func (e *problemsError) write(p *page) {
	problems := e.api.Reply.Error.Problems
	for _, problem := range problems {
		writeProblem(p, e.file, e.text, problem, "", red)
	}
	// The server's text lists all problems it has counted, and its last line says how many more there are.
	lines := strings.Split(strings.TrimSpace(e.api.Reply.Error.Message), "\n")
	if last := lines[len(lines)-1]; strings.HasPrefix(last, "and ") {
		p.line("%s", last)
	}
	p.line("usher: %s cannot be a mapping as it is; nothing changed", e.file)
}

// writeProblem writes a problem as compilers do: FILE:LINE:COL: message, the line, and a caret.
func writeProblem(p *page, file string, text []byte, problem mapping.Problem, prefix string, c style) {
	message := prefix + problem.Message
	if problem.Path != "" {
		message = prefix + problem.Path + ": " + problem.Message
	}
	if problem.Line <= 0 {
		p.line("%s: %s", p.paint(bold, file), p.paint(c, message))
		return
	}
	where := fmt.Sprintf("%s:%d", file, problem.Line)
	if problem.Column > 0 {
		where += fmt.Sprintf(":%d", problem.Column)
	}
	p.line("%s: %s", p.paint(bold, where), p.paint(c, message))
	lines := strings.Split(string(text), "\n")
	if problem.Line > len(lines) {
		return
	}
	excerpt, caret := clip(strings.TrimRight(lines[problem.Line-1], "\r"), problem.Column)
	if strings.TrimSpace(excerpt) == "" {
		return
	}
	p.line("    %s", excerpt)
	if problem.Column > 0 {
		p.line("    %s", p.paint(c, caret))
	}
}

// The part of a long line that is shown: so many characters, so many of them before the place.
const (
	excerptWidth  = 100
	excerptBefore = 60
)

// clip cuts a line to what is around a column, counted from 1 in characters, and draws the caret below it.
func clip(line string, column int) (excerpt, caret string) {
	line = strings.ReplaceAll(line, "\t", " ")
	runes := []rune(line)
	at := min(max(column-1, 0), len(runes))
	before, after := "", ""
	if from := at - excerptBefore; from > 0 && len(runes) > excerptWidth {
		runes, at, before = runes[from:], at-from, "…"
	}
	if len(runes) > excerptWidth {
		runes, after = runes[:excerptWidth], "…"
	}
	return before + string(runes) + after, strings.Repeat(" ", at+utf8.RuneCountInString(before)) + "^"
}

// count is a number with its noun.
func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
