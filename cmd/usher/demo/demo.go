package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/usher-scim/usher/sandbox"
)

// ErrDifferent means that the week did not end as it must. What differs was written to Options.Out.
var ErrDifferent = errors.New("the vendors' accounts are not as they should be")

// Options say how the demo is shown.
type Options struct {
	Out     io.Writer
	Once    bool   // end after the comparison instead of staying up
	Colour  bool   // write escape sequences
	Width   int    // of the terminal, in columns; 0 is 80
	Version string // of the program, for the audit and the vendors

	// BeforeCompare is called when the week has been played; a test changes the vendors there.
	BeforeCompare func(*sandbox.Sandbox)
}

// Run plays the week on loopback, in a folder of its own that is removed at the end. With
// Once it returns after the comparison: nil, or ErrDifferent. Else it stays up until ctx ends
// and returns nil. Other errors mean that the demo could not be played.
func Run(ctx context.Context, o Options) (err error) {
	s, err := newStage(ctx, o)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	running, stop := context.WithCancel(ctx)
	defer stop()
	group, running := errgroup.WithContext(running)
	group.Go(func() error { return s.sandbox.Serve(running, s.vendors) })
	group.Go(func() error { return s.gateway.Run(running) })
	group.Go(func() error {
		defer stop()
		return show(running, s, o)
	})
	err = group.Wait()
	if ctx.Err() != nil && !o.Once && errors.Is(err, context.Canceled) {
		return nil // stopped by hand
	}
	return err
}

func show(ctx context.Context, s *stage, o Options) error {
	v, c := newView(o), newCast()
	began := time.Now()
	s.seed(c)
	oktaToken, entraToken, err := s.setUp(ctx)
	if err != nil {
		return err
	}
	opening(v)
	w := &week{
		stage: s, view: v, cast: c, facts: known{}, teams: map[string]string{}, ids: directoryOfIDs{},
		okta: newOkta(s.gateway.SCIMAddr(), oktaToken, v), entra: newEntra(s.gateway.SCIMAddr(), entraToken, v),
	}
	defer w.okta.close()
	defer w.entra.close()
	for _, call := range s.sandbox.Log.After(0) {
		w.calls = call.Seq // of the connections' checks
	}
	scenes := w.scenes()
	for i := range scenes {
		if _, err := w.play(ctx, &scenes[i]); err != nil {
			return err
		}
	}
	played := time.Since(began)
	if o.BeforeCompare != nil {
		o.BeforeCompare(s.sandbox)
	}
	if err := w.summary(ctx); err != nil {
		return err
	}
	different := sunday().differences(standings(s.sandbox))
	if missing, err := w.nobodyLeaving(ctx); err != nil {
		return err
	} else if missing != "" {
		different = append(different, missing)
	}
	compared(v, s, different, played)
	if o.Once {
		if len(different) > 0 {
			return ErrDifferent
		}
		return nil
	}
	stay(v, s, w, oktaToken)
	<-ctx.Done()
	v.blank()
	v.prose("Stopping; the folder is removed.")
	return nil
}

func opening(v *view) {
	v.raw(v.paint(bold, "Usher: a week at Acme"))
	v.blank()
	v.prose("Two identity providers push to Usher, and two apps follow. Everything runs on this machine: a real gateway, and stand-ins of Gorgias and Zoom. Waits are real, only shorter than you would set them.")
	v.blank()
	v.line(cameIn, "okta", "what an identity provider sent", "status")
	v.line(decided, "usher", "what Usher decided, and why", "time")
	v.line(told, "zoom", "what a vendor was told; reads are only counted", "time")
	v.blank()
	v.prose("The mapping says who gets what; Usher's reasons name its lines.")
	v.blank()
	number := 0
	for l := range strings.Lines(string(mappingText)) {
		number++
		v.raw("  " + v.paint(dim, fmt.Sprintf("%2d", number)) + "  " + strings.TrimRight(l, "\n"))
	}
}

// compared says whether the week ended as it must, and if not, what the gateway logged last.
func compared(v *view, s *stage, different []string, took time.Duration) {
	v.blank()
	if len(different) == 0 {
		v.settled(fmt.Sprintf("As it should be: every account at both vendors, and no other. The week took %s.", seconds(took)))
		return
	}
	v.trouble("Not as it should be:")
	for _, d := range different {
		v.trouble(d)
	}
	const lines = 20
	text, err := os.ReadFile(s.logFile.Name())
	if err != nil {
		return
	}
	all := strings.Split(strings.TrimSpace(string(text)), "\n")
	v.prose("What the gateway logged last:")
	for _, l := range all[max(0, len(all)-lines):] {
		v.raw("    " + v.paint(dim, l))
	}
}
