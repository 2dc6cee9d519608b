package scim_test

import (
	"bytes"
	"strings"
)

// layout writes JSON for people: what fits stands on one line, the order of keys stays.
func layout(text []byte) string {
	var out strings.Builder
	layoutAt(&out, bytes.TrimSpace(text), "")
	return out.String()
}

func layoutAt(out *strings.Builder, text []byte, indent string) {
	const width = 160
	parts, opening, closing := split(text)
	if line := oneLine(text); len(indent)+len(line) <= width || len(parts) == 0 {
		out.WriteString(line)
		return
	}
	out.WriteString(opening)
	for i, part := range parts {
		if i > 0 {
			out.WriteByte(',')
		}
		out.WriteString("\n" + indent + "  ")
		if opening == "{" {
			key, value := cut(part)
			out.Write(append(key, ": "...))
			part = value
		}
		layoutAt(out, part, indent+"  ")
	}
	out.WriteString("\n" + indent + closing)
}

// oneLine puts a blank behind each comma and colon.
func oneLine(text []byte) string {
	var out strings.Builder
	walk(text, func(c byte, _ int, structural bool) {
		out.WriteByte(c)
		if structural && (c == ',' || c == ':') {
			out.WriteByte(' ')
		}
	})
	return out.String()
}

// split returns the members of an object or the elements of an array; none for anything else.
func split(text []byte) (parts [][]byte, opening, closing string) {
	if len(text) < 2 || text[0] != '{' && text[0] != '[' {
		return nil, "", ""
	}
	from, at := 1, 0
	walk(text, func(c byte, depth int, structural bool) {
		if structural && (c == ',' && depth == 1 || at == len(text)-1 && at > from) {
			parts = append(parts, text[from:at])
			from = at + 1
		}
		at++
	})
	return parts, string(text[0]), string(text[len(text)-1])
}

// cut parts a member of an object at its colon.
func cut(member []byte) (key, value []byte) {
	at, colon := 0, -1
	walk(member, func(c byte, _ int, structural bool) {
		if structural && c == ':' && colon < 0 {
			colon = at
		}
		at++
	})
	return bytes.Clone(member[:colon]), member[colon+1:]
}

// walk tells of each byte how deep it stands and whether it is outside of strings. text is compact JSON.
func walk(text []byte, visit func(c byte, depth int, structural bool)) {
	depth, quoted, escaped := 0, false, false
	for _, c := range text {
		switch {
		case escaped:
			escaped = false
		case quoted && c == '\\':
			escaped = true
		case c == '"':
			quoted = !quoted
		case !quoted && (c == '{' || c == '['):
			depth++
		}
		visit(c, depth, !quoted && c != '"')
		if !quoted && (c == '}' || c == ']') {
			depth--
		}
	}
}
