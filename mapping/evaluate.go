package mapping

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/usher-scim/usher/directory"
)

// Want answers what a person's account in an app should be at a moment, why, and until when the answer holds if nothing
// changes. The rules, in their order:
//
//  1. A person who is not active is not wanted anywhere. No expression is run: one that fails keeps no leaver in.
//  2. Somebody whom people.exclude excludes is not wanted.
//  3. A deny line beats every grant.
//  4. The grants that apply add up: the strongest role and licence by rank, all teams.
//
// A membership in a deleted group counts for Freeze after the deletion, for grants and denies alike. An app that the
// document does not know is an error, as is an expression that fails on this person; the error names its place.
func (m *Mapping) Want(app string, p *directory.Person, now time.Time) (Want, error) {
	return m.decide(app, p, now, false)
}

// Decide is Want without its Text, for callers who ask about everybody and show a few: writing the sentence costs more than the answer.
func (m *Mapping) Decide(app string, p *directory.Person, now time.Time) (Want, error) {
	return m.decide(app, p, now, true)
}

func (m *Mapping) decide(app string, p *directory.Person, now time.Time, quiet bool) (Want, error) {
	if v := m.For(p); v != m {
		return v.decide(app, p, now, quiet)
	}
	a, ok := m.byKey[app]
	if !ok {
		return Want{}, fmt.Errorf("the mapping has no app %s", clip(app))
	}
	if !p.Active {
		if quiet {
			return Want{Reason: Deactivated}, nil
		}
		text := p.Inactive
		if text == "" {
			text = "the person is not active"
		}
		return Want{Reason: Deactivated, Text: text}, nil
	}
	e := &evaluation{app: a, person: p, now: now, quiet: quiet}
	w, err := e.want()
	if quiet {
		w.Text = ""
	}
	return w, err
}

// evaluation is one run of Want.
type evaluation struct {
	app    *App
	person *directory.Person
	now    time.Time
	user   map[string]any // made when the first expression needs it
	quiet  bool           // nobody reads the sentence
}

// hit is a line that applies.
type hit struct {
	line   *line
	end    time.Time // the first moment at which it no longer applies; zero for never
	frozen bool      // through deleted groups alone
	frozeU time.Time // the end of the freeze, when frozen
	via    string    // the group with its source, or the person
}

func (e *evaluation) want() (Want, error) {
	if e.app.exclude != nil {
		excluded, err := e.app.exclude.evalBool(e.see())
		if err != nil {
			return Want{}, err
		}
		if excluded {
			return Want{Reason: Excluded, Text: "people.exclude leaves this person out"}, nil
		}
	}
	reach := e.reach()
	denies, err := e.hits(e.app.denies, reach[len(e.app.grants):])
	if err != nil {
		return Want{}, err
	}
	if len(denies) > 0 {
		return Want{Reason: Denied, Text: "denied by " + e.by(denies), Next: earliest(denies)}, nil
	}
	grants, err := e.hits(e.app.grants, reach[:len(e.app.grants)])
	if err != nil {
		return Want{}, err
	}
	if len(grants) == 0 {
		return Want{Reason: Ungranted, Text: "no grant of " + e.app.Title + " applies"}, nil
	}
	return e.granted(grants)
}

func (e *evaluation) granted(grants []hit) (Want, error) {
	w := Want{Wanted: true, Reason: Granted, Next: earliest(grants)}
	for _, g := range grants {
		w.Grants = append(w.Grants, GrantHit{Line: g.line.pos.Line, By: g.line.by, Until: g.line.until})
		w.Role = strongest(e.app.rank.roles, w.Role, g.line.role)
		w.Licence = strongest(e.app.rank.licences, w.Licence, g.line.licence)
		w.Teams = append(w.Teams, g.line.teams...)
	}
	if w.Role == "" {
		w.Role = e.app.info.DefaultRole
	}
	if w.Licence == "" {
		w.Licence = e.app.info.DefaultLicence
	}
	slices.Sort(w.Teams)
	w.Teams = slices.Compact(w.Teams)
	w.Text = "granted by " + e.by(grants)
	if !slices.ContainsFunc(grants, func(g hit) bool { return !g.frozen }) {
		w.Reason = Frozen
		w.Text = "granted for now by the deleted " + e.by(grants)
	}
	for _, f := range e.app.profile {
		value, ok, err := f.value.evalText(e.see())
		if err != nil {
			return Want{}, err
		}
		if ok {
			if w.Profile == nil {
				w.Profile = map[string]string{}
			}
			w.Profile[f.name] = value
		}
	}
	return w, nil
}

func (e *evaluation) see() map[string]any {
	if e.user == nil {
		e.user = e.app.sees.of(e.person)
	}
	return e.user
}

// reached says how the person's memberships meet a line.
type reached struct {
	by    *directory.Membership // the one that counts longest
	until time.Time             // zero for a living group
}

// reach looks the person's groups up among the lines: by index, grants first and denies behind them.
func (e *evaluation) reach() []reached {
	list := make([]reached, len(e.app.grants)+len(e.app.denies))
	for i := range e.person.Memberships {
		membership := &e.person.Memberships[i]
		var until time.Time
		if !membership.Deleted.IsZero() {
			until = membership.Deleted.Add(Freeze)
			if !e.now.Before(until) {
				continue
			}
		}
		for _, at := range e.app.byGroup[membership.Group] {
			if r := &list[at]; r.by == nil || longer(until, r.until) || until.Equal(r.until) && full(membership) < full(r.by) {
				*r = reached{by: membership, until: until}
			}
		}
	}
	return list
}

// longer compares two ends of which zero is never.
func longer(a, b time.Time) bool {
	return !b.IsZero() && (a.IsZero() || a.After(b))
}

// full orders memberships, so that the text does not hang on the order in which they come.
func full(m *directory.Membership) string { return m.Name + "/" + m.Group.String() }

// hits returns the lines that apply, in document order.
func (e *evaluation) hits(lines []line, reach []reached) ([]hit, error) {
	var found []hit
	for i := range lines {
		l := &lines[i]
		if !l.until.IsZero() && !e.now.Before(l.until) {
			continue
		}
		h := hit{line: l, end: l.until}
		switch r := reach[i]; {
		case l.person != "":
			if !e.is(l.person) {
				continue
			}
			h.via = l.by
		case r.by == nil:
			continue
		default:
			h.via = e.name(r.by)
			h.frozen, h.frozeU = !r.until.IsZero(), r.until
			if h.frozen && longer(h.end, r.until) {
				h.end = r.until
			}
		}
		if l.when != nil {
			applies, err := l.when.evalBool(e.see())
			if err != nil {
				return nil, err
			}
			if !applies {
				continue
			}
		}
		found = append(found, h)
	}
	return found, nil
}

// is says whether a line's person, folded, is this one.
func (e *evaluation) is(person string) bool {
	return fold(e.person.UserName) == person || slices.ContainsFunc(e.person.Emails, func(email string) bool { return fold(email) == person })
}

// name is a group's name with its source's.
func (e *evaluation) name(m *directory.Membership) string {
	if source, ok := e.app.sources[m.Source]; ok {
		return source + "/" + m.Name
	}
	return m.Name
}

// by joins lines for a sentence: "okta/Support (line 12) and kim@acme.example (line 14, until 2027-01-01T00:00:00Z)".
func (e *evaluation) by(hits []hit) string {
	if e.quiet {
		return ""
	}
	const most = 4
	parts := make([]string, 0, most)
	for i, h := range hits {
		if i == most-1 && len(hits) > most {
			parts = append(parts, fmt.Sprintf("%d more", len(hits)-i))
			break
		}
		about := []string{fmt.Sprintf("line %d", h.line.pos.Line)}
		if h.line.by != h.via && !strings.HasSuffix(h.via, "/"+h.line.by) {
			about[0] = fmt.Sprintf("as %s on line %d", clip(h.line.by), h.line.pos.Line)
		}
		if h.frozen {
			about = append(about, "deleted, counts until "+h.frozeU.UTC().Format(time.RFC3339))
		}
		if !h.line.until.IsZero() {
			about = append(about, "until "+h.line.until.UTC().Format(time.RFC3339))
		}
		parts = append(parts, clip(h.via)+" ("+strings.Join(about, ", ")+")")
	}
	return listed(parts)
}

// earliest is the first moment at which one of the lines stops to apply; zero when none ever does.
func earliest(hits []hit) time.Time {
	var first time.Time
	for _, h := range hits {
		if !h.end.IsZero() && (first.IsZero() || h.end.Before(first)) {
			first = h.end
		}
	}
	return first
}
