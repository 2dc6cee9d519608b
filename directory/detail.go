package directory

import (
	"encoding/json"
	"strconv"

	"github.com/google/uuid"
)

// detail is what a change says beyond its fields: names, ids, numbers and states. The one place of personal data is Values.
// Lists of names and ids are cut at maxNames.
type detail struct {
	Attributes []string                `json:"attributes,omitempty"` // names of those that changed
	Values     map[string]changedValue `json:"values,omitempty"`     // what they were and are, by name
	Active     *flip                   `json:"active,omitempty"`
	// Added and Removed count members. The change's persons, with its parts behind
	// them, are those added, then those removed.
	Added   int `json:"added,omitempty"`
	Removed int `json:"removed,omitempty"`
	// Pending counts how the number of members that wait for their user changed.
	Pending int         `json:"pending,omitempty"`
	Expired int         `json:"expired,omitempty"` // pending members whose time was over
	Joined  []uuid.UUID `json:"joined,omitempty"`  // groups that had waited for the user
	Left    []uuid.UUID `json:"left,omitempty"`    // groups that the deleted user was in
	Source  uuid.UUID   `json:"source,omitzero"`   // whose deny was cleared
	Reason  string      `json:"reason,omitempty"`  // why an administrator did it
}

type flip struct {
	From bool `json:"from"`
	To   bool `json:"to"`
}

// encode returns nil for a detail that says nothing.
func (d detail) encode() (json.RawMessage, error) {
	if raw, ok := d.encodeCommon(); ok {
		return raw, nil
	}
	d.Attributes = d.Attributes[:min(len(d.Attributes), maxNames)]
	d.Joined = d.Joined[:min(len(d.Joined), maxNames)]
	d.Left = d.Left[:min(len(d.Left), maxNames)]
	raw, err := json.Marshal(d)
	if err != nil || string(raw) == "{}" {
		return nil, err
	}
	return raw, nil
}

// encodeCommon writes what most acts say, nothing, or a few attributes with plain names, as encode does.
func (d detail) encodeCommon() (json.RawMessage, bool) {
	if d.Added|d.Removed|d.Pending|d.Expired != 0 || len(d.Joined)+len(d.Left)+len(d.Values) > 0 || d.Source != uuid.Nil || d.Reason != "" || len(d.Attributes) > maxNames {
		return nil, false
	}
	if len(d.Attributes) == 0 && d.Active == nil {
		return nil, true
	}
	raw := append(make([]byte, 0, 96), '{')
	for i, name := range d.Attributes {
		if !plainName(name) {
			return nil, false
		}
		if i == 0 {
			raw = append(raw, `"attributes":["`...)
		} else {
			raw = append(raw, `,"`...)
		}
		raw = append(append(raw, name...), '"')
	}
	if len(d.Attributes) > 0 {
		raw = append(raw, ']')
	}
	if d.Active != nil {
		if len(d.Attributes) > 0 {
			raw = append(raw, ',')
		}
		raw = strconv.AppendBool(append(raw, `"active":{"from":`...), d.Active.From)
		raw = strconv.AppendBool(append(raw, `,"to":`...), d.Active.To)
		raw = append(raw, '}')
	}
	return append(raw, '}'), true
}

// plainName reports whether a name stands in JSON as it is.
func plainName(name string) bool {
	for i := range len(name) {
		switch c := name[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '.', c == ':', c == '-', c == '_', c == '$':
		default:
			return false
		}
	}
	return true
}
