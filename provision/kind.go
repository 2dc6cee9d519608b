package provision

import (
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/usher-scim/usher/adapters"
	"github.com/usher-scim/usher/mapping"
)

// Kind is a kind of effect on a person's account. Budgets count people by it, plans tally by it, and
// what is held of one kind never delays another.
type Kind string

const (
	// Removals end an account for good, now or at a later step of the mapping's list.
	Removals Kind = "removal"
	// Suspensions end or cut down a sign-in and keep the account: nothing in the mapping's list deletes it.
	Suspensions Kind = "suspension"
	// Creates make or invite an account. An account that turns out to be there is adopted instead, and was counted.
	Creates Kind = "create"
	// AdminGrants give an administrator's role. A person approves each, whatever the budgets say.
	AdminGrants Kind = "admin-grant"
	// Identities change the e-mail address of an account.
	Identities Kind = "identity"
	// Reductions take a role, a licence or teams from somebody who keeps the account.
	Reductions Kind = "reduction"
)

// Kinds lists the kinds, the most hurtful first.
func Kinds() []Kind {
	return []Kind{Removals, Suspensions, AdminGrants, Creates, Identities, Reductions}
}

// Effect is one thing that a plan does to a person's account and that can hurt.
type Effect struct {
	Kind    Kind      `json:"kind"`
	Account uuid.UUID `json:"account,omitzero"` // zero for an account that is to be obtained
	// Fingerprint names exactly what would be done, so that an admission or a decision holds for that and nothing else.
	Fingerprint string `json:"fingerprint"`
	Text        string `json:"text"` // what would be done, to follow "would": "get the role admin"
}

// endingKind says whether somebody who is not wanted loses the account for good or only the sign-in.
func endingKind(app *mapping.App, w mapping.Want) Kind {
	for _, s := range app.Steps(w) {
		if final(adapters.Action(s.Action)) {
			return Removals
		}
	}
	return Suspensions
}

func endingEffect(app *mapping.App, w mapping.Want, a *Account) Effect {
	e := Effect{Kind: endingKind(app, w), Account: a.ID, Fingerprint: budgetFingerprint(a), Text: "lose the account"}
	if e.Kind == Suspensions {
		e.Text = "lose the sign-in"
	}
	return e
}

func createEffect(email string) Effect {
	return Effect{Kind: Creates, Fingerprint: "create", Text: "get the account " + email}
}

func adminEffect(a *Account, role string) Effect {
	e := Effect{Kind: AdminGrants, Fingerprint: "admin " + role, Text: "get the administrator's role " + role}
	if a != nil {
		e.Account = a.ID
	}
	return e
}

func identityEffect(a *Account, email string) Effect {
	return Effect{
		Kind: Identities, Account: a.ID, Fingerprint: "identity " + a.ID.String() + " " + email,
		Text: "have the address changed from " + a.Email + " to " + email,
	}
}

// reduced is what somebody who keeps the account would lose of it; empty fields stay.
type reduced struct {
	role, licence string // the weaker ones that are wanted
	leave         []string
}

func (r reduced) none() bool { return r.role == "" && r.licence == "" && len(r.leave) == 0 }

func reductionEffect(a *Account, r reduced) Effect {
	var words []string
	if r.role != "" {
		words = append(words, "the role "+a.Role+" for "+r.role)
	}
	if r.licence != "" {
		words = append(words, "the licence "+a.Licence+" for "+r.licence)
	}
	leave := slices.Sorted(slices.Values(r.leave))
	if len(leave) > 0 {
		words = append(words, "the teams "+strings.Join(leave, ", "))
	}
	return Effect{
		Kind: Reductions, Account: a.ID, Text: "lose " + strings.Join(words, " and "),
		Fingerprint: strings.Join([]string{"reduction", a.ID.String(), r.role, r.licence, strings.Join(leave, ",")}, " "),
	}
}
