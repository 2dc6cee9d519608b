package scim

import (
	"strconv"
	"strings"

	"github.com/usher-scim/usher/directory"
	"github.com/usher-scim/usher/scim/patch"
	"github.com/usher-scim/usher/scim/schema"
)

// Most PATCHes of users say one thing, that somebody is active or not. They are carried out on the stored attributes as bytes,
// as patch.Rules would, but without decoding, copying, comparing and encoding all of them: a third of what such a request
// cost. TestActiveAloneIsThePlainWay holds the two equal.

// activeAlone says what a PATCH sets "active" to, if that is all it does, in one of the forms in which clients write it:
// {"op":"replace","value":{"active":false}} (Okta), {"op":"Replace","path":"active","value":"False"} (Entra).
func activeAlone(operations []patch.Operation) (active, ok bool) {
	if len(operations) != 1 || operations[0].Op == patch.Remove {
		return false, false
	}
	name, value := operations[0].Path, operations[0].Value
	if name == "" {
		object, _ := value.(map[string]any)
		if len(object) != 1 {
			return false, false
		}
		for name, value = range object {
			break
		}
	}
	if !strings.EqualFold(name, "active") {
		return false, false
	}
	switch value := value.(type) {
	case bool:
		return value, true
	case string:
		return schema.ParseBool(value)
	}
	return false, false
}

// withActive returns what a user is to be with "active" set and all else as it is; false if its record was not written by a SCIM
// client, and says nothing of "active" itself.
func withActive(u directory.User, active bool) (directory.UserWrite, bool) {
	if !u.Held {
		return directory.UserWrite{}, false
	}
	stored := u.Attributes
	for m, ok := memberAt(stored, 1); ok; m, ok = memberAt(stored, m.next) {
		if string(m.name) != "active" {
			continue
		}
		attributes := append(make([]byte, 0, len(stored)+1), stored[:m.from]...)
		attributes = append(strconv.AppendBool(attributes, active), stored[m.to:]...)
		return directory.UserWrite{
			UserName: u.UserName, ExternalID: u.ExternalID, Active: active, Emails: u.Emails, Attributes: attributes,
		}, true
	}
	return directory.UserWrite{}, false
}
