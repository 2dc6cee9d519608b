package mapping

import (
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// Budget bounds how many people one kind of work may touch per Window before a person is asked: of n accounts (or people of
// a source), clamp(ceil(n*Percent/100), AtLeast, AtMost).
type Budget struct {
	Percent int
	AtLeast int
	AtMost  int
	Window  time.Duration
}

// Limit returns how many people may be touched per window when there are n.
func (b Budget) Limit(n int) int {
	limit := (n*b.Percent + 99) / 100
	return max(b.AtLeast, min(limit, b.AtMost))
}

// Budgets are those of one app, or of each source. The embedded one is that of removals.
type Budgets struct {
	Budget
	Suspensions Budget
	Creates     Budget
	Identities  Budget // changes of e-mail addresses
	Reductions  Budget // of role, licence or teams
}

// DefaultBudget is the budget of removals where the document says nothing.
func DefaultBudget() Budget {
	return Budget{Percent: 10, AtLeast: 3, AtMost: 25, Window: 24 * time.Hour}
}

// DefaultBudgets hold where a `budget` leaves something out; docs/mapping.md gives the reasons for the figures.
func DefaultBudgets() Budgets {
	return Budgets{
		Budget:      DefaultBudget(),
		Suspensions: DefaultBudget(),
		Creates:     Budget{Percent: 20, AtLeast: 500, AtMost: 2000, Window: 24 * time.Hour},
		Identities:  Budget{Percent: 10, AtLeast: 5, AtMost: 50, Window: 24 * time.Hour},
		Reductions:  Budget{Percent: 20, AtLeast: 10, AtMost: 100, Window: 24 * time.Hour},
	}
}

// Longest is the longest window of all.
func (b Budgets) Longest() time.Duration {
	return max(b.Window, b.Suspensions.Window, b.Creates.Window, b.Identities.Window, b.Reductions.Window)
}

// limits are the keys of one budget.
var limits = []string{"percent", "at_least", "at_most", "window"}

// budgets reads a `budget`: its own figures bound removals, and suspensions where those have none of their own.
func (r *reader) budgets(n *yaml.Node, path string) Budgets {
	f := r.fields(n, path, append([]string{"suspensions", "creates", "identities", "reductions"}, limits...)...)
	b := DefaultBudgets()
	b.Budget = r.limit(n, f, path, b.Budget)
	b.Suspensions = b.Budget
	for key, into := range map[string]*Budget{
		"suspensions": &b.Suspensions, "creates": &b.Creates, "identities": &b.Identities, "reductions": &b.Reductions,
	} {
		if own := f[key]; own != nil {
			place := join(path, key)
			*into = r.limit(own, r.fields(own, place, limits...), place, *into)
		}
	}
	return b
}

func (r *reader) limit(n *yaml.Node, f map[string]*yaml.Node, path string, b Budget) Budget {
	b.Percent = r.integer(f["percent"], path+".percent", 0, 100, b.Percent)
	b.AtLeast = r.integer(f["at_least"], path+".at_least", 0, 1_000_000, b.AtLeast)
	b.AtMost = r.integer(f["at_most"], path+".at_most", 0, 1_000_000, b.AtMost)
	if f["window"] != nil {
		b.Window = r.duration(f["window"], path+".window")
		if b.Window < time.Minute && b.Window > 0 || f["window"].Value == "0s" {
			r.add(at(f["window"]), path+".window", "must be at least 60s")
		}
	}
	if b.AtLeast > b.AtMost {
		r.add(at(n), path, "at_least (%d) is more than at_most (%d)", b.AtLeast, b.AtMost)
	}
	return b
}

// Protection is what `protect` names.
type Protection struct {
	Accounts []Text // e-mail addresses or the vendor's ids
	Roles    []Text
	Kinds    []Text // of accounts, as the app calls them, or userType of the person
}

// protection reads a list of accounts, or {emails, roles, kinds}.
func (r *reader) protection(n *yaml.Node, path string) Protection {
	if n == nil || n.Kind != yaml.MappingNode {
		return Protection{Accounts: r.texts(n, path)}
	}
	f := r.fields(n, path, "emails", "roles", "kinds")
	return Protection{
		Accounts: r.texts(f["emails"], path+".emails"),
		Roles:    r.texts(f["roles"], path+".roles"),
		Kinds:    r.texts(f["kinds"], path+".kinds"),
	}
}

// ProtectsRole says whether the document protects every account with a role.
func (a *App) ProtectsRole(role string) bool { return protects(a.protectRoles, role) }

// ProtectsKind says whether the document protects every account of a kind: "bot", "service".
func (a *App) ProtectsKind(kind string) bool { return protects(a.protectKinds, kind) }

func protects(list []string, word string) bool {
	word = fold(word)
	return word != "" && contains(list, word)
}

func folded(texts []Text) []string {
	list := make([]string, len(texts))
	for i, t := range texts {
		list[i] = fold(t.Value)
	}
	return list
}

// text is what Diff shows of budgets: the removals' figures, then those that are not what follows from nothing.
func (b Budgets) text() string {
	parts := []string{budgetText(b.Budget)}
	usual := DefaultBudgets()
	usual.Suspensions = b.Budget
	for _, k := range []struct {
		name      string
		is, usual Budget
	}{
		{"suspensions", b.Suspensions, usual.Suspensions}, {"creates", b.Creates, usual.Creates},
		{"identities", b.Identities, usual.Identities}, {"reductions", b.Reductions, usual.Reductions},
	} {
		if k.is != k.usual {
			parts = append(parts, k.name+" "+budgetText(k.is))
		}
	}
	return strings.Join(parts, "; ")
}
