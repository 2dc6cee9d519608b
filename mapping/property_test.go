package mapping_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/usher-scim/usher/directory"
	"github.com/usher-scim/usher/mapping"
)

var groupNames = []string{"A", "B", "C", "D"}

// grantLine draws a grant; groups, people, roles and moments are few, so that lines meet.
func grantLine(t *rapid.T) string {
	parts := []string{drawWho(t)}
	if role := rapid.SampledFrom([]string{"", "admin", "agent", "lite-agent"}).Draw(t, "role"); role != "" {
		parts = append(parts, "role: "+role)
	}
	if team := rapid.SampledFrom([]string{"", "red", "blue"}).Draw(t, "team"); team != "" {
		parts = append(parts, "teams: ["+team+"]")
	}
	if hours := rapid.IntRange(-2, 40).Draw(t, "until"); hours > 0 {
		parts = append(parts, "until: "+now.Add(time.Duration(hours)*time.Hour).Format(time.RFC3339))
	}
	return "{" + strings.Join(parts, ", ") + "}"
}

func drawWho(t *rapid.T) string {
	who := rapid.SampledFrom([]string{"group: A", "group: B", "group: C", "group: some", "person: kim@acme.example", "person: other@acme.example"}).Draw(t, "who")
	when := rapid.SampledFrom([]string{"", `user.title == "X"`, `user.country != nil && user.country in ["FR"]`, `(user.department ?? "") startsWith "R"`}).Draw(t, "when")
	if when != "" {
		who += ", when: '" + when + "'"
	}
	return who
}

func document(grants, denies []string) string {
	return "version: 1\ngroups: {some: [B, D]}\npeople: {exclude: 'user.userType == \"Guest\"'}\napps:\n  gorgias:\n    connection: gorgias-prod\n    grants: [" +
		strings.Join(grants, ", ") + "]\n    deny: [" + strings.Join(denies, ", ") + "]\n"
}

func drawGrants(t *rapid.T) []string {
	return rapid.SliceOfN(rapid.Custom(grantLine), 0, 6).Draw(t, "grants")
}

func drawDenies(t *rapid.T) []string {
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) string { return "{" + drawWho(t) + "}" }), 0, 2).Draw(t, "denies")
}

// drawValue draws what a source may have written, sensible or not.
func drawValue(t *rapid.T) any {
	return rapid.SampledFrom([]any{
		nil, "", "X", "FR", "Guest", "R&D", 3.5, true, []any{}, []any{"x", 1.0, nil}, []any{map[string]any{"country": "FR", "primary": "yes"}},
		map[string]any{"value": 1.0}, map[string]any{"department": "R&D", "manager": []any{}}, map[string]any{"givenName": nil},
	}).Draw(t, "value")
}

func drawPerson(t *rapid.T) *directory.Person {
	p := person()
	p.Active = rapid.IntRange(0, 9).Draw(t, "active") > 0
	p.Profile = map[string]any{}
	for _, name := range []string{"title", "userType", "addresses", "name", "emails", "phoneNumbers", "roles", enterprise, "urn:x:y"} {
		if rapid.Bool().Draw(t, "has "+name) {
			p.Profile[name] = drawValue(t)
		}
	}
	for _, group := range groupNames {
		switch rapid.IntRange(0, 2).Draw(t, "in "+group) {
		case 1:
			p.Memberships = append(p.Memberships, member(okta, group))
		case 2:
			ago := time.Duration(rapid.IntRange(0, 30).Draw(t, "deleted hours ago")) * time.Hour
			p.Memberships = append(p.Memberships, deleted(okta, group, now.Add(-ago)))
		}
	}
	return p
}

// outcome is a Want without what names lines.
func outcome(w mapping.Want) mapping.Want {
	w.Grants, w.Text = nil, ""
	return w
}

func TestOrderMakesNoDifference(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		grants, denies, p := drawGrants(t), drawDenies(t), drawPerson(t)
		shuffled := rapid.Permutation(grants).Draw(t, "shuffled")
		turned := *p
		turned.Memberships = rapid.Permutation(p.Memberships).Draw(t, "memberships")
		first := rapidWant(t, document(grants, denies), p, now)
		second := rapidWant(t, document(shuffled, denies), &turned, now)
		if diff := cmp.Diff(outcome(first), outcome(second)); diff != "" {
			t.Fatalf("another order, another answer:\n%s", diff)
		}
	})
}

// Who reads of a profile only what Reads names, gets the same answer.
func TestNothingElseOfAProfileCounts(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		m, p := rapidMapping(t, document(drawGrants(t), drawDenies(t))), drawPerson(t)
		part := *p
		part.Profile = maps.Clone(p.Profile)
		reads := m.Reads()
		maps.DeleteFunc(part.Profile, func(name string, _ any) bool { return !slices.Contains(reads, name) })
		whole, err := m.Want("gorgias", p, now)
		got, partErr := m.Want("gorgias", &part, now)
		if diff := cmp.Diff(whole, got); diff != "" || fmt.Sprint(err) != fmt.Sprint(partErr) {
			t.Fatalf("reads %v: errors %v and %v (-whole +part):\n%s", reads, err, partErr, diff)
		}
		decided, err := m.Decide("gorgias", p, now)
		if whole.Text = ""; err == nil && !cmp.Equal(decided, whole) {
			t.Fatalf("decided %+v, wanted %+v", decided, whole)
		}
	})
}

func TestDenyWins(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		p := drawPerson(t)
		denies := append(drawDenies(t), "{person: kim@acme.example}")
		if w := rapidWant(t, document(drawGrants(t), denies), p, now); w.Wanted {
			t.Fatalf("wanted in spite of a deny: %+v", w)
		}
	})
}

func TestAnotherGrantTakesNothingAway(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		grants, denies, p := drawGrants(t), drawDenies(t), drawPerson(t)
		before := rapidWant(t, document(grants, denies), p, now)
		at := rapid.IntRange(0, len(grants)).Draw(t, "at")
		after := rapidWant(t, document(slices.Insert(slices.Clone(grants), at, grantLine(t)), denies), p, now)
		if before.Wanted && !after.Wanted {
			t.Fatalf("a further grant made %+v of %+v", after, before)
		}
		for _, team := range before.Teams {
			if !slices.Contains(after.Teams, team) {
				t.Fatalf("a further grant took the team %s away", team)
			}
		}
	})
}

// An answer holds until Next: at every hour before it is the same, and one without Next is the same for ever.
func TestAnswerHoldsUntilNext(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		m, p := rapidMapping(t, document(drawGrants(t), drawDenies(t))), drawPerson(t)
		first := ask(t, m, p, now)
		if !first.Next.IsZero() && !first.Next.After(now) {
			t.Fatalf("the next change, %v, is not ahead of %v", first.Next, now)
		}
		moments := []time.Time{first.Next.Add(-time.Nanosecond)}
		for hours := range 72 {
			moments = append(moments, now.Add(time.Duration(hours)*time.Hour+30*time.Minute), now.Add(time.Duration(hours)*time.Hour))
		}
		for _, moment := range moments {
			if moment.Before(now) || !first.Next.IsZero() && !moment.Before(first.Next) {
				continue
			}
			if diff := cmp.Diff(first, ask(t, m, p, moment)); diff != "" {
				t.Fatalf("at %v, before %v, the answer is another:\n%s", moment, first.Next, diff)
			}
		}
	})
}

// Exactly one reason fits each answer, and nothing is given to who is not wanted.
func TestAnswersAreConsistent(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		p := drawPerson(t)
		w := rapidWant(t, document(drawGrants(t), drawDenies(t)), p, now)
		wanted := w.Reason == mapping.Granted || w.Reason == mapping.Frozen
		switch {
		case w.Wanted != wanted:
			t.Fatalf("wanted is %v, the reason %s", w.Wanted, w.Reason)
		case w.Text == "":
			t.Fatal("no text")
		case (w.Reason == mapping.Deactivated) == p.Active:
			t.Fatalf("active is %v, the reason %s", p.Active, w.Reason)
		case w.Reason == mapping.Frozen && w.Next.IsZero():
			t.Fatal("frozen for ever")
		case w.Wanted && (len(w.Grants) == 0 || w.Role == "" || !slices.IsSorted(w.Teams)):
			t.Fatalf("wanted with %+v", w)
		case !w.Wanted && (len(w.Grants)+len(w.Teams)+len(w.Profile) > 0 || w.Role != "" || w.Licence != ""):
			t.Fatalf("not wanted, but given %+v", w)
		}
	})
}

// rapidWant compiles, binds and asks.
func rapidWant(t *rapid.T, src string, p *directory.Person, at time.Time) mapping.Want {
	return ask(t, rapidMapping(t, src), p, at)
}

func ask(t *rapid.T, m *mapping.Mapping, p *directory.Person, at time.Time) mapping.Want {
	w, err := m.Want("gorgias", p, at)
	if err != nil {
		t.Fatalf("Want: %v", err)
	}
	return w
}

func rapidMapping(t *rapid.T, src string) *mapping.Mapping {
	doc, err := mapping.Parse([]byte(src))
	if err != nil {
		t.Fatalf("Parse: %v\n%s", err, src)
	}
	c, err := mapping.Compile(doc, apps(), []directory.Source{okta})
	if err != nil {
		t.Fatalf("Compile: %v", err)
	}
	b := mapping.Bindings{}
	for _, ref := range c.GroupRefs() {
		b[mapping.BindingKey{App: ref.App, Name: ref.Name}] = mapping.Binding{App: ref.App, Name: ref.Name, Group: id(ref.Group)}
	}
	return c.With(1, b)
}

func BenchmarkWant(b *testing.B) {
	m := bound(b, acme, both...)
	p := kim()
	for i := range 50 {
		p.Memberships = append(p.Memberships, member(okta, fmt.Sprint("group ", i)))
	}
	p.Memberships = append(p.Memberships, member(okta, "Support"))
	for b.Loop() {
		if _, err := m.Want("gorgias", p, now); err != nil {
			b.Fatal(err)
		}
	}
}
