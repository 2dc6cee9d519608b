package provision

import (
	"encoding/binary"
	"time"

	"github.com/google/uuid"

	"github.com/usher-scim/usher/adapters"
	"github.com/usher-scim/usher/store"
)

// Item is one entry of the durable queue: a mark ("this app and this subject
// need a look") and, once triaged, the work that follows from it. There is at
// most one per app and subject. A field that is added here gets a number in itemcodec.go.
type Item struct {
	App     string `json:"app"`
	Subject string `json:"subject"` // "p/" + person id, or "t/" + team name
	// Generation rises with every mark. Whoever completes the item removes it only if the
	// generation is unchanged, so that a change during a vendor call is never lost.
	Generation uint64    `json:"generation"`
	State      ItemState `json:"state"`
	Lane       Lane      `json:"lane"`
	Due        time.Time `json:"due"`
	Marked     time.Time `json:"marked"`         // when the present episode began
	Work       Kind      `json:"work,omitempty"` // Quiet: what waits, Removals or Suspensions
	// Source is who caused it: a source's id, or an administrator's name. Removals of one source form a batch.
	Source   string      `json:"source,omitempty"`
	Urgent   bool        `json:"urgent,omitempty"`   // a cause takes access away: triaged first
	Approved bool        `json:"approved,omitempty"` // the removals of the causing mapping edit were confirmed
	Exceeds  bool        `json:"exceeds,omitempty"`  // what else the causing mapping edit does beyond a budget was confirmed
	Fresh    int         `json:"fresh,omitempty"`    // changes that marked it since it was last judged
	Edited   bool        `json:"edited,omitempty"`   // a mapping edit whose removals nobody confirmed is among the causes
	Cut      bool        `json:"cut,omitempty"`      // it ends the access of a terminated person; goes on while removals are paused
	Causes   []uuid.UUID `json:"causes,omitempty"`   // newest last, at most maxCauses
	Dropped  int         `json:"dropped,omitempty"`  // older causes that are not listed

	// Prompt is a team's: somebody leaves it, or enters it who has long had an account. Newcomers alone can wait for more of them.
	Prompt bool `json:"prompt,omitempty"`

	Attempts int `json:"attempts,omitempty"` // failed executions in a row
	Rounds   int `json:"rounds,omitempty"`   // successful ones in a row without a new mark
	// NotBefore keeps a retry's time over further marks, so that a busy person is not tried in a loop.
	NotBefore time.Time `json:"notBefore,omitzero"`
	Failure   *Failure  `json:"failure,omitempty"` // the last one, cleared by success
	// Turns is when the plan may answer differently by itself (the end of an `until`, of a freeze), or what was in the way may be gone: the
	// item is then judged anew, whatever else it waits for. Zero: never.
	Turns time.Time `json:"turns,omitzero"`
}

// ItemState says what an item waits for. docs/provisioning.md draws the transitions.
type ItemState string

const (
	// Marked: waits for triage, which is cheap and calls nobody.
	Marked ItemState = "marked"
	// Quiet: a removal waits for its source to fall silent, so that a burst is seen whole.
	Quiet ItemState = "quiet"
	// Ready: has work, to be done at Due in its lane. A retry is a Due in the future.
	Ready ItemState = "ready"
	// Later: nothing to do before Due (a step's `after`, an `until`, the end of a freeze); then triaged again.
	Later ItemState = "later"
	// Held: waits for an administrator; the holds of the pair say why.
	Held ItemState = "held"
	// Failed: repeating cannot help. Waits for a change, also one that time brings (Turns), or for `usher retry`.
	Failed ItemState = "failed"
)

// Lane orders the work of one app: every due removal before any update, every due update before any joiner.
type Lane string

const (
	Removal Lane = "removal"
	Update  Lane = "update" // and repair
	Joiner  Lane = "joiner"
)

// Lanes lists the lanes, first served first.
func Lanes() []Lane { return []Lane{Removal, Update, Joiner} }

// vendor is the lane's name in the vendor client's words.
func (l Lane) vendor() adapters.Lane {
	switch l {
	case Removal:
		return adapters.LaneRemoval
	case Update:
		return adapters.LaneUpdate
	default:
		return adapters.LaneJoiner
	}
}

// Failure is the last thing that went wrong with an item.
type Failure struct {
	At      time.Time     `json:"at"`
	Kind    adapters.Kind `json:"kind"`
	Text    string        `json:"text"`
	Fix     string        `json:"fix,omitempty"`
	Request string        `json:"request,omitempty"` // the vendor's request id
}

const maxCauses = 16

// never is the due time of what waits for something other than time.
var never = time.Date(2200, 1, 1, 0, 0, 0, 0, time.UTC)

func personSubject(id uuid.UUID) string { return "p/" + id.String() }
func teamSubject(name string) string    { return "t/" + name }

// Person returns the person an item is about; false for a team's item.
func (i *Item) Person() (uuid.UUID, bool) {
	if len(i.Subject) < 2 || i.Subject[:2] != "p/" {
		return uuid.UUID{}, false
	}
	id, err := uuid.Parse(i.Subject[2:])
	return id, err == nil
}

// Team returns the team an item is about; false for a person's item.
func (i *Item) Team() (string, bool) {
	if len(i.Subject) < 2 || i.Subject[:2] != "t/" {
		return "", false
	}
	return i.Subject[2:], true
}

func (i *Item) addCause(id uuid.UUID) {
	if id == uuid.Nil {
		return
	}
	for _, c := range i.Causes {
		if c == id {
			return
		}
	}
	i.Causes = append(i.Causes, id)
	if over := len(i.Causes) - maxCauses; over > 0 {
		i.Dropped += over
		i.Causes = append([]uuid.UUID(nil), i.Causes[over:]...)
	}
}

// class orders items in the queue's index: one byte, then the due time.
type class byte

const (
	classUrgent  class = 'a' // marked, takes access away
	classMarked  class = 'b'
	classRemoval class = 'c'
	classUpdate  class = 'd'
	classJoiner  class = 'e'
	classLater   class = 'f'
	classQuiet   class = 'g'
	classHeld    class = 'h'
	classFailed  class = 'i'
)

func (i *Item) class() class {
	switch i.State {
	case Marked:
		if i.Urgent {
			return classUrgent
		}
		return classMarked
	case Quiet:
		return classQuiet
	case Later:
		return classLater
	case Held:
		return classHeld
	case Failed:
		return classFailed
	default:
		return laneClass(i.Lane)
	}
}

func laneClass(l Lane) class {
	switch l {
	case Removal:
		return classRemoval
	case Update:
		return classUpdate
	default:
		return classJoiner
	}
}

func classPrefix(app string, c class) []byte { return store.Key([]byte(app), []byte{byte(c)}) }

func itemKey(app, subject string) []byte { return store.Key([]byte(app), []byte(subject)) }

// turned reports whether the plan of an item that waits for something else than time answers differently since a moment that has come.
func (i *Item) turned(now time.Time) bool { return i.turns() && !i.Turns.After(now) }

// turns reports whether the item has to be judged at Turns: that is before its own time, if that brings a judgement at all.
func (i *Item) turns() bool {
	switch i.State {
	case Ready: // it may be kept from its execution for long: by a switch, a stopped app, a retry
		return !i.Turns.IsZero()
	case Held, Failed:
		return !i.Turns.IsZero() && i.Turns.Before(i.Due)
	default:
		return false
	}
}

// anew lets an item be judged as after a mark. A retry keeps its time, so that a busy person is not tried in a loop.
func (i *Item) anew(now time.Time) {
	i.Generation++
	waits := i.Attempts > 0 || i.Failure != nil && i.Failure.Kind == adapters.Retry
	if i.State == Ready && waits && i.Due.After(now) {
		i.NotBefore = i.Due
	}
	if i.State == Failed {
		i.Attempts = 0
	}
	i.State, i.Due, i.Rounds = Marked, now, 0
}

const (
	byDue  = "due"  // (app, class, due)
	byCut  = "cut"  // (app, due), of what ends the access of terminated persons
	byTurn = "turn" // (app, turns), of what has to be judged then
)

var items = store.NewTable("items",
	func(i *Item) []byte { return itemKey(i.App, i.Subject) }, compact[Item, *Item]{},
	store.Index[Item]{Name: byDue, Keys: func(i *Item) [][]byte {
		return [][]byte{append(classPrefix(i.App, i.class()), dueBytes(i.Due)...)}
	}},
	store.Index[Item]{Name: byCut, Keys: func(i *Item) [][]byte {
		if !i.Cut || i.class() != classRemoval {
			return nil
		}
		return [][]byte{append(store.Key([]byte(i.App)), dueBytes(i.Due)...)}
	}},
	store.Index[Item]{Name: byTurn, Keys: func(i *Item) [][]byte {
		if !i.turns() {
			return nil
		}
		return [][]byte{append(store.Key([]byte(i.App)), dueBytes(i.Turns)...)}
	}},
)

// dueBytes is big-endian nanoseconds, so that index order is time order.
func dueBytes(t time.Time) []byte {
	var b [8]byte
	if n := t.UnixNano(); !t.IsZero() && n > 0 {
		binary.BigEndian.PutUint64(b[:], uint64(n))
	}
	return b[:]
}
