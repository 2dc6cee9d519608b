package gorgias

import (
	"net/mail"
	"regexp"
	"slices"
	"strings"
	"time"
)

const (
	notString = "Not a valid string."
	notNull   = "Field may not be null."
)

var (
	timezones = regexp.MustCompile(`^[A-Za-z_]+(/[A-Za-z0-9_+-]+){0,2}$`)
	countries = regexp.MustCompile(`^[A-Z]{2}$`)
	roles     = []string{"admin", "agent", "basic-agent", "lite-agent", "observer-agent", "internal-agent", "bot"}
)

var passwordFields = map[string]bool{"password_confirmation": true, "new_password": true, "old_password": true, "two_fa_code": true}

// setter puts a value from a body into a user, or says what is wrong with it.
// What may be null differs between creation and update.
type setter func(u *User, value any, update bool, wrong problems)

// userFields are the fields that may be written by creation and update alike.
func userFields() map[string]setter {
	return map[string]setter{
		"name": func(u *User, v any, _ bool, wrong problems) {
			if s, ok := text(v, false, "name", wrong); ok {
				if strings.TrimSpace(s) == "" {
					wrong.add("name", "Shorter than minimum length 1.")
				}
				u.Name = s
			}
		},
		"email": func(u *User, v any, _ bool, wrong problems) {
			if s, ok := text(v, false, "email", wrong); ok {
				if !isEmail(s) {
					wrong.add("email", "Not a valid email address.")
				}
				u.Email = s
			}
		},
		"role": setRole,
		"bio": func(u *User, v any, _ bool, wrong problems) {
			if s, ok := text(v, true, "bio", wrong); ok {
				u.Bio = s
			}
		},
		"country": func(u *User, v any, _ bool, wrong problems) {
			if s, ok := text(v, true, "country", wrong); ok {
				if v != nil && !countries.MatchString(s) {
					wrong.add("country", "Not a valid country.")
				}
				u.Country = s
			}
		},
		"external_id": func(u *User, v any, update bool, wrong problems) {
			if s, ok := text(v, update, "external_id", wrong); ok {
				u.ExternalID = s
			}
		},
		"language": func(u *User, v any, _ bool, wrong problems) {
			if s, ok := text(v, true, "language", wrong); ok {
				if v != nil && s != "fr" && s != "en" {
					wrong.add("language", "Must be one of: fr, en.")
				}
				u.Language = s
			}
		},
		"timezone": func(u *User, v any, _ bool, wrong problems) {
			if s, ok := text(v, true, "timezone", wrong); ok {
				if v != nil && !timezones.MatchString(s) {
					wrong.add("timezone", "Not a valid timezone.")
				}
				u.Timezone = s
			}
		},
		// meta is replaced as a whole.
		"meta": func(u *User, v any, update bool, wrong problems) {
			m, ok := v.(map[string]any)
			if !ok && (v != nil || !update) {
				wrong.add("meta", "Not a valid mapping type.")
			}
			u.Meta = m
		},
	}
}

func setRole(u *User, v any, _ bool, wrong problems) {
	o, ok := v.(map[string]any)
	if !ok {
		wrong.add("role", "Invalid input type.")
		return
	}
	for k := range o {
		if k != "name" {
			wrong.add("role."+k, "Unknown field.")
		}
	}
	name, ok := o["name"].(string)
	switch {
	case !ok:
		wrong.add("role.name", "Missing data for required field.")
	case !slices.Contains(roles, name):
		wrong.add("role.name", "Must be one of: "+strings.Join(roles, ", ")+".")
	default:
		u.Role = name
	}
}

func setActive(u *User, v any, now time.Time, wrong problems) {
	on, ok := v.(bool)
	switch {
	case !ok:
		wrong.add("active", "Not a valid boolean.")
	case on:
		u.DeactivatedAt = time.Time{}
	case u.active():
		u.DeactivatedAt = now
	}
}

// text reads a string, or null where that is allowed ("" then).
func text(v any, nullable bool, field string, wrong problems) (string, bool) {
	if v == nil {
		if !nullable {
			wrong.add(field, notNull)
		}
		return "", nullable
	}
	s, ok := v.(string)
	if !ok {
		wrong.add(field, notString)
	}
	return s, ok
}

func isEmail(s string) bool {
	a, err := mail.ParseAddress(s)
	return err == nil && a.Address == s && len(s) <= 320
}
