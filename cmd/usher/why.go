package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"github.com/usher-scim/usher/admin"
	"github.com/usher-scim/usher/cmd/usher/client"
	"github.com/usher-scim/usher/mapping"
	"github.com/usher-scim/usher/provision"
)

func newWhy(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "why USER APP",
		Short: "Explain one person's account in one app",
		Long: `Explain why a person has, or has not, an account in an app: what the sources say, which groups that makes, which lines of the
mapping apply, what is wanted, what there is, what is going to happen, and what happened last. The person is named by
userName, e-mail address or id, and may have left the directory.`,
		Example: "  usher why kim@acme.example gorgias",
		Args:    needs("USER", "APP"),
		RunE: a.ask(func(cmd *cobra.Command, c *client.Client, args []string) error {
			reply, err := c.Why(cmd.Context(), args[0], args[1])
			if err != nil {
				return err
			}
			return a.print(reply.JSON, func(p *page) { writeWhy(p, reply.Value, args[0]) })
		}),
	}
}

// factsShown is how many facts are told; the JSON has more.
const factsShown = 15

func writeWhy(p *page, x provision.Explanation, asked string) {
	name := x.Person.UserName
	if name == "" {
		name = asked
	}
	p.line("%s in %s: %s", p.paint(bold, name), p.paint(bold, x.App), verdict(x))
	p.gap()
	var f facts
	f.add("sources", sourceLines(x)...)
	f.add("groups", groupLines(p, x)...)
	f.add("mapping", mappingLines(p, x)...)
	f.add("wanted", wantLines(p, x)...)
	f.add("account", accountLines(p, x)...)
	f.add("plan", planLines(p, x)...)
	f.add("held", heldLines(p, x)...)
	p.facts(f, 0)
	writeHistory(p, x)
}

// verdict is the answer in a few words.
func verdict(x provision.Explanation) string {
	standing := false
	for _, a := range x.Accounts {
		standing = standing || (!a.State.Over() && a.State != provision.Creating)
	}
	switch {
	case x.WantErr != "":
		return "the mapping cannot judge this person"
	case x.Want.Wanted && standing:
		return "wanted, and there"
	case x.Want.Wanted:
		return "wanted, and not there yet"
	case standing:
		return "not wanted, and still there"
	default:
		return "not wanted, and not there"
	}
}

func sourceLines(x provision.Explanation) []cell {
	var lines []cell
	for _, h := range x.Person.Holders {
		state := styled(plain, h.Name+" says active")
		if !h.Active {
			state = styled(yellow, h.Name+" says not active")
		}
		lines = append(lines, state)
	}
	if len(lines) == 0 {
		lines = append(lines, styled(yellow, "no source holds this person any more"))
	}
	if !x.Person.Active && x.Person.Inactive != "" {
		lines = append(lines, styled(yellow, "so not active: "+x.Person.Inactive))
	}
	return lines
}

func groupLines(p *page, x provision.Explanation) []cell {
	sources := map[uuid.UUID]string{}
	for _, h := range x.Person.Holders {
		sources[h.Source] = h.Name + "/"
	}
	var groups []string
	for _, m := range x.Person.Memberships {
		name := sources[m.Source] + m.Name
		if !m.Deleted.IsZero() {
			name += " (deleted " + p.ago(m.Deleted) + ")"
		}
		groups = append(groups, name)
	}
	if len(groups) == 0 {
		return []cell{of("none")}
	}
	return []cell{of(strings.Join(groups, ", "))}
}

func mappingLines(p *page, x provision.Explanation) []cell {
	mode := ""
	switch x.Mode {
	case mapping.Observe:
		mode = "; mode observe: nothing is changed"
	case mapping.Paused:
		mode = "; paused: nothing is done for now"
	}
	lines := []cell{of(fmt.Sprintf("version %d%s", x.Version, mode))}
	for _, g := range x.Want.Grants {
		line := fmt.Sprintf("line %d grants it: %s", g.Line, g.By)
		if !g.Until.IsZero() {
			line += ", until " + p.clock(g.Until)
		}
		lines = append(lines, of(line))
	}
	return lines
}

func wantLines(p *page, x provision.Explanation) []cell {
	w := x.Want
	switch {
	case x.WantErr != "":
		return []cell{styled(red, x.WantErr)}
	case !w.Wanted:
		return []cell{styled(yellow, "no account: "+w.Text)}
	}
	var parts []string
	if w.Role != "" {
		parts = append(parts, "role "+w.Role)
	}
	if w.Licence != "" {
		parts = append(parts, "licence "+w.Licence)
	}
	if len(w.Teams) > 0 {
		parts = append(parts, "in "+strings.Join(w.Teams, ", "))
	}
	what := "an account"
	if len(parts) > 0 {
		what += " with " + strings.Join(parts, ", ")
	}
	lines := []cell{styled(green, what+": "+w.Text)}
	if !w.Next.IsZero() {
		lines = append(lines, of("this changes by itself "+p.when(w.Next)))
	}
	return lines
}

func accountLines(p *page, x provision.Explanation) []cell {
	var lines []cell
	for _, a := range x.Accounts {
		state := accountState(a.State)
		line := state.text
		if r := roleOf(a); r != "" && !a.State.Over() {
			line += ", " + r
		}
		if len(a.Teams) > 0 {
			line += ", in " + strings.Join(a.Teams, ", ")
		}
		if a.VendorID != "" {
			line += ", id " + a.VendorID
		}
		if a.Origin != "" {
			line += ", " + string(a.Origin) + " " + p.ago(a.Created)
		}
		lines = append(lines, styled(state.style, line))
		if !a.UnwantedSince.IsZero() && !a.State.Over() {
			lines = append(lines, styled(yellow, "not wanted since "+p.when(a.UnwantedSince)))
		}
		if a.Protected != "" {
			lines = append(lines, styled(yellow, "protected, never touched: "+a.Protected))
		}
	}
	if len(lines) == 0 {
		lines = append(lines, of("none"))
	}
	return lines
}

func planLines(p *page, x provision.Explanation) []cell {
	var lines []cell
	for _, s := range x.Plan {
		lines = append(lines, of(strconv.Itoa(len(lines)+1)+". "+stepWords(s)))
	}
	if x.Mode == mapping.Observe && len(lines) > 0 {
		lines = append(lines, styled(yellow, "none of it is done in mode observe"))
	}
	if x.Paused != nil {
		lines = append(lines, styled(yellow, "waits: "+switchWords(p, *x.Paused)), of("→ to go on: "+x.Paused.Command()))
	}
	if it := x.Item; it != nil && (x.Paused == nil || it.State != provision.Ready || it.Failure != nil) {
		lines = append(lines, itemLines(p, it)...)
	}
	switch {
	case len(lines) > 0:
	case !x.Next.IsZero():
		lines = append(lines, of("nothing until "+p.when(x.Next)))
	default:
		lines = append(lines, of("nothing to do"))
	}
	return lines
}

// itemLines says what the pair's work waits for.
func itemLines(p *page, it *provision.Item) []cell {
	var lines []cell
	switch it.State {
	case provision.Marked:
		lines = append(lines, of("it is about to be looked at"))
	case provision.Quiet:
		lines = append(lines, of("waits for the quiet time, so that a burst of removals is seen whole"))
	case provision.Later:
		lines = append(lines, of("nothing before "+p.when(it.Due)))
	case provision.Held:
		lines = append(lines, styled(yellow, "waits for a person: see held"))
	case provision.Failed:
		lines = append(lines, styled(red, "failed, and is not tried again by itself: usher retry "+it.App))
	default:
		if it.Due.After(p.now) {
			lines = append(lines, of("next try "+p.when(it.Due)))
		} else {
			lines = append(lines, of("its turn comes now, as a "+laneWord(it.Lane)))
		}
	}
	if f := it.Failure; f != nil {
		text := "last failure, " + p.ago(f.At) + ": " + f.Text
		if it.Attempts > 1 {
			text += fmt.Sprintf(" (%d times in a row)", it.Attempts)
		}
		lines = append(lines, styled(red, text))
		if f.Fix != "" {
			lines = append(lines, of("→ "+f.Fix))
		}
	}
	return lines
}

func laneWord(l provision.Lane) string {
	switch l {
	case provision.Removal:
		return "removal"
	case provision.Joiner:
		return "new account"
	default:
		return "change"
	}
}

func heldLines(p *page, x provision.Explanation) []cell {
	var lines []cell
	known := map[string]bool{}
	for _, h := range x.Holds {
		if h.State == provision.HoldRejected && unwantedBefore(x, h) {
			lines = append(lines, of(orUsher(h.By)+" rejected "+h.ID+" ("+string(h.Kind)+") "+p.ago(h.Decided)+": the account stays until the facts change"))
		}
		if h.State != provision.HoldOpen {
			continue
		}
		known[h.Text] = true
		lines = append(lines, styled(yellow, h.ID+" ("+string(h.Kind)+", "+p.ago(h.Opened)+"): "+h.Text))
		switch {
		case h.Leaver:
			lines = append(lines, styled(red, "→ "+leaverFix(admin.HoldReply{Hold: h})))
		case h.Fix != "":
			lines = append(lines, of("→ "+h.Fix))
		}
	}
	for _, ask := range x.Asks {
		if !known[ask.Text] {
			lines = append(lines, styled(yellow, "would be held ("+string(ask.Kind)+"): "+ask.Text))
		}
	}
	return lines
}

// unwantedBefore reports whether a hold is about the present removal and not an earlier one.
func unwantedBefore(x provision.Explanation, h provision.Hold) bool {
	return slices.ContainsFunc(x.Accounts, func(a provision.Account) bool {
		return !a.State.Over() && !a.UnwantedSince.IsZero() && !h.Decided.Before(a.UnwantedSince)
	})
}

func writeHistory(p *page, x provision.Explanation) {
	if len(x.Facts) == 0 {
		return
	}
	p.gap()
	shown := x.Facts[:min(len(x.Facts), factsShown)]
	head := "What happened, newest last:"
	if more := len(x.Facts) - len(shown); more > 0 {
		head = fmt.Sprintf("What happened, newest last (%d more with --output json):", more)
	}
	p.line("%s", p.paint(dim, head))
	var t table
	for i := len(shown) - 1; i >= 0; i-- {
		words, c := factWords(shown[i], audience{"the person", x.Groups})
		t.row(styled(dim, p.distance(shown[i].At)), styled(dim, p.clock(shown[i].At)), styled(c, words+undoID(shown[i])))
	}
	p.table(t, 2)
}
