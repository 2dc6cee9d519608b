package directory

import "bytes"

// What a source writes is looked at once, when it is written: that it is one JSON object, and
// where its attributes stand. Nothing is decoded for it.

// attribute is one attribute of an object, name and value as they are written.
type attribute struct{ name, value []byte } // the name without its quotes

// maxNesting is how deep arrays and objects may stand in each other.
const maxNesting = 1000

// attributesOf appends the attributes of a JSON object, and reports whether raw is one, whole and valid
// (RFC 8259). Names are not unescaped.
func attributesOf(list []attribute, raw []byte) ([]attribute, bool) {
	s := scanner{raw: raw}
	ok := s.object(1, func(name, value []byte) { list = append(list, attribute{name: name, value: value}) })
	s.blanks()
	return list, ok && s.at == len(raw)
}

// validObject reports whether raw is one JSON object, whole and valid.
func validObject(raw []byte) bool {
	s := scanner{raw: raw}
	ok := s.object(1, nil)
	s.blanks()
	return ok && s.at == len(raw)
}

// scanner walks over JSON. Each of its steps reports whether what it met is valid.
type scanner struct {
	raw []byte
	at  int
}

func (s *scanner) blanks() {
	for s.at < len(s.raw) {
		switch s.raw[s.at] {
		case ' ', '\t', '\n', '\r':
			s.at++
		default:
			return
		}
	}
}

// take steps over c, if it is next after blanks.
func (s *scanner) take(c byte) bool {
	s.blanks()
	if s.at < len(s.raw) && s.raw[s.at] == c {
		s.at++
		return true
	}
	return false
}

// object steps over an object and tells each of its attributes to found, unless that is nil.
func (s *scanner) object(depth int, found func(name, value []byte)) bool {
	if !s.take('{') || depth > maxNesting {
		return false
	}
	if s.take('}') {
		return true
	}
	for {
		s.blanks()
		name := s.at
		if !s.text() {
			return false
		}
		named := s.raw[name+1 : s.at-1]
		if !s.take(':') {
			return false
		}
		s.blanks()
		value := s.at
		if !s.value(depth) {
			return false
		}
		if found != nil {
			found(named, s.raw[value:s.at])
		}
		if s.take('}') {
			return true
		}
		if !s.take(',') {
			return false
		}
	}
}

func (s *scanner) array(depth int) bool {
	if !s.take('[') || depth > maxNesting {
		return false
	}
	if s.take(']') {
		return true
	}
	for {
		if s.blanks(); !s.value(depth) {
			return false
		}
		if s.take(']') {
			return true
		}
		if !s.take(',') {
			return false
		}
	}
}

func (s *scanner) value(depth int) bool {
	if s.at >= len(s.raw) {
		return false
	}
	switch s.raw[s.at] {
	case '"':
		return s.text()
	case '{':
		return s.object(depth+1, nil)
	case '[':
		return s.array(depth + 1)
	case 't':
		return s.word("true")
	case 'f':
		return s.word("false")
	case 'n':
		return s.word("null")
	default:
		return s.number()
	}
}

func (s *scanner) word(w string) bool {
	if !bytes.HasPrefix(s.raw[s.at:], []byte(w)) {
		return false
	}
	s.at += len(w)
	return true
}

func (s *scanner) text() bool {
	if s.at >= len(s.raw) || s.raw[s.at] != '"' {
		return false
	}
	for i := s.at + 1; i < len(s.raw); i++ {
		switch c := s.raw[i]; {
		case c == '"':
			s.at = i + 1
			return true
		case c == '\\':
			if i++; i >= len(s.raw) {
				return false
			}
			switch s.raw[i] {
			case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
			case 'u':
				if i += 4; i >= len(s.raw) || !hexadecimal(s.raw[i-3:i+1]) {
					return false
				}
			default:
				return false
			}
		case c < ' ':
			return false
		}
	}
	return false
}

func hexadecimal(digits []byte) bool {
	for _, c := range digits {
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') && (c < 'A' || c > 'F') {
			return false
		}
	}
	return true
}

func (s *scanner) number() bool {
	s.one('-')
	if !s.one('0') && !s.digits() {
		return false
	}
	if s.one('.') && !s.digits() {
		return false
	}
	if s.one('e') || s.one('E') {
		if !s.one('+') {
			s.one('-')
		}
		return s.digits()
	}
	return true
}

// one steps over c, if it is next.
func (s *scanner) one(c byte) bool {
	if s.at < len(s.raw) && s.raw[s.at] == c {
		s.at++
		return true
	}
	return false
}

// digits steps over at least one digit.
func (s *scanner) digits() bool {
	from := s.at
	for s.at < len(s.raw) && '0' <= s.raw[s.at] && s.raw[s.at] <= '9' {
		s.at++
	}
	return s.at > from
}
