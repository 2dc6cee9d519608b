package alerts

import (
	"strings"
	"testing"
	"time"
)

func TestWhatStandsIsToldWhileItLasts(t *testing.T) {
	hours := func(n int) time.Duration { return time.Duration(n) * time.Hour }
	for _, c := range []struct {
		name  string
		state State
		after []time.Duration // moments at which it is looked at
		told  []int           // how many alerts there are by then
	}{
		{"a late removal, after it was seen for half a minute, then every four hours", State{Late: []Late{{App: "zoom", Count: 1}}},
			[]time.Duration{0, time.Minute, hours(1), hours(4) + time.Minute, hours(8) + 2*time.Minute}, []int{0, 1, 1, 2, 3}},
		{"removals held for the budget: the facts told of the beginning", State{Held: []Held{{App: "zoom", Count: 47, Since: time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)}}},
			[]time.Duration{time.Minute, hours(3), hours(4), hours(7), hours(8)}, []int{0, 0, 1, 1, 2}},
		{"a failure that needs a person, once a day", State{Failed: []Failed{{App: "zoom", Cause: "invalid", Count: 3}}},
			[]time.Duration{0, time.Minute, hours(4), hours(25)}, []int{0, 1, 1, 2}},
		{"a vendor that is down, once, and not for a moment", State{Down: []Down{{App: "zoom", Title: "Zoom", Reason: "it is away"}}},
			[]time.Duration{0, 4 * time.Minute, 5 * time.Minute, hours(30)}, []int{0, 0, 1, 1}},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			w.state = c.state
			begin := w.now
			for i, d := range c.after {
				for w.now.Before(begin.Add(d)) { // it is looked at all the time in between
					w.pass(min(time.Minute, begin.Add(d).Sub(w.now)))
				}
				w.pass(0)
				if got := len(w.mail.got); got != c.told[i] {
					t.Fatalf("after %s: got %d alerts, want %d: %q", d, got, c.told[i], w.titles())
				}
			}
		})
	}
}

func TestWhatGrowsIsToldAgain(t *testing.T) {
	w := newWorld(t)
	w.state.Failed = []Failed{{App: "zoom", Cause: "invalid", Count: 3}}
	w.pass(0)
	w.pass(time.Minute)
	w.state.Failed[0].Count = 4
	for range 58 {
		w.pass(time.Minute)
	}
	w.wantTitles("zoom: 3 pieces of work failed and will not be tried again by itself")
	w.pass(2 * time.Minute)
	w.wantTitles("zoom: 3 pieces of work failed and will not be tried again by itself", "zoom: 4 pieces of work failed and will not be tried again by itself")
}

func TestWhatFlickersIsOneThing(t *testing.T) {
	w := newWorld(t)
	for range 20 { // it is worked on again and again
		w.state.Late = []Late{{App: "zoom", Count: 1}}
		w.pass(time.Minute)
		w.state.Late = nil
		w.pass(time.Minute)
	}
	if got := len(w.mail.got); got != 1 {
		t.Errorf("got %d alerts, want 1", got)
	}
	w.pass(forgetAfter + time.Minute)
	w.state.Late = []Late{{App: "zoom", Count: 1}}
	w.pass(0)
	w.pass(time.Minute)
	if got := len(w.mail.got); got != 2 {
		t.Errorf("after it was over and came again: got %d alerts, want 2", got)
	}
}

func TestRemindersEnd(t *testing.T) {
	w := newWorld(t)
	w.state.Late = []Late{{App: "zoom", Count: 1}}
	for range 9 * 24 * 12 {
		w.pass(5 * time.Minute)
	}
	if got := len(w.mail.got); got < 40 || got > 43 {
		t.Errorf("in nine days: got %d alerts, want those of seven days", got)
	}
}

func TestTokens(t *testing.T) {
	w := newWorld(t)
	day := 24 * time.Hour
	w.state.Tokens = []Token{{Source: "okta", Expires: w.now.Add(20 * day)}, {Source: "report", ReadOnly: true, Expires: w.now.Add(365 * day)}, {Source: "entra"}}
	for range 40 * 6 {
		w.pass(4 * time.Hour)
	}
	w.wantTitles("source okta: no token that may write is left after 2026-03-22 09:00 UTC", "source okta: no token that may write is left after 2026-03-22 09:00 UTC",
		"source okta: no token that may write is left since 2026-03-22 09:00 UTC")
	if got, want := w.mail.got[0].Commands[0], "usher source token okta"; got != want {
		t.Errorf("command: got %q, want %q", got, want)
	}
	read, _ := Token{Source: "report", ReadOnly: true, Expires: w.now.Add(time.Hour)}.condition(w.now)
	if got, want := read.alert.Commands[0], "usher source token report --read-only"; got != want {
		t.Errorf("command: got %q, want %q", got, want)
	}
}

// A connection's credentials are told of like a source's tokens, and not at all where nobody said when they end.
func TestCredentials(t *testing.T) {
	w := newWorld(t)
	w.state.Logins = []Login{{Connection: "zoom-prod", Title: "zoom", Expires: w.now.Add(20 * 24 * time.Hour)}, {Connection: "gorgias-prod", Title: "gorgias"}}
	for range 40 * 6 {
		w.pass(4 * time.Hour)
	}
	w.wantTitles("connection zoom-prod: the credentials for zoom end on 2026-03-22", "connection zoom-prod: the credentials for zoom end on 2026-03-22",
		"connection zoom-prod: the credentials for zoom ended on 2026-03-22")
}

// Every alert says what, where and what to do, with a command that can be typed.
func TestEveryAlertIsComplete(t *testing.T) {
	now := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	all := conditions(State{
		Late: []Late{{App: "zoom", Count: 2, Since: now, Why: "zoom is paused"}}, Failed: []Failed{{App: "zoom", Cause: "x", Words: "Zoom refuses", Fix: "look", Count: 1}},
		Held: []Held{{App: "zoom", Count: 1, Since: now}}, Down: []Down{{App: "zoom", Title: "Zoom", Reason: "it is away"}}, Tokens: []Token{{Source: "okta", Expires: now.Add(time.Hour)}},
		Logins: []Login{{Connection: "zoom-prod", Title: "zoom", Expires: now.Add(time.Hour)}},
	}, now)
	var complete []Alert
	for _, c := range append(all, insideCondition(watched{Person: kim, At: now}, []Inside{{App: "zoom", Text: "being cut now"}})) {
		complete = append(complete, c.alert)
	}
	for _, k := range []Kind{HoldsOpened, LeaverHeld, AppStopped, RolloutStopped, LeaverReturned} {
		g := group{Kind: k, App: "zoom", Detail: "budget", Count: 1}
		complete = append(complete, g.alert())
	}
	for _, a := range complete {
		if a.Title == "" || a.Text == "" || a.Do == "" || len(a.Commands) == 0 || strings.Contains(a.Title, "..") || strings.HasSuffix(a.Title, ".") {
			t.Errorf("not complete: %+v", a)
		}
		for _, c := range a.Commands {
			if !strings.HasPrefix(c, "usher ") {
				t.Errorf("%s: %q is no command", a.Kind, c)
			}
		}
		if a.Kind != TokenExpires && a.Kind != RolloutStopped && !strings.Contains(a.Title, "zoom") {
			t.Errorf("%s: the title does not say where: %q", a.Kind, a.Title)
		}
	}
}
