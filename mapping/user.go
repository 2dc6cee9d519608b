package mapping

import (
	"maps"
	"slices"

	"github.com/usher-scim/usher/directory"
)

// enterprise is the URN of the enterprise extension (RFC 7643, section 4.3).
const enterprise = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"

// nameFields and addressFields are the sub-attributes of RFC 7643, sections 4.1.1 and 4.1.2, that expressions see.
var (
	nameFields    = []string{"formatted", "familyName", "givenName", "middleName", "honorificPrefix", "honorificSuffix"}
	addressFields = []string{"formatted", "streetAddress", "locality", "region", "postalCode", "country"}
	plainFields   = []string{"displayName", "nickName", "profileUrl", "title", "userType", "preferredLanguage", "locale", "timezone"}
	companyFields = []string{"employeeNumber", "costCenter", "organization", "division", "department"}
	listFields    = []string{"phoneNumbers", "ims", "photos", "entitlements", "roles"}
)

// userShape is the type of `user` in expressions. Everything a source may leave out is nilable, lists are never nil.
func userShape() shape {
	maybe, always := shape{kind: textKind, maybe: true}, shape{kind: textKind}
	list := shape{kind: listKind, elem: textKind}
	fields := map[string]shape{
		"id": always, "userName": always, "active": {kind: boolKind},
		"email": maybe, "phone": maybe, "country": maybe, "manager": maybe, "managerName": maybe,
		"givenName": maybe, "familyName": maybe, "emails": list,
		"name":    {kind: objectKind, fields: optionalTexts(nameFields)},
		"address": {kind: objectKind, fields: optionalTexts(addressFields)},
	}
	for _, name := range slices.Concat(plainFields, companyFields) {
		fields[name] = maybe
	}
	for _, name := range listFields {
		fields[name] = list
	}
	return shape{kind: objectKind, fields: fields, user: true}
}

func optionalTexts(names []string) map[string]shape {
	fields := make(map[string]shape, len(names))
	for _, name := range names {
		fields[name] = shape{kind: textKind, maybe: true}
	}
	return fields
}

// view is what the expressions of a document see of a person: the attributes that one of them names, and no others.
type view struct {
	names      []string // sorted
	extensions extensions
}

// of makes `user` of a person. Every value has the type that userShape promises or is left out: a source that writes a number as a
// title has written no title. An empty string counts as absent.
func (v *view) of(p *directory.Person) map[string]any {
	u := make(map[string]any, len(v.names))
	for _, name := range v.names {
		v.set(u, p, name)
	}
	return u
}

// Reads lists the attributes of directory.Person.Profile that the document's expressions look at, extensions by their URN, sorted.
func (m *Mapping) Reads() []string {
	set := map[string]bool{}
	for _, app := range m.apps {
		for _, name := range app.sees.names {
			set[storedAs(name)] = true
		}
	}
	if m.next != nil {
		for _, name := range m.next.Reads() {
			set[name] = true
		}
	}
	delete(set, "")
	return slices.Sorted(maps.Keys(set))
}

// storedAs is the attribute of a profile behind an attribute of user; "" for what does not come from there.
func storedAs(name string) string {
	switch name {
	case "id", "userName", "active", "email", "emails":
		return ""
	case "phone":
		return "phoneNumbers"
	case "givenName", "familyName":
		return "name"
	case "address", "country":
		return "addresses"
	case "manager", "managerName":
		return enterprise
	}
	if slices.Contains(companyFields, name) {
		return enterprise
	}
	return name
}

func (v *view) set(u map[string]any, p *directory.Person, name string) {
	switch name {
	case "id":
		u[name] = p.ID.String()
	case "userName":
		u[name] = p.UserName
	case "active":
		u[name] = p.Active
	case "emails":
		u[name] = anyList(p.Emails)
	case "email":
		if len(p.Emails) > 0 {
			setText(u, name, p.Emails[0])
		}
	case "phone":
		if phones := values(p.Profile["phoneNumbers"]); len(phones) > 0 {
			u[name] = phones[0]
		}
	case "name":
		from, _ := p.Profile["name"].(map[string]any)
		u[name] = texts(from, nameFields)
	case "givenName", "familyName":
		from, _ := p.Profile["name"].(map[string]any)
		setText(u, name, from[name])
	case "address":
		u[name] = texts(primaryAddress(p.Profile["addresses"]), addressFields)
	case "country":
		setText(u, name, primaryAddress(p.Profile["addresses"])[name])
	case "manager", "managerName":
		company, _ := p.Profile[enterprise].(map[string]any)
		manager(u, name, company["manager"])
	default:
		v.setListed(u, p, name)
	}
}

// setListed sets an attribute that stands in one of the lists above, or an extension.
func (v *view) setListed(u map[string]any, p *directory.Person, name string) {
	switch {
	case slices.Contains(listFields, name):
		u[name] = anyList(values(p.Profile[name]))
	case slices.Contains(companyFields, name):
		company, _ := p.Profile[enterprise].(map[string]any)
		setText(u, name, company[name])
	case slices.Contains(plainFields, name):
		setText(u, name, p.Profile[name])
	default:
		if e, ok := v.extensions[name]; ok {
			u[name] = e.value(p.Profile[name])
		}
	}
}

func manager(u map[string]any, name string, stored any) {
	switch stored := stored.(type) {
	case string: // as some clients write it
		if name == "manager" {
			setText(u, name, stored)
		}
	case map[string]any:
		setText(u, name, stored[map[string]string{"manager": "value", "managerName": "displayName"}[name]])
	}
}

func setText(to map[string]any, name string, value any) {
	if s, ok := value.(string); ok && s != "" {
		to[name] = s
	}
}

// texts takes the text attributes of those names.
func texts(from map[string]any, names []string) map[string]any {
	to := make(map[string]any, len(names))
	for _, name := range names {
		setText(to, name, from[name])
	}
	return to
}

// values returns the `value`s of a multi-valued attribute (RFC 7643, section 2.4), the primary one first.
func values(attribute any) []string {
	items, _ := attribute.([]any)
	var list []string
	for _, item := range items {
		switch item := item.(type) {
		case string:
			list = append(list, item)
		case map[string]any:
			value, ok := item["value"].(string)
			if !ok || value == "" {
				continue
			}
			if primary, _ := item["primary"].(bool); primary {
				list = slices.Insert(list, 0, value)
			} else {
				list = append(list, value)
			}
		}
	}
	return list
}

// primaryAddress returns the address marked as primary, else the first.
func primaryAddress(attribute any) map[string]any {
	items, _ := attribute.([]any)
	var chosen map[string]any
	for _, item := range items {
		address, ok := item.(map[string]any)
		if !ok {
			continue
		}
		if primary, _ := address["primary"].(bool); primary {
			chosen = address
			break
		}
		if chosen == nil {
			chosen = address
		}
	}
	return chosen
}

func anyList(list []string) []any {
	out := make([]any, len(list))
	for i, s := range list {
		out[i] = s
	}
	return out
}

func isURN(name string) bool { return len(name) > 4 && (name[:4] == "urn:" || name[:4] == "URN:") }
