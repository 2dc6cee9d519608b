package alerts

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/usher-scim/usher/store"
)

// State is how things stand that people are told of while they last.
type State struct {
	Late   []Late
	Failed []Failed
	Held   []Held
	Down   []Down
	Tokens []Token
	Logins []Login
}

// Late are removals of one app that should have been done since Since.
type Late struct {
	App     string
	Count   int
	Since   time.Time
	Persons []uuid.UUID // the first few
	Why     string      // a sentence without a full stop; may be empty
}

// Failed is work of one app that failed for one cause and is not tried again by itself.
type Failed struct {
	App, Cause string // the cause as a short key, the same as long as it lasts
	Words, Fix string // in plain words, and what to do
	Count      int
}

// Held is the work of one app and kind that is held for a budget.
type Held struct {
	App   string
	Work  string // the kind of work, "removal" say; "" counts as that
	Count int
	Since time.Time // of the oldest
}

// Down is an app whose vendor does not answer.
type Down struct{ App, Title, Reason string }

// Token is the last to expire among a source's tokens that may do the same.
type Token struct {
	Source   string
	ReadOnly bool
	Expires  time.Time
}

// Login is a connection whose credentials end.
type Login struct {
	Connection, Title string // its name, and the vendor's
	Expires           time.Time
}

// Inside is what a terminated person still has; nothing for somebody who is out, or not terminated any more.
type Inside struct{ App, Text string }

const (
	remindEvery   = 4 * time.Hour      // while removals are held, are late, or a terminated person is inside
	remindFailed  = 24 * time.Hour     // while work waits for a person
	remindFor     = 7 * 24 * time.Hour // then a thing is only shown
	growPause     = time.Hour          // a thing that grew is told again after this at the earliest
	settle        = 30 * time.Second   // what stands for less is not told: it is being worked on
	insideAfter   = 2 * time.Minute    // a termination should be done by then
	downAfter     = 5 * time.Minute    // a vendor may be away for less
	forgetAfter   = 10 * time.Minute   // what was gone for less is the same thing still
	tokenSoon     = 14 * 24 * time.Hour
	tokenVerySoon = 2 * 24 * time.Hour
	tokenGone     = 7 * 24 * time.Hour // how long an expired token is told of
)

// condition is one thing that stands, in words.
type condition struct {
	key   string
	since time.Time     // zero: since it was first seen
	delay time.Duration // how long it stands before it is told
	again time.Duration // it is told again while it stands; 0: never
	grows bool          // and when there are more of them
	alert Alert
}

// conditions says what of a state people are told.
func conditions(s State, now time.Time) []condition {
	var all []condition
	for _, l := range s.Late {
		c := condition{key: "late " + l.App, delay: settle, again: remindEvery, grows: true}
		c.alert = Alert{
			Kind: RemovalLate, App: l.App, Count: l.Count, Persons: l.Persons,
			Title:    fmt.Sprintf("%s: %s not removed yet, due since %s", l.App, plural(l.Count, "person is", "people are"), l.Since.UTC().Format(timeLayout)),
			Text:     "Their access was to end and has not ended. " + sentence(l.Why),
			Do:       "See what is in the way. If it cannot wait, end the accounts in the app by hand.",
			Commands: []string{"usher status", "usher failures " + l.App},
		}
		all = append(all, c)
	}
	for _, h := range s.Held {
		c := condition{key: "held " + h.App + " " + h.Work, since: h.Since, delay: remindEvery, again: remindEvery}
		c.alert = Alert{
			Kind: HoldsStanding, App: h.App, Count: h.Count,
			Title: fmt.Sprintf("%s: %s still held, the oldest since %s", h.App, budgetWords(h.Work, h.Count, "is", "are"), h.Since.UTC().Format(timeLayout)),
			Text:  "These accounts stay as they are until somebody decides. Nothing is released by itself.",
			Do:    "Look at who it is, then approve or reject.", Commands: []string{"usher holds --app " + h.App + " --kind budget"},
		}
		all = append(all, c)
	}
	for _, f := range s.Failed {
		c := condition{key: "failed " + f.App + " " + f.Cause, delay: settle, again: remindFailed, grows: true}
		c.alert = Alert{
			Kind: NeedsPerson, App: f.App, Count: f.Count,
			Title: fmt.Sprintf("%s: %s and will not be tried again by itself", f.App, plural(f.Count, "piece of work failed", "pieces of work failed")),
			Text:  sentence(f.Words), Do: sentence(f.Fix), Commands: []string{"usher failures " + f.App, "usher retry " + f.App},
		}
		all = append(all, c)
	}
	for _, d := range s.Down {
		c := condition{key: "down " + d.App, delay: downAfter}
		c.alert = Alert{
			Kind: AppDown, App: d.App, Title: d.App + ": " + d.Title + " does not answer",
			Text: sentence(d.Reason) + " What is to be done there waits, removals included.",
			Do:   "Nothing, if it passes: Usher goes on by itself. If it lasts, look at the vendor's status page.", Commands: []string{"usher status"},
		}
		all = append(all, c)
	}
	for _, t := range s.Tokens {
		if c, ok := t.condition(now); ok {
			all = append(all, c)
		}
	}
	for _, l := range s.Logins {
		if c, ok := l.condition(now); ok {
			all = append(all, c)
		}
	}
	return all
}

// stage says how near an end is; "" when it is not told of.
func stage(expires, now time.Time) string {
	switch left := expires.Sub(now); {
	case expires.IsZero(), left > tokenSoon, left < -tokenGone:
		return ""
	case left <= 0:
		return "gone"
	case left <= tokenVerySoon:
		return "very soon"
	default:
		return "soon"
	}
}

// condition has a key for each stage, so that each is told once.
func (l Login) condition(now time.Time) (condition, bool) {
	stage := stage(l.Expires, now)
	if stage == "" {
		return condition{}, false
	}
	ends := "end"
	if stage == "gone" {
		ends = "ended"
	}
	return condition{key: fmt.Sprintf("login %s %d %s", l.Connection, l.Expires.Unix(), stage), alert: Alert{
		Kind:  LoginEnds,
		Title: fmt.Sprintf("connection %s: the credentials for %s %s on %s", l.Connection, l.Title, ends, l.Expires.UTC().Format(time.DateOnly)),
		Text:  "From then on the vendor refuses what Usher asks for, removals included.",
		Do:    "Make new credentials at the vendor, and connect with them and their new `expires:`.", Commands: []string{"usher connect " + l.Connection + " -f FILE"},
	}}, true
}

// condition has a key for each stage, so that each is told once.
func (t Token) condition(now time.Time) (condition, bool) {
	stage := stage(t.Expires, now)
	if stage == "" {
		return condition{}, false
	}
	what, which, do := "no token that may write", "", "Make a new token and enter it at the identity provider."
	if t.ReadOnly {
		what, which, do = "no read-only token", " --read-only", "Make a new token and give it to whoever reads with it, if that is still wanted."
	}
	reaches := "the identity provider is refused, and no change of it reaches Usher, removals included."
	if t.ReadOnly {
		reaches = "whoever reads with it is refused: a report, a check. What the identity provider pushes goes on."
	}
	title := fmt.Sprintf("source %s: %s is left after %s", t.Source, what, t.Expires.UTC().Format(timeLayout))
	text := "From then on " + reaches
	if stage == "gone" {
		title = fmt.Sprintf("source %s: %s is left since %s", t.Source, what, t.Expires.UTC().Format(timeLayout))
		text = strings.ToUpper(reaches[:1]) + reaches[1:]
	}
	return condition{key: fmt.Sprintf("token %s %t %d %s", t.Source, t.ReadOnly, t.Expires.Unix(), stage), alert: Alert{
		Kind: TokenExpires, Title: title, Text: text, Do: do,
		Commands: []string{"usher source token " + t.Source + which},
	}}, true
}

// insideCondition is what is told of a terminated person who is not out.
func insideCondition(w watched, left []Inside) condition {
	apps := make([]string, 0, len(left))
	text := "An administrator ended this person's access everywhere, and it has not ended in all apps."
	for _, in := range left {
		apps = append(apps, in.App)
		text += "\n" + in.App + ": " + in.Text
	}
	return condition{key: "inside " + w.Person.String(), since: w.At, delay: insideAfter, again: remindEvery, alert: Alert{
		Kind: StillInside, Count: len(left), Persons: []uuid.UUID{w.Person},
		Title: fmt.Sprintf("a terminated person is still inside: %s", list(apps)), Text: text,
		Do: "End the account there by hand if it cannot wait. Usher goes on trying.", Commands: []string{"usher terminations"},
	}}
}

// standing is what is remembered of a condition.
type standing struct {
	Key   string    `json:"key"`
	First time.Time `json:"first"`           // when it was first seen
	Last  time.Time `json:"last"`            // and last
	Told  time.Time `json:"told,omitzero"`   // when it was last told
	Count int       `json:"count,omitempty"` // then
}

var standingTable = store.NewTable("alert-standing", func(s *standing) []byte { return standingKey(s.Key) }, nil)

// standingKey shortens the causes of failures, which may be long.
func standingKey(key string) []byte {
	if len(key) <= 200 {
		return []byte(key)
	}
	sum := sha256.Sum256([]byte(key))
	return append([]byte(key[:100]), sum[:]...)
}

// tells reports whether the condition is told now, given what is remembered of it.
func (s *standing) tells(c condition, now time.Time) bool {
	since := c.since
	if since.IsZero() {
		since = s.First
	}
	switch {
	case s.Told.IsZero():
		return now.Sub(since) >= c.delay
	case now.Sub(s.First) > remindFor && now.Sub(since) > remindFor:
		return false
	case c.again > 0 && now.Sub(s.Told) >= c.again:
		return true
	default:
		return c.grows && c.alert.Count > s.Count && now.Sub(s.Told) >= growPause
	}
}

// Watch looks at what stands and makes the alerts that are due. It may be repeated. One caller at a time.
func (a *Alerts) Watch(ctx context.Context) error {
	now := a.o.Now()
	state, err := a.o.State(ctx)
	if err != nil {
		return fmt.Errorf("look at what stands: %w", err)
	}
	all := conditions(state, now)
	inside, err := a.inside(ctx, now)
	if err != nil {
		return fmt.Errorf("look whether terminated people are out: %w", err)
	}
	for _, c := range append(all, inside...) {
		if err := a.stands(ctx, c, now); err != nil {
			return fmt.Errorf("keep what stands: %w", err)
		}
	}
	return a.forget(ctx, now)
}

// stands takes down that a condition is there, and tells it when it is time.
func (a *Alerts) stands(ctx context.Context, c condition, now time.Time) error {
	id, told := a.o.NewID(), false
	err := a.o.Store.Update(ctx, func(tx store.Tx) error {
		s, err := standingTable.Get(tx, standingKey(c.key))
		if errors.Is(err, store.ErrNotFound) {
			s, err = &standing{Key: c.key, First: now}, nil
		}
		if err != nil {
			return err
		}
		s.Last = now
		if told = s.tells(c, now); told {
			s.Told, s.Count = now, c.alert.Count
			alert := a.address(c.alert, id, now)
			if err := alertTable.Insert(tx, &alert); err != nil {
				return err
			}
		}
		return standingTable.Put(tx, s)
	})
	if err == nil && told {
		a.wakeDelivery()
	}
	return err
}

// forget drops what does not stand any more.
func (a *Alerts) forget(ctx context.Context, now time.Time) error {
	var gone []string
	err := a.o.Store.View(ctx, func(r store.Reader) error {
		gone = nil
		for s, err := range standingTable.Scan(r, nil) {
			if err != nil {
				return err
			}
			if now.Sub(s.Last) > forgetAfter && len(gone) < pageSize {
				gone = append(gone, s.Key)
			}
		}
		return nil
	})
	if err != nil || len(gone) == 0 {
		return err
	}
	return a.o.Store.Update(ctx, func(tx store.Tx) error {
		for _, key := range gone {
			if err := standingTable.Delete(tx, standingKey(key)); err != nil && !errors.Is(err, store.ErrNotFound) {
				return err
			}
		}
		return nil
	})
}

// inside looks after the terminated people whom nobody has seen out yet, and stops with those who are.
func (a *Alerts) inside(ctx context.Context, now time.Time) ([]condition, error) {
	var people []watched
	err := a.o.Store.View(ctx, func(r store.Reader) error {
		people = nil
		for w, err := range watchedTable.Scan(r, nil) {
			if err != nil {
				return err
			}
			if people = append(people, *w); len(people) == pageSize {
				break
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	var all []condition
	for _, w := range people {
		left, err := a.o.Inside(ctx, w.Person)
		if err != nil {
			return nil, err
		}
		switch {
		case len(left) > 0:
			all = append(all, insideCondition(w, left))
			continue
		case now.Sub(w.At) < insideAfter:
			continue // what was under way at a vendor may still come back
		}
		err = a.o.Store.Update(ctx, func(tx store.Tx) error {
			err := watchedTable.Delete(tx, w.Person[:])
			if errors.Is(err, store.ErrNotFound) {
				return nil
			}
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	slices.SortFunc(all, func(x, y condition) int { return x.since.Compare(y.since) })
	return all, nil
}
