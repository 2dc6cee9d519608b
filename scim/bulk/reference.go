package bulk

import (
	"net/http"
	"regexp"
	"slices"
	"strings"

	"github.com/usher-scim/usher/directory"
)

// prefix is what makes a text stand for the id of a resource that another operation creates (RFC 7644 section 3.7.2).
const prefix = "bulkId:"

// Attributes tells which attributes may hold the id of a resource: it gets the folded last part of an attribute's name,
// "manager" for "urn:…:User:manager". A text elsewhere that begins with "bulkId:" is a text.
type Attributes func(name string) bool

// References returns the bulkIds that an operation names in its path and its data, each once, in alphabetical order.
func (a Attributes) References(o Operation) []string {
	var all []string
	a.rewrite(o, func(id string) (string, bool) {
		all = append(all, id)
		return "", false
	})
	slices.Sort(all)
	return slices.Compact(all)
}

// Resolve puts ids in the place of the bulkIds that it knows. The operation that it is given stays as it is.
func (a Attributes) Resolve(o Operation, ids map[string]string) Operation {
	return a.rewrite(o, func(id string) (string, bool) {
		known, ok := ids[id]
		return known, ok
	})
}

// Part is an attribute of a resource that is set after the resource was created.
type Part struct {
	Path  string
	Value any
}

// Split takes the attributes that name any of these bulkIds out of the data of a POST, in alphabetical order.
func (a Attributes) Split(o Operation, pending func(bulkID string) bool) (without Operation, parts []Part) {
	o.Data, parts = a.split(o.Data, "", pending)
	return o, parts
}

func (a Attributes) split(data map[string]any, urn string, pending func(string) bool) (kept map[string]any, parts []Part) {
	kept = make(map[string]any, len(data))
	names := make([]string, 0, len(data))
	for name := range data {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		value := data[name]
		waits := false
		a.value(value, a(last(name)), func(id string) (string, bool) {
			waits = waits || pending(id)
			return "", false
		})
		extension, isObject := value.(map[string]any)
		switch {
		case !waits:
			kept[name] = value
		case urn == "" && isObject && len(name) > 4 && strings.EqualFold(name[:4], "urn:"):
			rest, more := a.split(extension, name, pending)
			if len(rest) > 0 {
				kept[name] = rest
			}
			parts = append(parts, more...)
		case urn != "":
			parts = append(parts, Part{urn + ":" + name, value})
		default:
			parts = append(parts, Part{name, value})
		}
	}
	return kept, parts
}

// replacer gives the id for a bulkId, false to leave the text as it is.
type replacer func(bulkID string) (id string, ok bool)

func (a Attributes) rewrite(o Operation, to replacer) Operation {
	o.Path = text(o.Path, to)
	if o.Data == nil {
		return o
	}
	if o.Method == http.MethodPatch {
		o.Data = a.patch(o.Data, to)
		return o
	}
	o.Data = a.object(o.Data, to)
	return o
}

// patch rewrites the body of a PATCH, where the attribute of a value stands in the path beside it.
func (a Attributes) patch(data map[string]any, to replacer) map[string]any {
	out := make(map[string]any, len(data))
	for key, value := range data {
		list, ok := value.([]any)
		if !ok || directory.Fold(key) != directory.Fold("Operations") {
			out[key] = value
			continue
		}
		steps := make([]any, len(list))
		for i, element := range list {
			steps[i] = element
			if step, ok := element.(map[string]any); ok {
				steps[i] = a.step(step, to)
			}
		}
		out[key] = steps
	}
	return out
}

// quoted is a bulkId as the value of a filter.
var quoted = regexp.MustCompile(`"` + prefix + `[^"\\]+"`)

func (a Attributes) step(step map[string]any, to replacer) map[string]any {
	out := make(map[string]any, len(step))
	given, _ := field(step, "path")
	path, _ := given.(string)
	for key, value := range step {
		switch directory.Fold(key) {
		case directory.Fold("path"):
			out[key] = value
			if path != "" {
				out[key] = quoted.ReplaceAllStringFunc(path, func(found string) string {
					return `"` + text(found[1:len(found)-1], to) + `"`
				})
			}
		case directory.Fold("value"):
			out[key] = a.value(value, path != "" && a(last(path)), to)
		default:
			out[key] = value
		}
	}
	return out
}

func (a Attributes) object(object map[string]any, to replacer) map[string]any {
	out := make(map[string]any, len(object))
	for key, value := range object {
		out[key] = a.value(value, a(last(key)), to)
	}
	return out
}

// value rewrites a value; holds says whether its attribute may hold the id of a resource. The depth is that of the body.
func (a Attributes) value(v any, holds bool, to replacer) any {
	switch v := v.(type) {
	case string:
		if holds {
			return text(v, to)
		}
		return v
	case []any:
		list := make([]any, len(v))
		for i, element := range v {
			list[i] = a.value(element, holds, to)
		}
		return list
	case map[string]any:
		return a.object(v, to)
	default:
		return v
	}
}

// text rewrites "bulkId:x", alone or at the end of an address.
func text(s string, to replacer) string {
	at := 0
	if !strings.HasPrefix(s, prefix) {
		if at = strings.Index(s, "/"+prefix) + 1; at == 0 {
			return s
		}
	}
	if id, ok := to(s[at+len(prefix):]); ok {
		return s[:at] + id
	}
	return s
}

// last returns the folded last part of an attribute path, without filters: "value" for emails[type eq "work"].value, "manager" for
// urn:…:User:manager.
func last(path string) string {
	if open := strings.IndexByte(path, '['); open >= 0 {
		end := strings.LastIndexByte(path, ']')
		if end < open {
			return ""
		}
		path = path[:open] + path[end+1:]
	}
	return directory.Fold(strings.TrimSpace(path[strings.LastIndexAny(path, ".:")+1:]))
}
