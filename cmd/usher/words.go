package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/google/uuid"

	"github.com/usher-scim/usher/adapters"
	"github.com/usher-scim/usher/audit"
	"github.com/usher-scim/usher/mapping"
	"github.com/usher-scim/usher/provision"
)

// stepWords tells a step of a plan.
func stepWords(s provision.Step) string {
	switch s.Op {
	case provision.OpObtain:
		return "find the account of " + s.Profile.Email + " and adopt it, else create it" + with(s.Profile.Role, s.Profile.Licence)
	case provision.OpLook:
		return "look for an account and adopt it as it is"
	case provision.OpAbandon:
		return "forget a creation that was never sent"
	case provision.OpVerify:
		return "see what became of a call that was not answered"
	case provision.OpConfirm:
		return "look at the account once more"
	case provision.OpUpdate:
		return changeWords(s.Change)
	case provision.OpTeams:
		var parts []string
		if len(s.Join) > 0 {
			parts = append(parts, "join "+strings.Join(s.Join, ", "))
		}
		if len(s.Leave) > 0 {
			parts = append(parts, "leave "+strings.Join(s.Leave, ", "))
		}
		return strings.Join(parts, "; ")
	case provision.OpResume:
		return "reactivate the account"
	case provision.OpDemote:
		return "take the account down to its weakest role"
	case provision.OpSuspend:
		return "suspend the account"
	case provision.OpRemove:
		return string(s.Action) + " the account" + transferWords(s)
	default:
		return string(s.Op)
	}
}

func with(role, licence string) string {
	parts := make([]string, 0, 2)
	if role != "" {
		parts = append(parts, "role "+role)
	}
	if licence != "" {
		parts = append(parts, "licence "+licence)
	}
	if len(parts) == 0 {
		return ""
	}
	return " with " + strings.Join(parts, ", ")
}

func transferWords(s provision.Step) string {
	if s.Transfer == nil {
		return ""
	}
	words := "; " + strings.Join(s.Transfer.What, ", ") + " go to " + s.Transfer.To
	if s.Transfer.Else != "" {
		words += ", else to " + s.Transfer.Else
	}
	return words
}

func changeWords(c adapters.Change) string {
	var parts []string
	set := func(name string, v *string) {
		if v != nil {
			parts = append(parts, name+" to "+quoted(*v))
		}
	}
	set("e-mail", c.Email)
	set("role", c.Role)
	set("licence", c.Licence)
	set("external id", c.ExternalID)
	for _, name := range slices.Sorted(maps.Keys(c.Attributes)) {
		v := c.Attributes[name]
		set(name, &v)
	}
	if len(parts) == 0 {
		return "note that the account is as wanted; no call is made"
	}
	return "set " + strings.Join(parts, ", ")
}

func quoted(s string) string {
	if s == "" {
		return "nothing"
	}
	return s
}

// detail is what the facts about one person tell beside their act; each act fills its own part.
type detail struct {
	Attributes []string          `json:"attributes"`
	Values     map[string]fromTo `json:"values"`
	Added      int               `json:"added"`
	Removed    int               `json:"removed"`

	VendorID string `json:"vendorId"`
	Role     string `json:"role"`
	Licence  string `json:"licence"`

	RoleBefore    string `json:"roleBefore"`
	LicenceBefore string `json:"licenceBefore"`

	Text       string `json:"text"`
	Why        string `json:"why"`
	Action     string `json:"action"`
	TransferTo string `json:"transferTo"`
	Error      string `json:"error"`
	Changed    string `json:"changed"`
	Joined     string `json:"joined"`
	Left       string `json:"left"`
	Hold       string `json:"hold"`
	Kind       string `json:"kind"`
	Reason     string `json:"reason"`
	Former     string `json:"former"`
	Successor  string `json:"successor"`
	Name       string `json:"name"`
	Connection string `json:"connection"`
	State      string `json:"state"`
	Listed     string `json:"listed"`
}

// fromTo is a value before and after, as JSON.
type fromTo struct {
	From any `json:"from"`
	To   any `json:"to"`
}

// changed names the attributes that changed, with what they were and are where that is short.
func (d detail) changed() string {
	parts := make([]string, len(d.Attributes))
	for i, name := range d.Attributes {
		parts[i] = name
		v, ok := d.Values[name]
		from, short := scalar(v.From)
		to, shortToo := scalar(v.To)
		if ok && short && shortToo && (v.From != nil || v.To != nil) {
			parts[i] += " from " + from + " to " + to
		}
	}
	return strings.Join(parts, ", ")
}

// scalar tells a value that fits into a sentence.
func scalar(v any) (string, bool) {
	switch v := v.(type) {
	case nil:
		return "nothing", true
	case string:
		return strconv.Quote(v), len(v) <= 60
	case bool, float64:
		return fmt.Sprint(v), true
	default:
		return "", false
	}
}

// audience is from where a fact is told: who it is about, "the person" where it stands among one person's facts, and what groups are called.
type audience struct {
	who    string
	groups map[uuid.UUID]string
}

// factWords tells a fact in a sentence, and how much it should stand out.
func factWords(c audit.Change, to audience) (string, style) {
	words, s := actWords(c, to)
	if c.Erased {
		words += " (the rest is erased)"
	}
	return words, s
}

func actWords(c audit.Change, to audience) (string, style) {
	var d detail
	if len(c.Detail) > 0 {
		_ = json.Unmarshal(c.Detail, &d) // a detail of a form that is not known leaves the act's own words
	}
	by := c.Actor.Name
	if by == "" {
		by = "usher"
	}
	if words, ok := directoryFact(c, d, by, to); ok {
		return words, plain
	}
	switch c.Act {
	case audit.AccountCreated:
		return "account created" + with(d.Role, d.Licence) + idWords(d), green
	case audit.AccountAdopted:
		return "account found and adopted as it is" + idWords(d), green
	case audit.AccountUpdated:
		words := "account changed"
		if d.Changed != "" {
			words += " (" + d.Changed + ")"
		}
		words += "; it has" + strings.TrimPrefix(with(d.Role, d.Licence), " with")
		if had := with(d.RoleBefore, d.LicenceBefore); had != "" {
			words += ", and had" + strings.TrimPrefix(had, " with")
		}
		return words, plain
	case audit.AccountTeams:
		if d.Left != "" {
			return "account left the team " + d.Left, plain
		}
		return "account entered the team " + d.Joined, plain
	case audit.AccountDemoted:
		return "account taken down to its weakest role", yellow
	case audit.AccountSuspended:
		return "account suspended", yellow
	case audit.AccountResumed:
		return "account reactivated", green
	case audit.AccountRemoved:
		return removedWords(d), yellow
	case audit.AccountLost:
		return "account lost: " + d.Why, red
	case audit.AccountKept:
		return "account stands: " + d.Why, plain
	case audit.AccountMissed:
		return "account not there: " + d.Why, red
	case audit.AccountLinked:
		return by + " said that the account is theirs" + idWords(d), plain
	case audit.AccountUnlinked:
		return by + " took the account out of usher's keeping" + idWords(d), yellow
	case audit.AccountIgnored:
		if d.Why != "" {
			return by + " said that the account is " + d.Why + idWords(d), plain
		}
		return by + " said to leave the account alone" + idWords(d), plain
	case audit.AccountReturned:
		return "account came back though it had been cut" + idWords(d), red
	case audit.DriftFound:
		return "found at the app: " + d.Kind + onField(d), yellow
	case audit.DriftCorrected:
		return "handed to the queue, as the app shows otherwise" + onField(d), plain
	case audit.DriftForced:
		return by + " asked to correct it: " + d.Kind + onField(d), plain
	case audit.AccountUnwanted:
		return "account not wanted any more: " + d.Text, yellow
	case audit.AccountWanted:
		return "account wanted again: " + d.Text, plain
	case audit.AccountStepFailed:
		return "failed: " + d.Error, red
	case audit.HoldOpened:
		return "held as " + d.Hold + " (" + d.Kind + ")", yellow
	case audit.HoldLeaver:
		return "held as " + d.Hold + " (" + d.Kind + "), though deactivated: still inside, only because others are held", red
	case audit.HoldApproved:
		return by + " approved " + d.Hold + " (" + d.Kind + ")", plain
	case audit.HoldRejected:
		return by + " rejected " + d.Hold + " (" + d.Kind + ")", plain
	case audit.MappingApplied, audit.MappingRolled:
		return mappingWords(c, by), plain
	case audit.RolloutStopped:
		return by + " stopped the rollout of a version of the mapping: " + d.Reason, yellow
	case audit.RolloutResumed:
		return by + " let the rollout of a version of the mapping go on", plain
	case audit.WorkPaused:
		return by + " paused " + pausedWhat(d.Kind, c.App) + ": " + d.Reason, yellow
	case audit.WorkResumed:
		if c.Actor.Kind == audit.ByEngine {
			return pausedWhat(d.Kind, c.App) + " goes on: the time of the pause is over", plain
		}
		return by + " let " + pausedWhat(d.Kind, c.App) + " go on", plain
	case audit.ChangeUndone:
		words := by + " undid it: " + d.Kind + ", held as " + d.Hold
		if d.Reason != "" {
			words += ": " + d.Reason
		}
		return words, plain
	case audit.RetryRequested:
		return by + " asked for another try", plain
	case audit.StoreRestored:
		return by + " restored the store from a backup", red
	case audit.StoreResumed:
		return by + " let the vendors be written to again after a restore", yellow
	case audit.SourceResynced:
		return by + " said that " + orElse(d.Name, "a source") + " has pushed everything anew", plain
	case audit.SourceAdded:
		return by + " added the source " + d.Name, plain
	case audit.SourceRotated:
		return by + " changed the tokens of the source " + d.Name, plain
	case audit.SourceRemoved:
		return by + " removed the source " + d.Name, yellow
	case audit.ConnectionSaved:
		return by + " connected " + d.Connection, plain
	case audit.MappingBound:
		return "the name " + d.Name + " in the mapping was bound to its group", plain
	case audit.AppStopped:
		return c.App + " stopped, nothing is sent to it: " + d.Reason, red
	case audit.AppResumed:
		return c.App + " goes on", green
	case audit.AppReconciled:
		return comparedWords(d), plain
	case audit.SourceMigrated:
		return by + " let the source " + d.Successor + " take over from " + d.Former, plain
	case audit.PersonErased:
		return by + " erased the person", yellow
	case audit.AuditPruned:
		return by + " pruned old facts", yellow
	default:
		return by + ": " + string(c.Act), plain
	}
}

// mappingWords tells which version of the mapping came in force, and for whom.
func mappingWords(c audit.Change, by string) string {
	var d struct {
		Version int           `json:"version"`
		Comment string        `json:"comment"`
		Ring    *mapping.Ring `json:"ring"`
	}
	if len(c.Detail) > 0 {
		_ = json.Unmarshal(c.Detail, &d) // of another form: the act tells enough
	}
	words := fmt.Sprintf("%s put version %d of the mapping in force", by, d.Version)
	if d.Ring != nil && d.Ring.Share < mapping.Whole {
		words += " for " + d.Ring.String()
	}
	if d.Comment != "" {
		words += ": " + d.Comment
	}
	return words
}

// comparedWords tells what a comparison with the app's own list came to.
func comparedWords(d detail) string {
	switch provision.RunState(d.State) {
	case provision.RunDone:
		return "compared with the app's own list of " + d.Listed + " accounts"
	default:
		return "comparing with the app's own list did not come to an end (" + d.State + "); nothing was corrected"
	}
}

func orElse(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

func idWords(d detail) string {
	if d.VendorID == "" {
		return ""
	}
	return ", id " + d.VendorID
}

// onField names what differed.
func onField(d detail) string {
	if d.Changed == "" {
		return ""
	}
	return " (" + d.Changed + ")"
}

func removedWords(d detail) string {
	words := "account gone"
	switch {
	case d.Action == string(adapters.Delete):
		words = "account deleted, and verified gone"
	case d.Action != "":
		words = "account ended (" + d.Action + "), and verified gone"
	case d.Why != "":
		words += ": " + d.Why
	}
	if d.TransferTo != "" {
		words += "; its data went to account " + d.TransferTo
	}
	return words
}

// directoryFact tells what a source did.
func directoryFact(c audit.Change, d detail, by string, to audience) (string, bool) {
	group := "a group"
	if name := to.groups[c.Group]; name != "" {
		group = "the group " + name
	}
	switch c.Act {
	case audit.UserCreated:
		return by + " created the user", true
	case audit.UserLinked:
		return by + " holds the person as well now", true
	case audit.UserUpdated:
		if len(d.Attributes) > 0 {
			return by + " changed " + d.changed(), true
		}
		return by + " changed the user", true
	case audit.UserActivated:
		return by + " activated the user", true
	case audit.UserDeactivated:
		return by + " deactivated the user", true
	case audit.UserDeleted:
		return by + " deleted the user", true
	case audit.DenyCleared:
		return by + " cleared the deny that a deletion had left", true
	case audit.PersonTerminated:
		return by + " terminated the person: " + d.Reason, true
	case audit.PersonReinstated:
		return by + " reinstated the person: " + d.Reason, true
	case audit.GroupMembers:
		switch {
		case d.Added > 0 && d.Removed == 0:
			return fmt.Sprintf("%s put %s into %s", by, to.who, group), true
		case d.Removed > 0 && d.Added == 0:
			return fmt.Sprintf("%s took %s out of %s", by, to.who, group), true
		default:
			return fmt.Sprintf("%s changed who is in %s", by, group), true
		}
	case audit.GroupCreated:
		if to.who == "" {
			return by + " made " + group, true
		}
		return by + " made " + group + " with " + to.who + " in it", true
	case audit.GroupUpdated:
		return by + " changed " + group, true
	case audit.GroupDeleted:
		return by + " deleted " + group, true
	default:
		return "", false
	}
}
