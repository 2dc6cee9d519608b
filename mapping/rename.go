package mapping

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// RenameGroups returns the text of a document with other names of groups in the place of those that names lists, by the name as written. All
// else, comments and layout too, stays as it is. Names of sets are not touched. A document that does not parse, or one that would not parse
// afterwards (a set that then lists a name twice), is a *Problems; so is a name whose place cannot be rewritten.
func RenameGroups(src []byte, names map[string]string) ([]byte, error) {
	doc, err := Parse(src)
	if err != nil {
		return nil, err
	}
	lines := strings.Split(string(src), "\n")
	// Behind a place on a line the columns move, so the last one goes first.
	written := doc.groupNames()
	for i := len(written) - 1; i >= 0; i-- {
		to, ok := names[written[i].Value]
		if !ok {
			continue
		}
		if err := replaceText(lines, written[i], to); err != nil {
			return nil, err
		}
	}
	out := []byte(strings.Join(lines, "\n"))
	again, err := Parse(out)
	if err != nil {
		return nil, err
	}
	for i, now := range again.groupNames() {
		want := written[i].Value
		if to, ok := names[want]; ok {
			want = to
		}
		if now.Value != want {
			return nil, unwritable(written[i])
		}
	}
	return out, nil
}

// groupNames are the names of groups, not of sets, in the order in which they are written.
func (d *Document) groupNames() []Text {
	var all []Text
	sets := map[string]bool{}
	for _, set := range d.Groups {
		sets[set.Name.Value] = true
		all = append(all, set.Any...)
	}
	for i := range d.Apps {
		for _, who := range d.Apps[i].lines() {
			if who.Group.Value != "" && !sets[who.Group.Value] {
				all = append(all, who.Group)
			}
		}
	}
	sortByPos(all)
	return all
}

// plainText is what needs no quotes anywhere in YAML, whatever stands around it.
var plainText = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9._/-]*( [A-Za-z0-9._/-]+)*$`)

// replaceText writes another text in the place of one.
func replaceText(lines []string, was Text, to string) error {
	if was.Pos.Line < 1 || was.Pos.Line > len(lines) {
		return unwritable(was)
	}
	line := []rune(lines[was.Pos.Line-1])
	if was.Pos.Column < 1 || was.Pos.Column > len(line) {
		return unwritable(was)
	}
	before, rest := string(line[:was.Pos.Column-1]), string(line[was.Pos.Column-1:])
	length := len(was.Value)
	switch {
	case strings.HasPrefix(rest, "'"):
		if length = quotedLength(rest, '\''); length == 0 {
			return unwritable(was)
		}
	case strings.HasPrefix(rest, `"`):
		if length = quotedLength(rest, '"'); length == 0 {
			return unwritable(was)
		}
	case !strings.HasPrefix(rest, was.Value):
		return unwritable(was)
	}
	if !plainText.MatchString(to) {
		to = "'" + strings.ReplaceAll(to, "'", "''") + "'"
	}
	lines[was.Pos.Line-1] = before + to + rest[length:]
	return nil
}

// quotedLength is how many bytes a quoted scalar takes at the beginning of s, its quotes too; 0 where it does not end on the line.
func quotedLength(s string, quote byte) int {
	for i := 1; i < len(s); i++ {
		switch {
		case s[i] == '\\' && quote == '"':
			i++
		case s[i] != quote:
		case quote == '\'' && i+1 < len(s) && s[i+1] == quote:
			i++
		default:
			return i + 1
		}
	}
	return 0
}

func unwritable(t Text) error {
	return &Problems{List: []Problem{{
		Line: t.Pos.Line, Column: t.Pos.Column,
		Message: fmt.Sprintf("the name %s cannot be rewritten where it stands: write it on one line, in quotes", clip(t.Value)),
	}}}
}

func sortByPos(texts []Text) {
	slices.SortStableFunc(texts, func(a, b Text) int {
		return cmp.Or(cmp.Compare(a.Pos.Line, b.Pos.Line), cmp.Compare(a.Pos.Column, b.Pos.Column))
	})
}
