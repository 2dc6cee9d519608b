package alerts

import (
	"time"

	"github.com/google/uuid"

	"github.com/usher-scim/usher/store"
)

// Kind says what an alert is about. Programs that receive alerts may rely on these words.
type Kind string

const (
	HoldsOpened    Kind = "holds-opened"    // changes wait for a person's decision
	LeaverHeld     Kind = "leaver-held"     // a deactivated person is inside only because others are held
	HoldsStanding  Kind = "holds-standing"  // removals are still held for the budget
	RemovalLate    Kind = "removal-late"    // accounts that should be cut are not
	AppStopped     Kind = "app-stopped"     // nothing is sent to an app
	AppResumed     Kind = "app-resumed"     // it goes on
	RolloutStopped Kind = "rollout-stopped" // a new version of the mapping reaches nobody further
	AppDown        Kind = "app-down"        // the vendor does not answer
	LeaverReturned Kind = "leaver-returned" // an account of somebody who left can be used
	StillInside    Kind = "still-inside"    // a terminated person is not out of every app
	TokenExpires   Kind = "token-expires"   // a source's token ends soon
	LoginEnds      Kind = "credential-ends" // a connection's credentials end soon
	NeedsPerson    Kind = "needs-person"    // work failed that is not tried again by itself
	Test           Kind = "test"            // `usher alerts test`
)

// Alert is one thing that people are told. It names people by id; their names are looked up when it is sent, so that
// nothing of somebody who is erased stays behind in here.
type Alert struct {
	ID       uuid.UUID   `json:"id"` // UUIDv7; the same in every repetition of every channel
	At       time.Time   `json:"at"` // UTC
	Kind     Kind        `json:"kind"`
	App      string      `json:"app,omitempty"`
	Count    int         `json:"count,omitempty"`    // of holds, people or failures it stands for
	Title    string      `json:"title"`              // one sentence: what, and where
	Text     string      `json:"text"`               // what that means
	Do       string      `json:"do,omitempty"`       // what to do about it
	Commands []string    `json:"commands,omitempty"` // to type
	Persons  []uuid.UUID `json:"persons,omitempty"`  // whom somebody has to act on, at most maxNamed
	// Deliveries has one entry for each channel that was set when the alert came up; none: nobody is told.
	Deliveries []Delivery `json:"deliveries,omitempty"`
}

// maxNamed is how many people one alert names.
const maxNamed = 10

// Delivery is how far an alert has come on one channel.
type Delivery struct {
	Channel  string        `json:"channel"`
	State    DeliveryState `json:"state"`
	Attempts int           `json:"attempts,omitempty"`
	Due      time.Time     `json:"due,omitzero"`    // of the next try, while it waits
	Error    string        `json:"error,omitempty"` // why the last try failed, without secrets
	Ended    time.Time     `json:"ended,omitzero"`  // when it was delivered or given up
}

// DeliveryState is where a delivery is.
type DeliveryState string

const (
	Waiting   DeliveryState = "waiting"   // it is tried again at Due
	Delivered DeliveryState = "delivered" // the channel took it
	GivenUp   DeliveryState = "given-up"  // tried for giveUpAfter, or the channel is not set any more
)

const byDue = "due" // the first due time of a delivery that waits

var alertTable = store.NewTable("alerts", func(a *Alert) []byte { return a.ID[:] }, nil,
	store.Index[Alert]{Name: byDue, Keys: func(a *Alert) [][]byte {
		var first time.Time
		for _, d := range a.Deliveries {
			if d.State == Waiting && (first.IsZero() || d.Due.Before(first)) {
				first = d.Due
			}
		}
		if first.IsZero() {
			return nil
		}
		return [][]byte{store.Key(store.Time(first))}
	}},
)

// address gives an alert its id, its time and a delivery for each channel.
func (a *Alerts) address(alert Alert, id uuid.UUID, now time.Time) Alert {
	alert.ID, alert.At = id, now.UTC().Truncate(time.Millisecond)
	alert.Persons = alert.Persons[:min(len(alert.Persons), maxNamed)]
	for _, c := range a.o.Channels {
		alert.Deliveries = append(alert.Deliveries, Delivery{Channel: c.Name(), State: Waiting, Due: alert.At})
	}
	return alert
}
