package directory

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// check refuses what no source may write.
func (w UserWrite) check() error {
	if strings.TrimSpace(w.UserName) == "" {
		return &Error{Code: Invalid, Field: "userName", Message: "userName must not be empty"}
	}
	if err := checkValue("userName", w.UserName); err != nil {
		return err
	}
	if err := checkValue("externalId", w.ExternalID); err != nil {
		return err
	}
	if len(w.Emails) > MaxEmails {
		return &Error{Code: TooMany, Field: "emails", Message: fmt.Sprintf("a user has at most %d e-mail addresses", MaxEmails)}
	}
	for _, email := range w.Emails {
		if err := checkValue("emails", email); err != nil {
			return err
		}
	}
	return checkAttributes(w.Attributes)
}

// checkValue bounds a string that gets into an index.
func checkValue(field, value string) error {
	switch {
	case len(value) > MaxValue:
		return &Error{Code: Invalid, Field: field, Message: fmt.Sprintf("%s is longer than %d bytes", field, MaxValue)}
	case !searchable(value):
		return &Error{Code: Invalid, Field: field, Message: field + " is not valid UTF-8 text"}
	}
	return nil
}

// searchable reports whether a value can stand in an index at all.
func searchable(value string) bool {
	return len(value) <= MaxValue && utf8.ValidString(value) && strings.IndexByte(value, 0) < 0
}

func checkAttributes(attributes json.RawMessage) error {
	if len(attributes) > MaxAttributes {
		return &Error{Code: Invalid, Message: fmt.Sprintf("the attributes are longer than %d bytes", MaxAttributes)}
	}
	if len(attributes) > 0 && !validObject(attributes) {
		return &Error{Code: Invalid, Message: "the attributes are not a JSON object"}
	}
	return nil
}

// attributes is what is stored of the attributes: an object, also when there are none.
func (w UserWrite) attributes() json.RawMessage {
	if len(w.Attributes) == 0 {
		return json.RawMessage("{}")
	}
	return w.Attributes
}

// apply returns the record after a write, and the sorted names of the attributes it
// changed. With no names the write changed nothing, and the record is as it was.
func (r Record) apply(w UserWrite, at time.Time) (Record, []string, error) {
	names, err := differing(r.Attributes, w.attributes())
	if err != nil {
		return r, nil, fmt.Errorf("compare attributes: %w", err)
	}
	for _, field := range []struct {
		name    string
		changed bool
	}{
		{"userName", r.UserName != w.UserName},
		{"externalId", r.ExternalID != w.ExternalID},
		{"active", r.Active != w.Active},
		{"emails", !slices.Equal(r.Emails, w.Emails)},
	} {
		if field.changed && !slices.Contains(names, field.name) {
			names = append(names, field.name)
		}
	}
	if len(names) == 0 {
		return r, nil, nil
	}
	slices.Sort(names)

	next := r
	next.UserName, next.ExternalID, next.Active = w.UserName, w.ExternalID, w.Active
	next.Emails, next.Attributes = w.Emails, w.attributes()
	next.Version++
	next.Modified = at
	if slices.ContainsFunc(identityNames, func(n string) bool { return slices.Contains(names, n) }) {
		if next.Kept, err = r.keep(w); err != nil {
			return r, nil, err
		}
	}
	return next, names, nil
}

// keep returns Kept after a write that changes the identity (scim.md law 19): one
// that leaves the record active says who the person is, one that leaves it inactive
// does not, and the identity of before it stays in force.
func (r Record) keep(w UserWrite) (json.RawMessage, error) {
	if w.Active {
		return nil, nil
	}
	before, err := object(r.Attributes)
	if err != nil {
		return nil, fmt.Errorf("read attributes: %w", err)
	}
	after, err := object(w.Attributes)
	if err != nil {
		return nil, fmt.Errorf("read attributes: %w", err)
	}
	kept := identityOf(r.UserName, r.Emails, before)
	if len(r.Kept) > 0 {
		kept = parseIdentity(r.Kept)
	}
	if kept.same(identityOf(w.UserName, w.Emails, after)) {
		return nil, nil // renamed back
	}
	return json.Marshal(kept)
}
