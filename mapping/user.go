package mapping

import (
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
	return shape{kind: objectKind, fields: fields, extensions: true}
}

func optionalTexts(names []string) map[string]shape {
	fields := make(map[string]shape, len(names))
	for _, name := range names {
		fields[name] = shape{kind: textKind, maybe: true}
	}
	return fields
}

// userValue is what an expression sees of a person. Every value has the type that userShape promises or is left out: a
// source that writes a number as a title has written no title. An empty string counts as absent.
func userValue(p *directory.Person) map[string]any {
	u := map[string]any{
		"id": p.ID.String(), "userName": p.UserName, "active": p.Active,
		"emails": anyList(p.Emails),
	}
	if len(p.Emails) > 0 {
		setText(u, "email", p.Emails[0])
	}
	copyTexts(u, p.Profile, plainFields)
	for _, name := range listFields {
		u[name] = anyList(values(p.Profile[name]))
	}
	if phones := values(p.Profile["phoneNumbers"]); len(phones) > 0 {
		u["phone"] = phones[0]
	}

	name := map[string]any{}
	if from, ok := p.Profile["name"].(map[string]any); ok {
		copyTexts(name, from, nameFields)
	}
	u["name"] = name
	setText(u, "givenName", name["givenName"])
	setText(u, "familyName", name["familyName"])

	address := primaryAddress(p.Profile["addresses"])
	u["address"] = address
	setText(u, "country", address["country"])

	for urn, value := range p.Profile {
		if extension, ok := value.(map[string]any); ok && isURN(urn) {
			u[urn] = scalars(extension)
		}
	}
	if company, ok := p.Profile[enterprise].(map[string]any); ok {
		copyTexts(u, company, companyFields)
		switch manager := company["manager"].(type) {
		case string: // as some clients write it
			setText(u, "manager", manager)
		case map[string]any:
			setText(u, "manager", manager["value"])
			setText(u, "managerName", manager["displayName"])
		}
	}
	return u
}

func setText(to map[string]any, name string, value any) {
	if s, ok := value.(string); ok && s != "" {
		to[name] = s
	}
}

func copyTexts(to, from map[string]any, names []string) {
	for _, name := range names {
		setText(to, name, from[name])
	}
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
	to := map[string]any{}
	copyTexts(to, chosen, addressFields)
	return to
}

// scalars keeps the simple attributes of an extension.
func scalars(extension map[string]any) map[string]any {
	kept := make(map[string]any, len(extension))
	for name, value := range extension {
		switch value := value.(type) {
		case string:
			setText(kept, name, value)
		case bool, float64:
			kept[name] = value
		}
	}
	return kept
}

func anyList(list []string) []any {
	out := make([]any, len(list))
	for i, s := range list {
		out[i] = s
	}
	return out
}

func isURN(name string) bool { return len(name) > 4 && (name[:4] == "urn:" || name[:4] == "URN:") }
