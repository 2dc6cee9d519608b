package schema

import (
	"encoding/json"
	"unicode/utf8"
)

// Append writes a resource in canonical form as one compact JSON object, in the order of the schemas, extensions last: the form
// that is stored and spliced into responses. The same resource always gives the same bytes. Keys
// that are not of the schemas are left out.
func (t *ResourceType) Append(dst []byte, resource map[string]any) []byte {
	dst = append(dst, '{')
	start := len(dst)
	dst = appendMembers(dst, t.order, resource, start)
	for _, s := range t.Extensions {
		object, ok := resource[s.URN].(map[string]any)
		if !ok || len(object) == 0 {
			continue
		}
		dst = appendKey(dst, s.URN, start)
		dst = append(dst, '{')
		dst = appendMembers(dst, s.Attributes, object, len(dst))
		dst = append(dst, '}')
	}
	return append(dst, '}')
}

func appendMembers(dst []byte, order []*Attribute, object map[string]any, start int) []byte {
	for _, a := range order {
		value := object[a.Name]
		if value == nil {
			continue
		}
		dst = appendKey(dst, a.Name, start)
		dst = appendValue(dst, a, value)
	}
	return dst
}

func appendKey(dst []byte, key string, start int) []byte {
	if len(dst) > start {
		dst = append(dst, ',')
	}
	return append(AppendString(dst, key), ':')
}

func appendValue(dst []byte, a *Attribute, value any) []byte {
	switch value := value.(type) {
	case map[string]any:
		dst = append(dst, '{')
		dst = appendMembers(dst, a.Sub, value, len(dst))
		return append(dst, '}')
	case []any:
		dst = append(dst, '[')
		for i, element := range value {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = appendValue(dst, a, element)
		}
		return append(dst, ']')
	case string:
		return AppendString(dst, value)
	case bool:
		if value {
			return append(dst, "true"...)
		}
		return append(dst, "false"...)
	case json.Number:
		return append(dst, value...)
	default:
		return append(dst, "null"...)
	}
}

// AppendString writes s as a JSON string. Unlike encoding/json it leaves <, > and & as they are: a response is not HTML.
// Bytes that are not UTF-8 become U+FFFD.
func AppendString(dst []byte, s string) []byte {
	const hex = "0123456789abcdef"
	dst = append(dst, '"')
	from := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c >= utf8.RuneSelf {
			r, size := utf8.DecodeRuneInString(s[i:])
			if r == utf8.RuneError && size == 1 {
				dst = append(append(dst, s[from:i]...), "\uFFFD"...)
				from = i + 1
			}
			i += size
			continue
		}
		if c >= ' ' && c != '"' && c != '\\' {
			i++
			continue
		}
		dst = append(dst, s[from:i]...)
		switch c {
		case '"', '\\':
			dst = append(dst, '\\', c)
		case '\n':
			dst = append(dst, '\\', 'n')
		case '\r':
			dst = append(dst, '\\', 'r')
		case '\t':
			dst = append(dst, '\\', 't')
		default:
			dst = append(dst, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		}
		i++
		from = i
	}
	return append(append(dst, s[from:]...), '"')
}
