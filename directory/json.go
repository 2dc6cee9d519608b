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
	if isPlain(a) && isPlain(b) {
		return false
	}
	x, errX := exact(a)
	y, errY := exact(b)
	return errX == nil && errY == nil && reflect.DeepEqual(x, y)
}

// isPlain reports whether a value has no other form: a string without escapes, a number, true or false.
func isPlain(raw json.RawMessage) bool {
	if raw[0] == '"' {
		return raw[len(raw)-1] == '"' && bytes.IndexByte(raw, '\\') < 0
	}
	return !bytes.ContainsAny(raw, "[{ \t\r\n")
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
	var v any
	if json.Unmarshal(raw, &v) == nil {
		return v, nil
	}
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

// quickNames is how many attributes of an object are compared without decoding it.
const quickNames = 32

// differing returns the names of the attributes in which two objects differ,
// sorted; attributes of an extension come with its URN in front.
func differing(a, b json.RawMessage) ([]string, error) {
	if bytes.Equal(a, b) {
		return nil, nil
	}
	var roomA, roomB [quickNames]attribute
	x, okX := attributesOf(roomA[:0], a)
	y, okY := attributesOf(roomB[:0], b)
	if !okX || !okY || len(x) > quickNames || len(y) > quickNames || escapedName(x) || escapedName(y) {
		return differingDecoded(a, b)
	}
	var names []string
	var err error
	for i := range x {
		if names, err = appendDiffering(names, x[i].name, x[i].value, valueOf(y, x[i].name, i)); err != nil {
			return nil, err
		}
	}
	for i := range y {
		if valueOf(x, y[i].name, i) == nil {
			if names, err = appendDiffering(names, y[i].name, nil, y[i].value); err != nil {
				return nil, err
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names), nil
}

// valueOf finds an attribute, that stands most likely at a place; nil when it is not there.
func valueOf(list []attribute, name []byte, likely int) []byte {
	if likely < len(list) && bytes.Equal(list[likely].name, name) {
		return list[likely].value
	}
	for i := range list {
		if bytes.Equal(list[i].name, name) {
			return list[i].value
		}
	}
	return nil
}

func escapedName(list []attribute) bool {
	return slices.ContainsFunc(list, func(a attribute) bool { return bytes.IndexByte(a.name, '\\') >= 0 })
}

// differingDecoded is differing for objects of any size and any form of names.
func differingDecoded(a, b json.RawMessage) ([]string, error) {
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
		if names, err = appendDiffering(names, []byte(name), x[name], y[name]); err != nil {
			return nil, err
		}
	}
	slices.Sort(names)
	return names, nil
}

// appendDiffering appends the name of an attribute whose values differ, or those of the
// attributes of an extension that do.
func appendDiffering(names []string, name []byte, x, y json.RawMessage) ([]string, error) {
	if sameJSON(x, y) {
		return names, nil
	}
	urn := string(name)
	if !isExtension(urn, x) || !isExtension(urn, y) {
		return append(names, urn), nil
	}
	inside, err := differing(x, y)
	for _, sub := range inside {
		names = append(names, urn+":"+sub)
	}
	return names, err
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
