package demo

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/usher-scim/usher/cmd/usher/client"
	"github.com/usher-scim/usher/provision"
	"github.com/usher-scim/usher/sandbox/zoom"
)

// week plays the scenes in their order.
type week struct {
	stage *stage
	view  *view
	cast  *cast
	okta  okta
	entra entra

	facts known             // told already
	teams map[string]string // of each person and app, as told last
	calls int64             // the last call of the vendors' log that was told
	ids   directoryOfIDs    // of the vendors
	began time.Time         // of the scene that runs
	acted time.Time         // when its last request was answered
}

// scene is one thing that happens, and what must have followed from it before the next.
type scene struct {
	when, what string
	text       string
	act        func(context.Context) error
	until      outcome // of the addresses it is about
	// also is another condition; it returns what is missing, "" when nothing is.
	also func(context.Context) (string, error)
}

func (w *week) scenes() []scene {
	c := w.cast
	return []scene{
		{
			when: "Monday", what: "Okta pushes nine people and five groups",
			text: "Usher is new at Acme; only Mara has an account at Gorgias, made by hand. Okta looks for each user before it creates one, then pushes groups and their members. Groups decide who gets what.",
			act:  w.pushOkta,
			until: outcome{
				c.ida.login:   {"", "Ida Torres: licensed"},
				c.mara.login:  {"Mara Lind: agent in Leads", "Mara Lind: licensed"},
				c.samir.login: {"", "Samir Haddad: licensed"},
				c.kim.login:   {"Kim Sato: basic-agent in Tier 1", "Kim Sato: basic"},
				c.lee.login:   {"Lee Novak: basic-agent in Tier 1", "Lee Novak: basic"},
				c.ana.login:   {"Ana Costa: basic-agent in Tier 1", "Ana Costa: basic"},
				c.paul.login:  {"", "Paul Berg: licensed"},
				c.jo.login:    {"", "Jo Keller: licensed"},
				c.rosa.login:  {"", "Rosa Vidal: licensed"},
			},
		},
		{
			when: "Monday", what: "Entra pushes the team that was taken over",
			text: "The same idea in another dialect: capital operations, booleans as text, references in a later request. Entra's group CX and Okta's Support are one set in the mapping.",
			act:  w.pushEntra,
			until: outcome{
				c.dina.login:  {"Dina Ray: basic-agent in Tier 1", "Dina Ray: basic"},
				c.chloe.login: {"Chloé Martin: basic-agent in French, Tier 1", "Chloé Martin: basic"},
				c.ben.login:   {"Ben Okafor: basic-agent in Tier 1", "Ben Okafor: basic"},
			},
		},
		{
			when: "Tuesday", what: "Lee is promoted, Dina moves to Paris",
			text: "Okta takes Lee out of one group before it puts him into the next; in between he is entitled to nothing at Gorgias. Removals wait a moment for their source to fall silent, so his account never notices.",
			act: func(ctx context.Context) error {
				return inOrder(ctx,
					func(ctx context.Context) error { return w.okta.leave(ctx, "Support", c.lee) },
					func(ctx context.Context) error { return w.okta.join(ctx, "Support Leads", c.lee) },
					func(ctx context.Context) error { return w.entra.moves(ctx, c.dina, "FR") },
				)
			},
			until: outcome{
				c.lee.login:  {"Lee Novak: agent in Leads", "Lee Novak: basic"},
				c.dina.login: {"Dina Ray: basic-agent in French, Tier 1", "Dina Ray: basic"},
			},
		},
		{
			when: "Wednesday", what: "Kim marries and takes another name",
			text: "Okta writes the whole user with PUT: name, userName and e-mail address. Zoom takes all of it. Gorgias lets no connector change an address, and Usher asks instead of making a second account.",
			act:  w.renameKim,
			until: outcome{
				"kim.sato@acme.example":   {"Kim Berger: basic-agent in Tier 1", ""},
				"kim.berger@acme.example": {"", "Kim Berger: basic"},
			},
			also: w.openHolds(provision.HoldEmail, 1),
		},
		{
			when: "Thursday", what: "Ana leaves, and her groups go first",
			text: "Once she is in no group, no group says that she ever had an account. Usher does not ask the groups: it knows every account it made until it has seen it gone. For a lost group alone, Zoom would suspend her; that she has left counts more. She has no manager, so Ida receives her meeting and 3 recordings.",
			act: func(ctx context.Context) error {
				w.stage.useZoom(c.ana, zoom.Data{Meetings: 1, Recordings: 3}, false)
				return inOrder(ctx,
					func(ctx context.Context) error { return w.okta.leave(ctx, "Support", c.ana) },
					func(ctx context.Context) error { return w.okta.leave(ctx, "Everyone", c.ana) },
					func(ctx context.Context) error { return w.okta.activate(ctx, c.ana, false) },
				)
			},
			until: outcome{c.ana.login: {}, c.ida.login: {"", "Ida Torres: licensed, 1 meeting, 3 recordings"}},
		},
		{
			when: "Thursday", what: "Ben leaves",
			text:  "Gorgias cannot suspend, so the mapping demotes at once and deletes 3 seconds later (in real life, days).",
			act:   func(ctx context.Context) error { return w.entra.enable(ctx, c.ben, false) },
			until: outcome{c.ben.login: {}},
		},
		{
			when: "Thursday", what: "Ben is back",
			text:  "Entra switches the same user on again. His accounts were deleted, so he gets new ones.",
			act:   func(ctx context.Context) error { return w.entra.enable(ctx, c.ben, true) },
			until: outcome{c.ben.login: {"Ben Okafor: basic-agent in Tier 1", "Ben Okafor: basic"}},
		},
		{
			when: "Friday", what: "Paul leaves a full Zoom account",
			text: "4 meetings, 2 webinars and 7 recordings go to his manager, Samir, in the call that deletes the account. Usher first looks whether Samir may receive them.",
			act: func(ctx context.Context) error {
				w.stage.useZoom(c.samir, zoom.Data{}, true)
				w.stage.useZoom(c.paul, zoom.Data{Meetings: 4, Webinars: 2, Recordings: 7}, true)
				return w.okta.activate(ctx, c.paul, false)
			},
			until: outcome{c.paul.login: {}, c.samir.login: {"", "Samir Haddad: licensed, 4 meetings, 2 webinars, 7 recordings"}},
		},
		{
			when: "Saturday", what: "Okta deactivates half the company",
			text: "Somebody changed a rule in Okta. Five of ten people are switched off within a second, and a new colleague is hired in the same minute. The removals are more than the budget and wait for a person; the hire does not wait.",
			act:  w.deactivateHalf,
			until: outcome{
				c.noor.login: {"Noor Aziz: basic-agent in Tier 1", "Noor Aziz: basic"},
				c.mara.login: {"Mara Lind: agent in Leads", "Mara Lind: licensed"},
				c.jo.login:   {"", "Jo Keller: licensed, 2 meetings, 1 recording"},
			},
			also: w.openHolds(provision.HoldBudget, 8),
		},
		{
			when: "Sunday", what: "An administrator looks at it",
			text: "Only Jo has really left. Ida approves that removal and rejects the others.",
			act:  w.decide,
			until: outcome{
				c.jo.login:    {},
				c.samir.login: {"", "Samir Haddad: licensed, 6 meetings, 2 webinars, 8 recordings"},
			},
			also: w.openHolds(provision.HoldBudget, 0),
		},
		{
			when: "Sunday", what: "Okta corrects itself",
			text: "The rule is repaired, and Okta switches the four on again. They never lost anything, so the vendors have nothing to hear.",
			act: func(ctx context.Context) error {
				return w.each(ctx, "active = true", []*person{c.mara, c.kim, c.lee, c.rosa},
					func(ctx context.Context, p *person) error { return w.okta.activate(ctx, p, true) })
			},
			until: sunday(),
			also:  w.nobodyLeaving,
		},
	}
}

func inOrder(ctx context.Context, steps ...func(context.Context) error) error {
	for _, step := range steps {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

// each shows the first of several like acts and names the others in one line.
func (w *week) each(ctx context.Context, like string, people []*person, act func(context.Context, *person) error) error {
	if err := act(ctx, people[0]); err != nil {
		return err
	}
	rest := people[1:]
	err := w.okta.quietly(func() error {
		return w.entra.quietly(func() error {
			for _, p := range rest {
				if err := act(ctx, p); err != nil {
					return err
				}
			}
			return nil
		})
	})
	if err == nil && len(rest) > 0 {
		w.view.line(cameIn, "", fmt.Sprintf("the same for %s (%s)", logins(rest), like), fmt.Sprintf("%d ×", len(rest)))
	}
	return err
}

func (w *week) pushOkta(ctx context.Context) error {
	c := w.cast
	staff := []*person{c.mara, c.ida, c.samir, c.kim, c.lee, c.ana, c.paul, c.jo, c.rosa}
	if err := w.each(ctx, "look-up and create", staff, w.okta.hire); err != nil {
		return err
	}
	if err := w.okta.push(ctx, "Support", c.kim, c.lee, c.ana); err != nil {
		return err
	}
	groups := []struct {
		name    string
		members []*person
		said    string
	}{
		{"Support Leads", []*person{c.mara}, ""},
		{"Sales", []*person{c.samir, c.paul, c.jo, c.rosa}, ""},
		{"Managers", []*person{c.mara, c.ida, c.samir}, ""},
		{"Everyone", staff, "all nine"},
	}
	var said []string
	err := w.okta.quietly(func() error {
		for _, g := range groups {
			if err := w.okta.push(ctx, g.name, g.members...); err != nil {
				return err
			}
			if g.said == "" {
				g.said = logins(g.members)
			}
			said = append(said, g.name+" ("+g.said+")")
		}
		return nil
	})
	if err == nil {
		w.view.line(cameIn, "", "the same for "+strings.Join(said, ", "), fmt.Sprintf("%d ×", len(groups)))
	}
	return err
}

func (w *week) pushEntra(ctx context.Context) error {
	c := w.cast
	if err := w.entra.test(ctx); err != nil {
		return err
	}
	if err := w.each(ctx, "look-up and create", []*person{c.dina, c.chloe, c.ben}, w.entra.hire); err != nil {
		return err
	}
	if err := w.entra.push(ctx, "CX", c.dina, c.chloe, c.ben); err != nil {
		return err
	}
	return w.each(ctx, "Add manager", []*person{c.chloe, c.ben}, func(ctx context.Context, p *person) error {
		return w.entra.link(ctx, p, c.dina)
	})
}

func (w *week) renameKim(ctx context.Context) error {
	kim := w.cast.kim
	kim.family, kim.login = "Berger", "kim.berger@acme.example"
	return w.okta.replace(ctx, kim, "userName, name and e-mail of "+kim.login, func(u resource) {
		u["userName"], u["displayName"] = kim.login, kim.name()
		u["name"] = map[string]any{"givenName": kim.given, "familyName": kim.family, "middleName": ""}
		u["emails"] = []any{map[string]any{"primary": true, "value": kim.login, "type": "work", "display": ""}}
		u["groups"] = []any{}
	})
}

func (w *week) deactivateHalf(ctx context.Context) error {
	c := w.cast
	w.stage.useZoom(c.jo, zoom.Data{Meetings: 2, Recordings: 1}, false)
	err := w.each(ctx, "active = false", []*person{c.mara, c.kim, c.lee, c.rosa, c.jo},
		func(ctx context.Context, p *person) error { return w.okta.activate(ctx, p, false) })
	if err != nil {
		return err
	}
	return inOrder(ctx,
		func(ctx context.Context) error { return w.okta.hire(ctx, c.noor) },
		func(ctx context.Context) error { return w.okta.join(ctx, "Support", c.noor) },
		func(ctx context.Context) error { return w.okta.join(ctx, "Everyone", c.noor) },
	)
}

// decide approves what concerns Jo and rejects every other removal over budget.
func (w *week) decide(ctx context.Context) error {
	holds, err := w.stage.admin.Holds(ctx, client.HoldFilter{Kind: provision.HoldBudget})
	if err != nil {
		return fmt.Errorf("list the holds: %w", err)
	}
	var rejected []string
	for i := range holds.Value {
		h := &holds.Value[i]
		if h.Person.String() == w.cast.jo.id {
			if _, err := w.stage.admin.Approve(ctx, h.ID, false, 1); err != nil {
				return fmt.Errorf("approve hold %s: %w", h.ID, err)
			}
			w.view.line(cameIn, "ida", "usher approve "+h.ID+"  "+w.who(h.Person.String())+" at "+h.App, "")
			continue
		}
		if _, err := w.stage.admin.Reject(ctx, h.ID); err != nil {
			return fmt.Errorf("reject hold %s: %w", h.ID, err)
		}
		rejected = append(rejected, h.ID)
	}
	w.view.line(cameIn, "ida", "usher reject "+strings.Join(rejected, " "), "")
	return nil
}

// who is the name of a person by id.
func (w *week) who(id string) string {
	for _, p := range w.cast.all() {
		if p.id == id {
			return p.name()
		}
	}
	return id
}

// openHolds is the condition that n holds of a kind are open.
func (w *week) openHolds(kind provision.HoldKind, n int) func(context.Context) (string, error) {
	return func(ctx context.Context) (string, error) {
		holds, err := w.stage.admin.Holds(ctx, client.HoldFilter{Kind: kind})
		if err != nil {
			return "", fmt.Errorf("list the holds: %w", err)
		}
		if got := len(holds.Value); got != n {
			return fmt.Sprintf("%s of the kind %s open and must be %d", count(got, "hold"), kind, n), nil
		}
		return "", nil
	}
}

// nobodyLeaving is the condition that no account stands against the mapping.
func (w *week) nobodyLeaving(ctx context.Context) (string, error) {
	for _, app := range apps() {
		all, err := w.stage.admin.Accounts(ctx, app.key, false)
		if err != nil {
			return "", fmt.Errorf("list the accounts of %s: %w", app.key, err)
		}
		for i := range all.Value {
			if a := &all.Value[i]; !a.UnwantedSince.IsZero() {
				return a.Email + " is still to leave " + app.title, nil
			}
		}
	}
	return w.openHolds(provision.HoldEmail, 1)(ctx)
}
