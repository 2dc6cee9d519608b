package provision

import (
	"testing"
	"time"
)

func TestTheRestBetweenTwoPieces(t *testing.T) {
	t.Parallel()
	const ms = time.Millisecond
	for name, c := range map[string]struct {
		took  time.Duration
		reads float64
		want  time.Duration
	}{
		"nothing asked":                  {2 * ms, 0, 4 * ms},
		"a slow disk":                    {300 * ms, 0, 5 * ms},
		"a few reads":                    {2 * ms, 25, 8 * ms},
		"many reads":                     {2 * ms, 1000, 164 * ms},
		"as many as it makes no more of": {2 * ms, 1e6, 164 * ms},
		"a slow disk and many reads":     {300 * ms, 1000, 205 * ms},
		"no time passed":                 {0, 1000, 0},
		"the clock was set back":         {-time.Hour, 1000, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := rest(c.took, c.reads); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}

func TestTheRateOfReads(t *testing.T) {
	t.Parallel()
	e := &Engine{}
	now := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	e.pace.rate(now)
	for range 50 {
		e.GiveWay()
	}
	for _, step := range []struct {
		after time.Duration
		want  float64
	}{
		{100 * time.Millisecond, 500},
		{100 * time.Millisecond, 0}, // none since
		{-time.Hour, 0},             // the clock was set back
		{0, 0},
	} {
		now = now.Add(step.after)
		if got := e.pace.rate(now); got != step.want {
			t.Errorf("after %s: got %g a second, want %g", step.after, got, step.want)
		}
	}
}
