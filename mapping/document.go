package mapping

import (
	"iter"
	"time"
)

// Document is a parsed mapping document: what it says, with the place of every word, not yet held against any app. It
// is immutable.
type Document struct {
	Version int // of the document's form; 1
	Groups  []GroupSet
	Exclude *Expression // people.exclude; nil when it is left out
	Apps    []AppRules  // in document order
	// SourceBudget bounds what the changes of each source may do in all apps together.
	SourceBudget Budgets
}

// Text is a word of the document and its place. A left-out one has an empty Value.
type Text struct {
	Value string
	Pos   Pos
}

// GroupSet is a name for several groups; a member of any of them counts.
type GroupSet struct {
	Name Text
	Any  []Text // names of groups, never of other sets
}

// AppRules is what the document says of one app.
type AppRules struct {
	Key         Text
	Connection  Text
	RenamedFrom Text
	Mode        Mode
	Rank        []Text
	Grants      []Grant
	Deny        []Deny
	Profile     []ProfileEntry
	// WhenDeactivated and WhenUngranted are nil where the document leaves them out.
	WhenDeactivated *Steps
	WhenUngranted   *Steps
	Protect         Protection
	Budget          Budgets
	BudgetPos       Pos
	Drift           DriftPolicy
	Reconcile       time.Duration // how often the app is compared with its own list
}

// Who names the people of a grant or deny line: the members of a group or set, or one person. Exactly one is given.
type Who struct {
	Group  Text
	Person Text // a userName or e-mail address
	When   *Expression
	Pos    Pos // of the line
}

// Grant is a line that gives people the app.
type Grant struct {
	Who
	// Until is the first moment at which the grant no longer applies; zero for never.
	Until   time.Time
	Reason  Text
	Role    Text
	Licence Text
	Teams   []Text
}

// Deny is a line that keeps people out of the app, whatever grants say.
type Deny struct{ Who }

// ProfileEntry sets one attribute of the accounts.
type ProfileEntry struct {
	Field Text
	Value *Expression
}

// Steps is a list of steps with its place.
type Steps struct {
	List []StepRule
	Pos  Pos
}

// StepRule is one step as written.
type StepRule struct {
	Action   Text
	After    time.Duration
	Transfer *TransferRule
	Pos      Pos
}

// TransferRule is a transfer as written.
type TransferRule struct {
	To, Else Receiver
	What     []Text
	Pos      Pos
}

// Receiver is who gets a leaver's data: an e-mail address, or an expression that gives one or a person's id. The zero
// Receiver is a left-out one.
type Receiver struct {
	Text
	value *Expression // nil for an address
}

// expressions are all that stand in the document.
func (d *Document) expressions() iter.Seq[*Expression] {
	return func(yield func(*Expression) bool) {
		all := []*Expression{d.Exclude}
		for i := range d.Apps {
			app := &d.Apps[i]
			for _, who := range app.lines() {
				all = append(all, who.When)
			}
			for _, entry := range app.Profile {
				all = append(all, entry.Value)
			}
			for _, steps := range []*Steps{app.WhenDeactivated, app.WhenUngranted} {
				if steps == nil {
					continue
				}
				for _, step := range steps.List {
					if t := step.Transfer; t != nil {
						all = append(all, t.To.value, t.Else.value)
					}
				}
			}
		}
		for _, e := range all {
			if e != nil && !yield(e) {
				return
			}
		}
	}
}

// App returns what the document says of an app.
func (d *Document) App(key string) (*AppRules, bool) {
	for i := range d.Apps {
		if d.Apps[i].Key.Value == key {
			return &d.Apps[i], true
		}
	}
	return nil, false
}
