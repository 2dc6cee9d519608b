package scim

import "iter"

// Stored attributes are projected as they are stored, as bytes: what is returned is copied, and nothing is decoded. They are valid
// JSON, which the directory made sure of; of anything else these functions make something, but do not panic.

// append writes a JSON value as far as the shape has it. It writes nothing and reports false if nothing is left: an object or a list
// without anything in it is unassigned (RFC 7643 section 2.5).
func (s *shape) append(dst, value []byte) ([]byte, bool) {
	if s.whole {
		return append(dst, value...), true
	}
	if len(value) == 0 {
		return dst, false
	}
	start := len(dst)
	switch value[0] {
	case '{':
		dst = append(dst, '{')
		for name, member := range objectMembers(value) {
			part := s.parts[string(name)]
			if part == nil {
				continue
			}
			mark := len(dst)
			if mark > start+1 {
				dst = append(dst, ',')
			}
			dst = append(append(append(dst, '"'), name...), '"', ':')
			var some bool
			if dst, some = part.append(dst, member); !some {
				dst = dst[:mark]
			}
		}
		dst = append(dst, '}')
	case '[':
		dst = append(dst, '[')
		for element := range arrayElements(value) {
			mark := len(dst)
			if mark > start+1 {
				dst = append(dst, ',')
			}
			var some bool
			if dst, some = s.append(dst, element); !some {
				dst = dst[:mark]
			}
		}
		dst = append(dst, ']')
	default:
		return dst, false // it has no parts
	}
	if len(dst) == start+2 {
		return dst[:start], false
	}
	return dst, true
}

// project returns the stored attributes of a resource as far as they are returned.
func (p *projection) project(attributes []byte) []byte {
	if p.plain {
		return attributes
	}
	projected, some := p.root.append(make([]byte, 0, len(attributes)), attributes)
	if !some {
		return nil
	}
	return projected
}

// objectMembers yields the names, without their quotes, and the values of a JSON object.
func objectMembers(object []byte) iter.Seq2[[]byte, []byte] {
	return func(yield func(name, value []byte) bool) {
		for m, ok := memberAt(object, 1); ok; m, ok = memberAt(object, m.next) {
			if !yield(m.name, object[m.from:m.to]) {
				return
			}
		}
	}
}

// jsonMember is a member of a JSON object: its name without the quotes, and where in the object its value stands.
type jsonMember struct {
	name     []byte
	from, to int
	next     int // where the next one begins; the end of the object if there is none
}

// memberAt returns the member that begins at i, or behind blanks there; false if there is none.
func memberAt(object []byte, i int) (m jsonMember, ok bool) {
	i = skipBlanks(object, i)
	if i >= len(object) || object[i] != '"' {
		return m, false
	}
	end := skipString(object, i)
	m.name = object[i+1 : max(end-1, i+1)]
	i = skipBlanks(object, end)
	if i >= len(object) || object[i] != ':' {
		return m, false
	}
	m.from = skipBlanks(object, i+1)
	m.to = skipValue(object, m.from)
	m.next = len(object)
	if i = skipBlanks(object, m.to); i < len(object) && object[i] == ',' {
		m.next = i + 1
	}
	return m, true
}

// arrayElements yields the elements of a JSON array.
func arrayElements(array []byte) iter.Seq[[]byte] {
	return func(yield func(element []byte) bool) {
		i := skipBlanks(array, 1)
		for i < len(array) && array[i] != ']' {
			end := skipValue(array, i)
			if !yield(array[i:end]) {
				return
			}
			if i = skipBlanks(array, end); i >= len(array) || array[i] != ',' {
				return
			}
			i = skipBlanks(array, i+1)
		}
	}
}

func skipBlanks(text []byte, i int) int {
	for i < len(text) && (text[i] == ' ' || text[i] == '\n' || text[i] == '\t' || text[i] == '\r') {
		i++
	}
	return min(i, len(text))
}

// skipString returns what stands behind the string that begins at i.
func skipString(text []byte, i int) int {
	for i++; i < len(text); i++ {
		switch text[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return len(text)
}

// skipValue returns what stands behind the value that begins at i.
func skipValue(text []byte, i int) int {
	depth := 0
	for i < len(text) {
		switch text[i] {
		case '"':
			i = skipString(text, i)
		case '{', '[':
			depth++
			i++
			continue
		case '}', ']':
			if depth == 0 {
				return i
			}
			depth--
			i++
		case ',', ' ', '\n', '\t', '\r':
			if depth == 0 {
				return i
			}
			i++
			continue
		case ':':
			i++
			continue
		default:
			i++
			if depth == 0 && i < len(text) && !ends(text[i]) {
				continue
			}
		}
		if depth == 0 {
			return i
		}
	}
	return len(text)
}

// ends says whether a byte ends a number or a word.
func ends(c byte) bool {
	return c == ',' || c == '}' || c == ']' || c == ' ' || c == '\n' || c == '\t' || c == '\r'
}
