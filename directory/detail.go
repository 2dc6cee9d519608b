package directory

import (
	"encoding/json"

	"github.com/google/uuid"
)

// detail is what a change says beyond its fields: names, ids, numbers and states, never a value
// of personal data. Lists of names and ids are cut at maxNames.
type detail struct {
	Attributes []string `json:"attributes,omitempty"` // names of those that changed
	Active     *flip    `json:"active,omitempty"`
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
}

type flip struct {
	From bool `json:"from"`
	To   bool `json:"to"`
}

// encode returns nil for a detail that says nothing.
func (d detail) encode() (json.RawMessage, error) {
	d.Attributes = d.Attributes[:min(len(d.Attributes), maxNames)]
	d.Joined = d.Joined[:min(len(d.Joined), maxNames)]
	d.Left = d.Left[:min(len(d.Left), maxNames)]
	raw, err := json.Marshal(d)
	if err != nil || string(raw) == "{}" {
		return nil, err
	}
	return raw, nil
}
