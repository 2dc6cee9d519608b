package gorgias

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/usher-scim/usher/adapters"
)

var countries = regexp.MustCompile(`^[A-Z]{2}$`)

// attributes are the writable fields by the names of Description.Fields. Those without a value are absent.
func (u user) attributes() map[string]string {
	all := map[string]string{"name": u.Name, "timezone": u.Timezone, "language": u.Language, "country": u.Country, "bio": u.Bio}
	for k, v := range all {
		if v == "" {
			delete(all, k)
		}
	}
	return all
}

// normal returns an attribute as the vendor takes it. send is false where it is left out: an empty
// time zone, which cannot be cleared, and a language that Gorgias does not have.
func normal(op, field, value string) (v string, send bool, err error) {
	value = strings.TrimSpace(value)
	switch field {
	case "name":
		if value == "" {
			return "", false, refusal(op, adapters.Invalid, "name must not be empty")
		}
	case "timezone":
		return value, value != "", nil
	case "language":
		short, _, _ := strings.Cut(strings.ReplaceAll(strings.ToLower(value), "_", "-"), "-")
		return short, short == "" || short == "en" || short == "fr", nil
	case "country":
		value = strings.ToUpper(value)
		if value != "" && !countries.MatchString(value) {
			return "", false, refusal(op, adapters.Invalid, "country must be two letters, such as AT")
		}
	case "bio":
	default:
		return "", false, refusal(op, adapters.Invalid, fmt.Sprintf("Gorgias has no field %q", field))
	}
	return value, true, nil
}

// allowed refuses a role that is not for people.
func allowed(op, role string) error {
	if !slices.Contains(roles(), role) {
		return refusal(op, adapters.Invalid, fmt.Sprintf("role %q is none of %s", role, strings.Join(roles(), ", ")))
	}
	return nil
}

// changes returns the body of an update: what c asks for and u does not have yet. Empty: nothing to do.
func changes(op string, u user, c adapters.Change) (map[string]any, error) {
	body := map[string]any{}
	if c.Email != nil && !strings.EqualFold(*c.Email, u.Email) {
		e := refusal(op, adapters.Unsupported, "Gorgias changes an e-mail address only with the password of a person")
		e.Fix = "change the address in Gorgias by hand, or delete the account and let it be created anew"
		return nil, e
	}
	if c.Licence != nil && *c.Licence != "" {
		return nil, refusal(op, adapters.Unsupported, "Gorgias has no licences")
	}
	if c.ExternalID != nil && *c.ExternalID != u.ExternalID {
		if u.ExternalID != "" {
			e := refusal(op, adapters.Conflict, "the account carries somebody else's external id")
			e.Fix = "find out which integration uses external_id in Gorgias, and clear it there if it is not needed"
			return nil, e
		}
		body["external_id"] = *c.ExternalID
	}
	if c.Role != nil && *c.Role != u.Role.Name {
		if err := allowed(op, *c.Role); err != nil {
			return nil, err
		}
		body["role"] = roleName{*c.Role}
	}
	have := u.attributes()
	for field, value := range c.Attributes {
		v, send, err := normal(op, field, value)
		switch {
		case err != nil:
			return nil, err
		case !send || v == have[field]:
		case v == "":
			body[field] = nil // bio, country and language may be null
		default:
			body[field] = v
		}
	}
	return body, nil
}
