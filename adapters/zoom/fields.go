package zoom

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/usher-scim/usher/adapters"
)

// field is an attribute that `profile` may set, and where it stands at Zoom.
type field struct {
	name    string // in the mapping, and of the JSON property unless it is a phone
	max     int    // characters; 0: Zoom names no bound
	created bool   // POST /users takes it; the others follow by PATCH
	listed  bool   // GET /users shows it; the others come only when a user is read alone
	keeps   bool   // Zoom has no empty value: clearing it does nothing
	label   string // of a phone
	get     func(user) string
	def     string // the mapping's default
	doc     string
}

// fields is every attribute, in the order in which people read them.
var fields = []field{
	{name: "first_name", max: 64, created: true, listed: true, get: func(u user) string { return u.FirstName },
		def: "user.givenName", doc: "given name"},
	{name: "last_name", max: 64, created: true, listed: true, get: func(u user) string { return u.LastName },
		def: "user.familyName", doc: "family name"},
	{name: "display_name", max: 128, created: true, get: func(u user) string { return u.DisplayName },
		def: "user.displayName", doc: "name shown in meetings; when cleared, Zoom builds it from first and last name"},
	{name: "job_title", max: 128, get: func(u user) string { return u.JobTitle },
		def: "user.title", doc: "job title"},
	{name: "dept", listed: true, get: func(u user) string { return u.Dept },
		def: "user.department", doc: "department"},
	{name: "company", max: 255, get: func(u user) string { return u.Company },
		def: "user.organization", doc: "company"},
	{name: "cost_center", get: func(u user) string { return u.CostCenter },
		def: "user.costCenter", doc: "cost centre"},
	{name: "manager", keeps: true, get: func(u user) string { return u.Manager },
		doc: "e-mail address of the manager; cannot be cleared"},
	{name: "location", max: 256, get: func(u user) string { return u.Location },
		def: "user.address.locality", doc: "place of work, free text"},
	{name: "timezone", listed: true, keeps: true, get: func(u user) string { return u.Timezone },
		def: "user.timezone", doc: "time zone such as Europe/Vienna; cannot be cleared"},
	{name: "language", keeps: true, get: func(u user) string { return u.Language },
		def: "user.locale", doc: "language of the web portal such as en-US; cannot be cleared"},
	{name: "phone", label: labelOffice, doc: "office phone in international form (+435550100)"},
	{name: "mobile", label: labelMobile, doc: "mobile phone in international form"},
	{name: "home_phone", label: labelHome, doc: "home phone in international form"},
	{name: "fax", label: labelFax, doc: "fax in international form; Zoom keeps three of the four numbers"},
}

func fieldNamed(name string) (field, bool) {
	i := slices.IndexFunc(fields, func(f field) bool { return f.name == name })
	if i < 0 {
		return field{}, false
	}
	return fields[i], true
}

func fieldDescriptions() []adapters.Field {
	out := make([]adapters.Field, len(fields))
	for i, f := range fields {
		out[i] = adapters.Field{Name: f.name, Default: f.def, Doc: f.doc}
	}
	return out
}

// value is what u has in the field, phones in international form.
func (f field) value(u user) string {
	if f.label == "" {
		return f.get(u)
	}
	for _, p := range u.Phones {
		if p.Label == f.label {
			return phoneString(p)
		}
	}
	return ""
}

// checkAttributes refuses what Zoom would refuse, before anything is sent.
func checkAttributes(op string, attributes map[string]string) error {
	for name, value := range attributes {
		f, ok := fieldNamed(name)
		if !ok {
			return invalid(op, fmt.Sprintf("Zoom has no field %q", name), "use one of the fields of docs/apps/zoom.md")
		}
		if f.max > 0 && utf8.RuneCountInString(value) > f.max {
			return invalid(op, fmt.Sprintf("%s is longer than the %d characters Zoom takes", name, f.max), fixText)
		}
		if f.label != "" && value != "" {
			if _, err := parsePhone(f.label, value); err != nil {
				return invalid(op, name+": "+err.Error(), fixText)
			}
		}
	}
	return nil
}

// differing keeps of attributes what u has not. attributes have passed checkAttributes.
func differing(u user, attributes map[string]string) map[string]string {
	out := map[string]string{}
	for name, value := range attributes {
		f, _ := fieldNamed(name)
		if value == "" && f.keeps {
			continue
		}
		if f.label != "" {
			if p, err := parsePhone(f.label, value); err == nil {
				value = phoneString(p)
			}
		}
		if f.value(u) != value {
			out[name] = attributes[name]
		}
	}
	return out
}

// patchOf is the body of the PATCH that sets attributes on u, nil when there is nothing to
// send. attributes have passed checkAttributes.
func patchOf(u user, attributes map[string]string) map[string]any {
	if len(attributes) == 0 {
		return nil
	}
	body := map[string]any{}
	phones := map[string]*phone{}
	for name, value := range attributes {
		f, _ := fieldNamed(name)
		if f.label == "" {
			body[f.name] = value
			continue
		}
		phones[f.label] = nil
		if p, err := parsePhone(f.label, value); err == nil {
			phones[f.label] = &p
		}
	}
	if len(phones) > 0 {
		body["phone_numbers"] = withPhones(u.Phones, phones)
	}
	return body
}

// splitCreate divides a new user's attributes into what POST /users takes and what must
// follow by PATCH. Empty ones are dropped: there is nothing to clear yet.
func splitCreate(attributes map[string]string) (first, later map[string]string) {
	first, later = map[string]string{}, map[string]string{}
	for name, value := range attributes {
		if value == "" {
			continue
		}
		if f, _ := fieldNamed(name); f.created {
			first[name] = value
		} else {
			later[name] = value
		}
	}
	return first, later
}

// invalid is a refusal of our own, before anything was sent.
func invalid(op, message, fix string) *adapters.Error {
	return &adapters.Error{Kind: adapters.Invalid, Scope: adapters.OneAccount, Op: op, Message: message, Fix: fix}
}

// userType is Zoom's number for a licence.
func userType(op, licence string) (int, error) {
	switch strings.ToLower(licence) {
	case "", Basic:
		return 1, nil
	case Licensed:
		return 2, nil
	case None:
		return 4, nil
	}
	return 0, invalid(op, fmt.Sprintf("Zoom has no licence %q", licence), "use licensed, basic or none")
}

// licenceOf names a user type. 99 is the older number of "no meetings licence"; on-premise
// users (3) count as licensed.
func licenceOf(t int) string {
	switch t {
	case 1:
		return Basic
	case 2, 3:
		return Licensed
	case 4, 99:
		return None
	}
	return ""
}
