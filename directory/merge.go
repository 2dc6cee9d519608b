package directory

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// holding is a record with what the merge needs of its source.
type holding struct {
	Record
	source *Source
}

// sortHoldings puts the holder whose word counts most first: the lower rank, then the later write.
func sortHoldings(holdings []holding) {
	slices.SortFunc(holdings, func(a, b holding) int {
		return cmp.Or(
			cmp.Compare(a.source.Rank, b.source.Rank),
			b.Modified.Compare(a.Modified),
			slices.Compare(a.source.ID[:], b.source.ID[:]),
		)
	})
}

// mergeProfile merges sorted holdings: each attribute, and in an extension each of its own
// attributes, is that of the first holder that has it (scim.md law 16). active is not
// the merge's business: the caller sets it.
func mergeProfile(holdings []holding) (map[string]any, error) {
	if len(holdings) == 1 {
		if profile, ok := holdings[0].profile(); ok {
			return profile, nil
		}
	}
	return mergeAll(holdings)
}

// profile returns what mergeAll makes of one record alone, decoded in one go, as most people have one
// record. It reports false where the record is not so simple.
func (r *Record) profile() (map[string]any, bool) {
	var profile map[string]any
	if len(r.Kept) > 0 || len(r.Attributes) == 0 || json.Unmarshal(r.Attributes, &profile) != nil || profile == nil {
		return nil, false
	}
	dropNulls(profile)
	if _, ok := profile["emails"]; !ok && len(r.Emails) > 0 {
		return nil, false
	}
	for name, value := range profile {
		if extension, ok := value.(map[string]any); ok && strings.HasPrefix(name, "urn:") {
			dropNulls(extension)
		}
	}
	for name, value := range map[string]string{"userName": r.UserName, "externalId": r.ExternalID} {
		switch {
		case !utf8.ValidString(value):
			return nil, false
		case value != "" || name == "userName":
			profile[name] = value
		default:
			delete(profile, name)
		}
	}
	return profile, true
}

func dropNulls(o map[string]any) {
	for name, value := range o {
		if value == nil {
			delete(o, name)
		}
	}
}

func mergeAll(holdings []holding) (map[string]any, error) {
	profile := make(map[string]any)
	for _, h := range holdings {
		attributes, err := h.effective()
		if err != nil {
			return nil, fmt.Errorf("read the record of %s: %w", h.source.Name, err)
		}
		for name, raw := range attributes {
			if err := mergeAttribute(profile, name, raw); err != nil {
				return nil, fmt.Errorf("read the record of %s: %w", h.source.Name, err)
			}
		}
	}
	return profile, nil
}

func mergeAttribute(profile map[string]any, name string, raw json.RawMessage) error {
	if isNull(raw) {
		return nil
	}
	known, taken := profile[name]
	if !isExtension(name, raw) {
		if taken {
			return nil
		}
		value, err := plain(raw)
		profile[name] = value
		return err
	}
	extension, ok := known.(map[string]any)
	if taken && !ok {
		return nil
	}
	if extension == nil {
		extension = make(map[string]any)
		profile[name] = extension
	}
	inside, err := object(raw)
	if err != nil {
		return err
	}
	for sub, subRaw := range inside {
		if _, taken := extension[sub]; taken || isNull(subRaw) {
			continue
		}
		if extension[sub], err = plain(subRaw); err != nil {
			return err
		}
	}
	return nil
}

// effective returns the record's attributes as they count for the person: with
// the record's own fields in their place, and with the kept identity instead of its own where
// one is in force.
func (r *Record) effective() (map[string]json.RawMessage, error) {
	attributes, err := object(r.Attributes)
	if err != nil {
		return nil, err
	}
	if attributes == nil {
		attributes = make(map[string]json.RawMessage)
	}
	id := identityOf(r.UserName, r.Emails, attributes)
	if len(r.Kept) > 0 {
		id = parseIdentity(r.Kept)
	}
	id.replaceIn(attributes)
	delete(attributes, "externalId")
	if r.ExternalID != "" {
		attributes["externalId"] = jsonString(r.ExternalID)
	}
	return attributes, nil
}

// knownAs returns the userName that the record stands for.
func (r *Record) knownAs() string {
	if len(r.Kept) > 0 {
		return parseIdentity(r.Kept).UserName
	}
	return r.UserName
}

// addresses returns the e-mail addresses that the record stands for, the primary one first.
func (r *Record) addresses() []string {
	if len(r.Kept) > 0 {
		return parseIdentity(r.Kept).addresses()
	}
	return r.Emails
}

// mergePerson merges what is known of a person.
func mergePerson(person *Person, holdings []holding, denies []Deny, sources []*Source) error {
	sortHoldings(holdings)
	var err error
	if person.Profile, err = mergeProfile(holdings); err != nil {
		return err
	}
	person.Denies = denies
	person.Inactive = inactive(holdings, denies, sources)
	if t := person.Terminated; t != nil {
		person.Inactive = fmt.Sprintf("terminated by %s on %s: %s", t.By, t.At.Format("2006-01-02"), t.Reason)
	}
	person.Active = person.Inactive == ""
	for _, h := range holdings {
		person.Holders = append(person.Holders, Holder{Source: h.Source, Name: h.source.Name, Active: h.Active})
		if len(person.Emails) == 0 {
			person.Emails = slices.Clone(h.addresses())
		}
	}
	if len(holdings) > 0 {
		person.UserName, _ = person.Profile["userName"].(string)
		person.Profile["active"] = person.Active
	}
	return nil
}

// inactive says why a person has no access, in words; "" when nothing speaks against it.
func inactive(holdings []holding, denies []Deny, sources []*Source) string {
	if len(holdings) == 0 {
		return "no source holds this person"
	}
	var reasons []string
	for _, h := range holdings {
		if !h.Active {
			reasons = append(reasons, h.source.title()+" says active: false")
		}
	}
	for _, y := range denies {
		by := ""
		for _, s := range sources {
			if s.ID == y.Source {
				by = s.title()
			}
		}
		reasons = append(reasons, fmt.Sprintf("%s deleted the user on %s", by, y.At.Format("2006-01-02")))
	}
	return strings.Join(reasons, "; ")
}

// title is the source's name in a sentence.
func (s *Source) title() string {
	if !s.Removed.IsZero() {
		return s.Name + " (removed)"
	}
	return s.Name
}
