package body

import (
	"encoding/json"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/usher-scim/usher/scim/fault"
)

// What a body may be beside its size in bytes, which the reader of the request limits.
const (
	MaxDepth  = 32        // of objects and arrays
	MaxValues = 1_000_000 // of any kind; sixteen MiB of empty objects would take fifty times as much memory
)

// fewKeys is up to how many keys a linear look for a duplicate is cheaper than a set.
const fewKeys = 16

// Object reads one JSON object (RFC 8259). Numbers become json.Number, so that they stay exact; the rest is
// map[string]any, []any, string, bool and nil. What is refused is a *fault.Error of type invalidSyntax that names
// the byte offset: anything but one object, a key that occurs twice in an object without regard to
// case, bad UTF-8, a half surrogate pair, text after the object, nesting deeper than MaxDepth, more than MaxValues values.
// Memory is bounded by a multiple of len(data). The strings are parts of one copy of data: who keeps one for long copies it.
func Object(data []byte) (map[string]any, error) {
	p := parser{data: data, text: string(data)}
	p.space()
	if p.pos == len(data) {
		return nil, p.fail("the body is empty, a JSON object was expected")
	}
	if data[p.pos] != '{' {
		return nil, p.fail("a JSON object was expected")
	}
	object, err := p.object(1)
	if err != nil {
		return nil, err
	}
	p.space()
	if p.pos < len(data) {
		return nil, p.fail("the JSON object is followed by further text")
	}
	return object, nil
}

// parser is a recursive descent whose recursion MaxDepth bounds.
type parser struct {
	data   []byte
	text   string // data as one string, of which all strings are cut; "" where there are few
	pos    int
	values int
}

func (p *parser) fail(what string) error {
	return fault.New(fault.InvalidSyntax, "malformed JSON at byte %d: %s", p.pos, what)
}

func (p *parser) space() {
	for p.pos < len(p.data) {
		switch p.data[p.pos] {
		case ' ', '\t', '\n', '\r':
			p.pos++
		default:
			return
		}
	}
}

// next skips blanks and returns the byte there, 0 at the end.
func (p *parser) next() byte {
	p.space()
	if p.pos == len(p.data) {
		return 0
	}
	return p.data[p.pos]
}

func (p *parser) value(depth int) (any, error) {
	if p.values++; p.values > MaxValues {
		return nil, p.fail("more than " + strconv.Itoa(MaxValues) + " values")
	}
	switch c := p.next(); {
	case c == '{':
		return p.object(depth + 1)
	case c == '[':
		return p.array(depth + 1)
	case c == '"':
		return p.string()
	case c == '-' || '0' <= c && c <= '9':
		return p.number()
	case p.word("true"):
		return true, nil
	case p.word("false"):
		return false, nil
	case p.word("null"):
		return nil, nil
	case p.pos == len(p.data):
		return nil, p.fail("the text ends where a value was expected")
	default:
		return nil, p.fail("a value was expected")
	}
}

func (p *parser) word(word string) bool {
	if !strings.HasPrefix(string(p.data[p.pos:min(len(p.data), p.pos+len(word))]), word) {
		return false
	}
	p.pos += len(word)
	return true
}

func (p *parser) object(depth int) (map[string]any, error) {
	if depth > MaxDepth {
		return nil, p.fail("nested deeper than " + strconv.Itoa(MaxDepth))
	}
	p.pos++ // '{'
	object := map[string]any{}
	keys := keySet{}
	if p.next() == '}' {
		p.pos++
		return object, nil
	}
	for {
		if p.next() != '"' {
			return nil, p.fail("a key in quotes was expected")
		}
		at := p.pos
		key, err := p.string()
		if err != nil {
			return nil, err
		}
		if !keys.add(key) {
			p.pos = at
			return nil, p.fail("the key occurs twice in this object (case is not regarded)")
		}
		if p.next() != ':' {
			return nil, p.fail("a colon was expected")
		}
		p.pos++
		if object[key], err = p.value(depth); err != nil {
			return nil, err
		}
		switch p.next() {
		case ',':
			p.pos++
		case '}':
			p.pos++
			return object, nil
		default:
			return nil, p.fail("a comma or } was expected")
		}
	}
}

func (p *parser) array(depth int) ([]any, error) {
	if depth > MaxDepth {
		return nil, p.fail("nested deeper than " + strconv.Itoa(MaxDepth))
	}
	p.pos++ // '['
	list := []any{}
	if p.next() == ']' {
		p.pos++
		return list, nil
	}
	for {
		element, err := p.value(depth)
		if err != nil {
			return nil, err
		}
		list = append(list, element)
		switch p.next() {
		case ',':
			p.pos++
		case ']':
			p.pos++
			return list, nil
		default:
			return nil, p.fail("a comma or ] was expected")
		}
	}
}

// number takes -?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?
func (p *parser) number() (json.Number, error) {
	start := p.pos
	if p.data[p.pos] == '-' {
		p.pos++
	}
	switch {
	case p.at('0'):
		p.pos++
	case p.digits() == 0:
		return "", p.fail("a digit was expected")
	}
	if p.at('.') {
		p.pos++
		if p.digits() == 0 {
			return "", p.fail("a digit was expected after the decimal point")
		}
	}
	if p.at('e') || p.at('E') {
		p.pos++
		if p.at('+') || p.at('-') {
			p.pos++
		}
		if p.digits() == 0 {
			return "", p.fail("a digit was expected in the exponent")
		}
	}
	return json.Number(p.cut(start)), nil
}

// cut returns what stands between start and the present position.
func (p *parser) cut(start int) string {
	if p.text == "" {
		return string(p.data[start:p.pos])
	}
	return p.text[start:p.pos]
}

func (p *parser) at(c byte) bool { return p.pos < len(p.data) && p.data[p.pos] == c }

func (p *parser) digits() int {
	start := p.pos
	for p.pos < len(p.data) && '0' <= p.data[p.pos] && p.data[p.pos] <= '9' {
		p.pos++
	}
	return p.pos - start
}

func (p *parser) string() (string, error) {
	p.pos++ // '"'
	start := p.pos
	for p.pos < len(p.data) { // the common case: no escapes, one copy
		switch c := p.data[p.pos]; c {
		case '"':
			s := p.cut(start)
			p.pos++
			return s, nil
		case '\\':
			return p.escaped(start)
		default:
			if err := p.char(c); err != nil {
				return "", err
			}
		}
	}
	return "", p.fail("a string is not closed")
}

// char steps over one unescaped character.
func (p *parser) char(c byte) error {
	switch {
	case c < ' ':
		return p.fail("a control character must be escaped in a string")
	case c < utf8.RuneSelf:
		p.pos++
	default:
		r, size := utf8.DecodeRune(p.data[p.pos:])
		if r == utf8.RuneError && size == 1 {
			return p.fail("the text is not valid UTF-8")
		}
		p.pos += size
	}
	return nil
}

// escaped goes on with a string that has met its first backslash.
func (p *parser) escaped(start int) (string, error) {
	text := append([]byte(nil), p.data[start:p.pos]...)
	for p.pos < len(p.data) {
		switch c := p.data[p.pos]; c {
		case '"':
			p.pos++
			return string(text), nil
		case '\\':
			var err error
			if text, err = p.escape(text); err != nil {
				return "", err
			}
		default:
			from := p.pos
			if err := p.char(c); err != nil {
				return "", err
			}
			text = append(text, p.data[from:p.pos]...)
		}
	}
	return "", p.fail("a string is not closed")
}

func (p *parser) escape(text []byte) ([]byte, error) {
	if p.pos+1 >= len(p.data) {
		return nil, p.fail("a string is not closed")
	}
	c := p.data[p.pos+1]
	if c == 'u' {
		r, err := p.unicode()
		if err != nil {
			return nil, err
		}
		return utf8.AppendRune(text, r), nil
	}
	i := strings.IndexByte(`"\/bfnrt`, c)
	if i < 0 {
		return nil, p.fail("an escape that JSON does not have")
	}
	p.pos += 2
	return append(text, "\"\\/\b\f\n\r\t"[i]), nil
}

// unicode takes \uXXXX, or a surrogate pair of two.
func (p *parser) unicode() (rune, error) {
	first, ok := p.hex(p.pos)
	if !ok {
		return 0, p.fail("\\u needs four hexadecimal digits")
	}
	if !utf16.IsSurrogate(first) {
		p.pos += 6
		return first, nil
	}
	second, ok := p.hex(p.pos + 6)
	r := utf16.DecodeRune(first, second)
	if !ok || r == utf8.RuneError {
		return 0, p.fail("half of a surrogate pair")
	}
	p.pos += 12
	return r, nil
}

func (p *parser) hex(at int) (rune, bool) {
	if at+6 > len(p.data) || p.data[at] != '\\' || p.data[at+1] != 'u' {
		return 0, false
	}
	var r rune
	for _, c := range p.data[at+2 : at+6] {
		switch {
		case '0' <= c && c <= '9':
			r = r<<4 | rune(c-'0')
		case 'a' <= c && c <= 'f':
			r = r<<4 | rune(c-'a'+10)
		case 'A' <= c && c <= 'F':
			r = r<<4 | rune(c-'A'+10)
		default:
			return 0, false
		}
	}
	return r, true
}
