package directory

import (
	"bytes"
	"encoding/json"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// object decodes the top level of a JSON object; nothing is an empty object.
func object(raw json.RawMessage) (map[string]json.RawMessage, error) {
	if len(raw) == 0 {
		return nil, nil
	}
	var o map[string]json.RawMessage
	err := json.Unmarshal(raw, &o)
	return o, err
}

// isObject looks only at the beginning: that the rest is JSON is checked when it is written.
func isObject(raw json.RawMessage) bool {
	trimmed := bytes.TrimLeft(raw, " \t\r\n")
	return len(trimmed) > 0 && trimmed[0] == '{'
}

func isNull(raw json.RawMessage) bool {
	return len(raw) == 0 || bytes.Equal(bytes.TrimSpace(raw), []byte("null"))
}

// isExtension reports whether a top-level attribute is an extension: named by a URN, with an object as value.
func isExtension(name string, raw json.RawMessage) bool {
	return strings.HasPrefix(name, "urn:") && isObject(raw)
}

// sameJSON reports whether two values are the same in all but the order of keys
// and blanks. Numbers are the same when they are written the same.
func sameJSON(a, b json.RawMessage) bool {
	if bytes.Equal(a, b) {
		return true
	}
	if isNull(a) || isNull(b) {
		return isNull(a) && isNull(b)
	}
	x, errX := exact(a)
	y, errY := exact(b)
	return errX == nil && errY == nil && reflect.DeepEqual(x, y)
}

// exact decodes a value with its numbers as written.
func exact(raw json.RawMessage) (any, error) {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	var v any
	err := d.Decode(&v)
	return v, err
}

// plain decodes a value for expressions: numbers are float64, one that does not fit is the text
// it was written as.
func plain(raw json.RawMessage) (any, error) {
	v, err := exact(raw)
	return withFloats(v), err
}

func withFloats(v any) any {
	switch v := v.(type) {
	case json.Number:
		f, err := strconv.ParseFloat(v.String(), 64)
		if err != nil {
			return v.String()
		}
		return f
	case []any:
		for i := range v {
			v[i] = withFloats(v[i])
		}
	case map[string]any:
		for k := range v {
			v[k] = withFloats(v[k])
		}
	}
	return v
}

// maxNames bounds the names in a change's detail.
const maxNames = 100

// differing returns the names of the attributes in which two objects differ,
// sorted; attributes of an extension come with its URN in front.
func differing(a, b json.RawMessage) ([]string, error) {
	if bytes.Equal(a, b) {
		return nil, nil
	}
	x, err := object(a)
	if err != nil {
		return nil, err
	}
	y, err := object(b)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, name := range keysOf(x, y) {
		switch {
		case sameJSON(x[name], y[name]):
		case isExtension(name, x[name]) && isExtension(name, y[name]):
			inside, err := differing(x[name], y[name])
			if err != nil {
				return nil, err
			}
			for _, sub := range inside {
				names = append(names, name+":"+sub)
			}
		default:
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names, nil
}

// keysOf returns the keys of both objects, each once, in no order.
func keysOf(x, y map[string]json.RawMessage) []string {
	keys := make([]string, 0, len(x)+len(y))
	for k := range x {
		keys = append(keys, k)
	}
	for k := range y {
		if _, both := x[k]; !both {
			keys = append(keys, k)
		}
	}
	return keys
}
