package demo

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/usher-scim/usher/cmd/usher/client"
	"github.com/usher-scim/usher/mapping"
	"github.com/usher-scim/usher/provision"
)

// summary shows how the week ended: what the vendors have, by person, with the reason, and what waits for somebody.
func (w *week) summary(ctx context.Context) error {
	w.view.heading("Sunday evening", "who has what")
	w.view.blank()
	have := standings(w.stage.sandbox)
	var rows [][]string
	told := map[string]bool{}
	for _, p := range w.cast.all() {
		why, mails, err := w.reasons(ctx, p)
		if err != nil {
			return err
		}
		rows = append(rows, []string{
			p.name(), without(have[mails["gorgias"]].gorgias, p), without(have[mails["zoom"]].zoom, p), why,
		})
		told[mails["gorgias"]], told[mails["zoom"]] = true, true
	}
	w.view.table([]string{"person", "Gorgias", "Zoom", "why"}, w.view.columns(), rows)
	w.view.blank()
	w.view.prose(others(have, told))
	return w.holds(ctx)
}

// reasons says why a person has what is there, and under which address each app has it.
func (w *week) reasons(ctx context.Context, p *person) (text string, mails map[string]string, err error) {
	mails = map[string]string{}
	var groups []string
	for _, app := range apps() {
		why, err := w.stage.admin.Why(ctx, p.id, app.key)
		if err != nil {
			return "", nil, fmt.Errorf("ask why %s has %s: %w", p.login, app.key, err)
		}
		x := &why.Value
		mails[app.key] = p.login
		for i := range x.Accounts {
			if a := &x.Accounts[i]; !a.State.Over() {
				mails[app.key] = a.Email
			}
		}
		if x.Want.Reason == mapping.Deactivated {
			return x.Want.Text, mails, nil
		}
		for _, g := range x.Want.Grants {
			if !slices.Contains(groups, g.By) {
				groups = append(groups, g.By)
			}
		}
	}
	return strings.Join(groups, ", "), mails, nil
}

// without drops the account's name where it is the person's.
func without(standing string, p *person) string {
	if standing == "" {
		return "–"
	}
	return strings.TrimPrefix(standing, p.name()+": ")
}

func others(have outcome, told map[string]bool) string {
	var rest []string
	for e := range have {
		if !told[e] {
			rest = append(rest, e)
		}
	}
	slices.Sort(rest)
	return "Never touched, because they are not Usher's: " + strings.Join(rest, ", ") + "."
}

// holds shows what waits for a person.
func (w *week) holds(ctx context.Context) error {
	open, err := w.stage.admin.Holds(ctx, client.HoldFilter{})
	if err != nil {
		return fmt.Errorf("list the holds: %w", err)
	}
	w.view.blank()
	if len(open.Value) == 0 {
		w.view.prose("Nothing waits for a person.")
		return nil
	}
	w.view.prose("Waits for a person:")
	for i := range open.Value {
		h := &open.Value[i].Hold
		w.view.line(decided, "usher", w.asks(h), "")
	}
	return nil
}

func (w *week) asks(h *provision.Hold) string {
	return fmt.Sprintf("hold %s, %s: %s. What to do: %s", h.ID, w.who(h.Person.String()), h.Text, h.Fix)
}
