package simtest

import (
	"fmt"
	"strings"
	"sync"
)

// document is a mapping document in parts, so that the simulator can say what follows from it
// without asking Usher.
type document struct{ apps map[string]appDoc }

type appDoc struct {
	mode        string
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

const protectedOne = "gus"

// documents are the mappings of the histories. The first is also the one that a history ends with. They are made
// once, for they are asked for at every turn; nobody changes them.
var documents = sync.OnceValue(func() []document { //nolint:gochecknoglobals // a table that is only read
	both := func(mode string, d, z appDoc) document {
		d.mode, z.mode = mode, mode
		return document{map[string]appDoc{desk: d, meet: z}}
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
	b.WriteString("version: 1\napps:\n")
	for _, app := range apps() {
		a, there := d.apps[app]
		if !there {
			continue
		}
		fmt.Fprintf(&b, "  %s:\n    connection: %s\n    mode: %s\n    protect: [%s@acme.example]\n    grants:\n", app, app, a.mode, protectedOne)
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
