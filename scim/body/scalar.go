package body

import "strings"

// Scalar reads the one string, number, true, false or null that stands at data[at:] and returns the position after it.
// Filters hold such literals (RFC 7644 section 3.4.2.2); true, false and null are taken in any case there. The
// error is as Object's.
func Scalar(data []byte, at int) (value any, end int, err error) {
	p := parser{data: data, pos: at}
	if at >= len(data) {
		return nil, at, p.fail("the text ends where a value was expected")
	}
	switch c := data[at]; {
	case c == '"':
		value, err = p.string()
	case c == '-' || '0' <= c && c <= '9':
		value, err = p.number()
	default:
		for _, word := range []struct {
			text  string
			value any
		}{{"true", true}, {"false", false}, {"null", nil}} {
			end := at + len(word.text)
			if end <= len(data) && strings.EqualFold(string(data[at:end]), word.text) {
				return word.value, end, nil
			}
		}
		return nil, at, p.fail("a value was expected; text must stand in double quotes")
	}
	return value, p.pos, err
}
