package simtest

import (
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/usher-scim/usher/provision"
)

// document is a mapping document in parts, so that the simulator can say what follows from it
// without asking Usher.
type document struct {
	apps    map[string]appDoc
	sources budgets // of each source, over all apps
}

type appDoc struct {
	mode        string
	budgets     budgets
	grants      []grant
	deny        []string
	deactivated []ending
	ungranted   []ending
}

type grant struct {
	group, person string // source/Name, or an address
	role, licence string
	teams         []string
}

type ending struct{ action, after string }

// budgets say how many people each kind of work may touch within a window of which nobody is asked. There is no percentage: the
// histories have few people, so the figure is the same however many accounts there are.
type budgets map[provision.Kind]limit

type limit struct {
	people int
	window time.Duration
}

const day = 24 * time.Hour

// The budgets of the documents: strict ones, that a history of a few people passes now and then, and wide ones.
var (
	strict = budgets{
		provision.Removals: {3, day}, provision.Suspensions: {2, day}, provision.Creates: {5, day},
		provision.Identities: {1, day}, provision.Reductions: {2, day},
	}
	wide = budgets{
		provision.Removals: {4, 2 * day}, provision.Suspensions: {3, 12 * time.Hour}, provision.Creates: {8, day},
		provision.Identities: {3, 12 * time.Hour}, provision.Reductions: {5, day},
	}
	perSource = budgets{
		provision.Removals: {4, day}, provision.Suspensions: {4, day}, provision.Creates: {7, day},
		provision.Identities: {2, day}, provision.Reductions: {4, day},
	}
)

// text is the budgets as YAML, on one line.
func (b budgets) text() string {
	one := func(k provision.Kind) string {
		return fmt.Sprintf("percent: 0, at_least: %d, at_most: %d, window: %dh", b[k].people, b[k].people, int(b[k].window.Hours()))
	}
	return fmt.Sprintf("{%s, suspensions: {%s}, creates: {%s}, identities: {%s}, reductions: {%s}}", one(provision.Removals),
		one(provision.Suspensions), one(provision.Creates), one(provision.Identities), one(provision.Reductions))
}

const protectedOne = "gus"

// documents are the mappings of the histories. The first is also the one that a history ends with. They are made
// once, for they are asked for at every turn; nobody changes them.
var documents = sync.OnceValue(func() []document { //nolint:gochecknoglobals // a table that is only read
	both := func(mode string, d, z appDoc) document {
		d.mode, z.mode = mode, mode
		d.budgets, z.budgets = strict, strict
		if len(d.deny) == 0 { // the first and the last have one
			z.budgets = wide
		}
		return document{map[string]appDoc{desk: d, meet: z}, perSource}
	}
	return []document{
		both("enforce", appDoc{
			grants: []grant{
				{group: "okta/Support", role: "agent", teams: []string{"Tier 1"}},
				{group: "okta/Leads", role: "admin", teams: []string{"Tier 2"}},
				{group: "entra/Support", role: "basic-agent", teams: []string{"Tier 1"}},
			},
			deny:        []string{"okta/Interns"},
			deactivated: []ending{{"demote", "0s"}, {"delete", "24h"}},
			ungranted:   []ending{{"delete", "7d"}},
		}, appDoc{
			grants: []grant{
				{group: "okta/Support", licence: "basic", teams: []string{"Calls"}},
				{group: "okta/Leads", licence: "licensed", teams: []string{"VIP"}},
				{group: "entra/Support", licence: "licensed"},
			},
			deny:        []string{"okta/Interns"},
			deactivated: []ending{{"suspend", "0s"}, {"delete", "24h"}},
			ungranted:   []ending{{"suspend", "0s"}, {"delete", "7d"}},
		}),
		both("enforce", appDoc{
			grants: []grant{
				{group: "okta/Support", role: "observer-agent", teams: []string{"Tier 2"}},
				{group: "okta/Leads", role: "agent"},
				{group: "entra/Support", role: "admin"},
			},
			deactivated: []ending{{"delete", "0s"}},
			ungranted:   []ending{{"demote", "0s"}},
		}, appDoc{
			grants: []grant{
				{group: "okta/Support", licence: "licensed", role: "admin"},
				{group: "okta/Leads", licence: "basic", teams: []string{"Calls", "VIP"}},
			},
			deny:        []string{"entra/Support"},
			deactivated: []ending{{"delete", "0s"}},
			ungranted:   []ending{{"suspend", "0s"}},
		}),
		both("enforce", appDoc{
			grants:      []grant{{group: "okta/Leads", role: "agent", teams: []string{"Tier 1", "Tier 2"}}},
			deactivated: []ending{{"delete", "0s"}},
			ungranted:   []ending{{"delete", "0s"}},
		}, appDoc{
			grants:      []grant{{group: "okta/Leads", licence: "licensed"}, {person: "eve@acme.example", licence: "licensed"}},
			deactivated: []ending{{"suspend", "0s"}},
			ungranted:   []ending{{"delete", "0s"}},
		}),
		both("observe", appDoc{
			grants: []grant{{group: "okta/Support", role: "agent"}},
		}, appDoc{
			grants: []grant{{group: "okta/Support", licence: "basic"}},
		}),
		both("paused", appDoc{
			grants: []grant{{group: "okta/Support", role: "agent"}},
		}, appDoc{
			grants: []grant{{group: "okta/Support", licence: "basic"}},
		}),
	}
})

// text is the document as YAML.
func (d document) text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "version: 1\nsource_budget: %s\napps:\n", d.sources.text())
	for _, app := range apps() {
		a, there := d.apps[app]
		if !there {
			continue
		}
		fmt.Fprintf(&b, "  %s:\n    connection: %s\n    mode: %s\n    protect: [%s@acme.example]\n    budget: %s\n    reconcile: {every: 72h}\n    drift: {changed: correct}\n    grants:\n",
			app, app, a.mode, protectedOne, a.budgets.text())
		for _, g := range a.grants {
			who := "person: " + g.person
			if g.group != "" {
				who = "group: " + g.group
			}
			fmt.Fprintf(&b, "      - {%s", who)
			if g.role != "" {
				fmt.Fprintf(&b, ", role: %s", g.role)
			}
			if g.licence != "" {
				fmt.Fprintf(&b, ", licence: %s", g.licence)
			}
			if len(g.teams) > 0 {
				fmt.Fprintf(&b, ", teams: [%s]", strings.Join(g.teams, ", "))
			}
			b.WriteString("}\n")
		}
		if len(a.deny) > 0 {
			fmt.Fprintf(&b, "    deny: [{group: %s}]\n", strings.Join(a.deny, "}, {group: "))
		}
		writeEndings(&b, app, "when_deactivated", a.deactivated)
		writeEndings(&b, app, "when_ungranted", a.ungranted)
	}
	return b.String()
}

// writeEndings writes a list of steps. Every removal at Zoom moves the leaver's work.
func writeEndings(b *strings.Builder, app, key string, endings []ending) {
	if len(endings) == 0 {
		return
	}
	fmt.Fprintf(b, "    %s:\n", key)
	for _, e := range endings {
		transfer := ""
		if app == meet && e.action == "delete" {
			transfer = ", transfer: {to: ann@acme.example, else: bob@acme.example, what: [meetings, webinars]}"
		}
		fmt.Fprintf(b, "      - {action: %s, after: %s%s}\n", e.action, e.after, transfer)
	}
}
