package alerts

import (
	"strings"
	"testing"
	"time"

	"github.com/usher-scim/usher/audit"
)

func (w *world) stopped() {
	w.t.Helper()
	w.write(w.fact(audit.AppStopped, "zoom", map[string]string{"reason": "the key was revoked"}))
	w.pass(2 * time.Second)
}

func (w *world) only() Alert {
	w.t.Helper()
	all, err := w.alerts.List(w.t.Context(), 10)
	w.must(err)
	if len(all) != 1 {
		w.t.Fatalf("got %d alerts, want 1", len(all))
	}
	return all[0]
}

func TestAChannelThatFailsIsTriedAgainAndKeepsNoOtherWaiting(t *testing.T) {
	w := newWorld(t)
	w.mail.fail = errDown
	w.stopped()
	if len(w.hook.got) != 1 {
		t.Fatalf("the webhook got %d, want 1", len(w.hook.got))
	}
	d := w.only().Deliveries[0]
	if d.State != Waiting || d.Attempts != 1 || d.Error != "it is down" || d.Due.Sub(w.now) != firstRetry {
		t.Errorf("got %+v, want one that waits %s", d, firstRetry)
	}
	w.pass(firstRetry - time.Second)
	if got := w.only().Deliveries[0].Attempts; got != 1 {
		t.Errorf("before it is due: got %d tries, want 1", got)
	}
	w.pass(time.Second)
	d = w.only().Deliveries[0]
	if d.Attempts != 2 || d.Due.Sub(w.now) != 2*firstRetry {
		t.Errorf("after the second try: got %+v, want one that waits %s", d, 2*firstRetry)
	}
	w.mail.fail = nil
	w.pass(time.Hour)
	if len(w.mail.got) != 1 || len(w.hook.got) != 1 || w.mail.got[0].ID != w.hook.got[0].ID {
		t.Errorf("got %v and %v, want the same alert once each", w.mail.got, w.hook.got)
	}
	if got := w.only().Deliveries[0]; got.State != Delivered || got.Error != "" {
		t.Errorf("got %+v, want it delivered", got)
	}
	if got := strings.Count(w.log.String(), "alerts do not get through"); got != 1 {
		t.Errorf("the log says %d times that it fails, want 1:\n%s", got, w.log.String())
	}
}

func TestBackoffIsBounded(t *testing.T) {
	for attempts, want := range map[int]time.Duration{0: 15 * time.Second, 1: 15 * time.Second, 2: 30 * time.Second, 5: 4 * time.Minute, 9: time.Hour, 100000: time.Hour} {
		if got := backoff(attempts); got != want {
			t.Errorf("after %d tries: got %s, want %s", attempts, got, want)
		}
	}
}

func TestGivenUpAfterThreeDays(t *testing.T) {
	w := newWorld(t)
	w.mail.fail = errDown
	w.stopped()
	for range 71 {
		w.pass(time.Hour)
	}
	if got := w.only().Deliveries[0].State; got != Waiting {
		t.Errorf("after 71 h: got %s, want it to wait", got)
	}
	w.pass(2 * time.Hour)
	if d := w.only().Deliveries[0]; d.State != GivenUp || d.Error != "it is down" {
		t.Errorf("after 73 h: got %+v, want it given up, and why", d)
	}
	if !strings.Contains(w.log.String(), "alert given up: nobody was told") {
		t.Errorf("the log does not say so:\n%s", w.log.String())
	}
	if s, err := w.alerts.Status(t.Context()); err != nil || s[0].Waiting != 0 {
		t.Errorf("status: got %+v, %v, want nothing that waits", s, err)
	}
}

func TestWhatWasSentButNotWrittenDownIsSentAgainUnderTheSameID(t *testing.T) {
	w := newWorld(t)
	w.write(w.fact(audit.AppStopped, "zoom", map[string]string{"reason": "x"}))
	w.now = w.now.Add(2 * time.Second)
	w.must(w.alerts.Collect(t.Context()))
	before := w.disk.Snapshot()
	w.must(w.alerts.Deliver(t.Context()))
	w.disk.Restore(before) // the process died between the call and the record of it
	w.start(w.mail, w.hook)
	w.pass(time.Second)
	if got := w.mail.got; len(got) != 2 || got[0].ID != got[1].ID {
		t.Errorf("got %v, want the same alert twice", got)
	}
}

func TestAChannelThatIsTakenAway(t *testing.T) {
	w := newWorld(t)
	w.mail.fail = errDown
	w.stopped()
	w.start(w.hook)
	w.pass(time.Hour)
	if d := w.only().Deliveries[0]; d.State != GivenUp || d.Error != "this channel is not set any more" {
		t.Errorf("got %+v", d)
	}
}

func TestWithoutChannelsAlertsAreKept(t *testing.T) {
	w := newWorld(t)
	w.start()
	w.pass(0)
	w.stopped()
	if got := w.only().Deliveries; len(got) != 0 {
		t.Errorf("got %v, want none", got)
	}
	if s, err := w.alerts.Status(t.Context()); err != nil || len(s) != 0 {
		t.Errorf("status: got %v, %v, want none", s, err)
	}
	if got := w.alerts.Test(t.Context(), "ann"); len(got) != 0 {
		t.Errorf("test: got %v, want none", got)
	}
}

func TestStatusOfChannels(t *testing.T) {
	w := newWorld(t)
	w.mail.fail = errDown
	w.stopped()
	s, err := w.alerts.Status(t.Context())
	w.must(err)
	if s[0].Waiting != 1 || s[0].Error != "it is down" || s[0].Since.IsZero() || s[1].Waiting != 0 || s[1].Error != "" {
		t.Errorf("got %+v", s)
	}
}

func TestTheTestSaysWhatBecameOfIt(t *testing.T) {
	w := newWorld(t)
	w.hook.fail = errDown
	got := w.alerts.Test(t.Context(), "ann\r\nBcc: x")
	if len(got) != 2 || !got[0].Sent || got[1].Sent || got[1].Error != "it is down" {
		t.Errorf("got %+v", got)
	}
	if m := w.mail.got[0]; m.Kind != Test || strings.ContainsAny(m.Text, "\r\n") {
		t.Errorf("got %+v", m)
	}
	if all, err := w.alerts.List(t.Context(), 5); err != nil || len(all) != 0 {
		t.Errorf("a test is kept: %v, %v", all, err)
	}
}
