package directory

import (
	"encoding/json"
	"strings"
)

const (
	// maxValueKept bounds one value, in bytes of JSON, that a change keeps of before or after.
	maxValueKept = 512
	// maxValuesKept bounds all of them together.
	maxValuesKept = 4 << 10
)

// changedValue is one attribute before and after a change, as JSON; what was not there is left out.
type changedValue struct {
	From json.RawMessage `json:"from,omitempty"`
	To   json.RawMessage `json:"to,omitempty"`
	Long bool            `json:"long,omitempty"` // the values are too long to be kept
}

// valued has attributes with names, as JSON.
type valued interface {
	value(name string) json.RawMessage
}

// changedValues returns what the named attributes were before and after, nil for none. Whether somebody is active is told by
// [detail].Active. The values are personal: audit seals them under the person's key.
func changedValues[T valued](before, after T, names []string) map[string]changedValue {
	var values map[string]changedValue
	room := maxValuesKept
	for _, name := range names[:min(len(names), maxNames)] {
		if name == "active" {
			continue
		}
		v := changedValue{From: before.value(name), To: after.value(name)}
		if len(v.From) > maxValueKept || len(v.To) > maxValueKept || len(v.From)+len(v.To) > room {
			v = changedValue{Long: true}
		}
		room -= len(v.From) + len(v.To)
		if values == nil {
			values = make(map[string]changedValue, len(names))
		}
		values[name] = v
	}
	return values
}

// value returns an attribute as JSON, by the name that differing gives it: in an extension with the URN and a colon in front. Nil
// stands for what is not there.
func (r Record) value(name string) json.RawMessage {
	switch name {
	case "userName":
		return text(r.UserName)
	case "externalId":
		return text(r.ExternalID)
	}
	return deepMember(r.Attributes, name)
}

// value is as that of a record.
func (g Group) value(name string) json.RawMessage {
	switch name {
	case "displayName":
		return text(g.Name)
	case "externalId":
		return text(g.ExternalID)
	}
	return deepMember(g.Attributes, name)
}

// deepMember returns a member of an object, or of an extension in it.
func deepMember(of json.RawMessage, name string) json.RawMessage {
	if v := member(of, name); v != nil {
		return v
	}
	urn, sub, _ := cutLast(name, ':')
	return member(member(of, urn), sub)
}

// text is a string as JSON, nil for an empty one.
func text(s string) json.RawMessage {
	if s == "" {
		return nil
	}
	raw, _ := json.Marshal(s) // a string always can
	return raw
}

// member returns a member of an object, nil when there is none.
func member(of json.RawMessage, name string) json.RawMessage {
	if len(of) == 0 || name == "" {
		return nil
	}
	var room [quickNames]attribute
	if list, ok := attributesOf(room[:0], of); ok && !escapedName(list) {
		return present(valueOf(list, []byte(name), 0))
	}
	all, err := object(of)
	if err != nil {
		return nil
	}
	return present(all[name])
}

// present returns nil for null, which stands for what is not there (RFC 7643 section 2.5).
func present(v json.RawMessage) json.RawMessage {
	if string(v) == "null" {
		return nil
	}
	return v
}

// cutLast is [strings.Cut] at the last separator.
func cutLast(s string, sep byte) (before, after string, found bool) {
	if i := strings.LastIndexByte(s, sep); i >= 0 {
		return s[:i], s[i+1:], true
	}
	return s, "", false
}
