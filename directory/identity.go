package directory

import (
	"encoding/json"
	"slices"
)

// identity are the attributes by which people know a person. When an IdP
// changes them together with active:false (Entra renames a deleted user to its
// object id), the earlier ones are kept (scim.md law 19).
type identity struct {
	UserName    string          `json:"userName"`
	Emails      json.RawMessage `json:"emails,omitempty"`
	DisplayName json.RawMessage `json:"displayName,omitempty"`
	Name        json.RawMessage `json:"name,omitempty"`
}

// identityNames are the attributes of an identity.
var identityNames = []string{"userName", "emails", "displayName", "name"}

// identityOf takes the identity out of what a source wrote. attributes is the decoded top level
// of its Attributes, emails the addresses for where the attribute itself is missing.
func identityOf(userName string, emails []string, attributes map[string]json.RawMessage) identity {
	id := identity{
		UserName:    userName,
		Emails:      attributes["emails"],
		DisplayName: attributes["displayName"],
		Name:        attributes["name"],
	}
	if isNull(id.Emails) {
		id.Emails = emailList(emails)
	}
	return id
}

// parseIdentity reads what Record.Kept holds. We wrote it, so it parses; what does not is empty.
func parseIdentity(kept json.RawMessage) identity {
	var id identity
	if err := json.Unmarshal(kept, &id); err != nil {
		return identity{}
	}
	return id
}

func (id identity) same(other identity) bool {
	return id.UserName == other.UserName && sameJSON(id.Emails, other.Emails) &&
		sameJSON(id.DisplayName, other.DisplayName) && sameJSON(id.Name, other.Name)
}

// replaceIn puts the identity into decoded attributes in place of theirs.
func (id identity) replaceIn(attributes map[string]json.RawMessage) {
	for _, name := range identityNames {
		delete(attributes, name)
	}
	for name, value := range map[string]json.RawMessage{
		"userName": jsonString(id.UserName), "emails": id.Emails, "displayName": id.DisplayName, "name": id.Name,
	} {
		if !isNull(value) {
			attributes[name] = value
		}
	}
}

// addresses returns the e-mail addresses, the primary one first, each once.
func (id identity) addresses() []string {
	return addressesOf(id.Emails)
}

// addressesOf reads the values of an emails attribute, the primary one first.
func addressesOf(emails json.RawMessage) []string {
	var list []json.RawMessage
	if isNull(emails) || json.Unmarshal(emails, &list) != nil {
		return nil
	}
	var found []string
	for _, element := range list {
		var email struct {
			Value   string `json:"value"`
			Primary bool   `json:"primary"`
		}
		switch err := json.Unmarshal(element, &email); {
		case err != nil || email.Value == "" || slices.Contains(found, email.Value):
		case email.Primary:
			found = slices.Insert(found, 0, email.Value)
		default:
			found = append(found, email.Value)
		}
	}
	return found
}

// emailList writes addresses as an emails attribute, the first as primary; nil for none.
func emailList(addresses []string) json.RawMessage {
	if len(addresses) == 0 {
		return nil
	}
	type email struct {
		Value   string `json:"value"`
		Primary bool   `json:"primary,omitempty"`
	}
	list := make([]email, len(addresses))
	for i, a := range addresses {
		list[i] = email{Value: a, Primary: i == 0}
	}
	raw, err := json.Marshal(list)
	if err != nil {
		return nil // strings and booleans always encode
	}
	return raw
}

func jsonString(s string) json.RawMessage {
	raw, err := json.Marshal(s)
	if err != nil {
		return nil // a string always encodes
	}
	return raw
}
