package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"
)

// defaultUsers is how many users the probes fill in that need some, without -preload.
const defaultUsers = 100_000

// probe is a measurement with a bar of its own instead of a floor server beside it.
type probe struct {
	name string
	run  func(context.Context, *prober) error
}

// probes are all there are. Those that read come before those that write to the same data.
func probes() []probe {
	return []probe{
		{"alone", alone}, {"adds", adds}, {"start", start}, {"pages", pages}, {"member", member}, {"group", group},
		{"provision", provisioning}, {"limit", limit}, {"leaver", leaver}, {"team", team}, {"mark", mark}, {"drain", drain},
	}
}

func probeNames() string {
	var names []string
	for _, p := range probes() {
		names = append(names, p.name)
	}
	return strings.Join(names, ",")
}

// prober runs probes and gathers what they find.
type prober struct {
	options
	probe    string // that runs
	data     *preloaded
	findings []finding
	progress io.Writer
}

// finding is one line of the probes' table.
type finding struct{ probe, what, figure, bar string }

// probeAll runs the chosen probes and prints what they found.
func probeAll(ctx context.Context, o options, stdout, stderr io.Writer) (err error) {
	if len(o.probes) == 0 {
		return nil
	}
	p := &prober{options: o, progress: stderr}
	defer func() {
		if p.data != nil {
			err = errors.Join(err, p.data.remove())
		}
	}()
	for _, probe := range o.probes {
		fmt.Fprintln(stderr, "measuring", probe.name)
		p.probe = probe.name
		if err := probe.run(ctx, p); err != nil {
			return fmt.Errorf("%s: %w", probe.name, err)
		}
	}
	return writeFindings(stdout, p.findings)
}

func writeFindings(w io.Writer, findings []finding) error {
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tw, "probe\twhat\tfigure\tbar")
	for _, f := range findings {
		fmt.Fprintf(tw, "%s\t%s\t%s\t%s\n", f.probe, f.what, f.figure, f.bar)
	}
	return tw.Flush()
}

// found keeps a figure; bar is "" where there is none.
func (p *prober) found(figure, bar, what string, args ...any) {
	p.findings = append(p.findings, finding{probe: p.probe, what: fmt.Sprintf(what, args...), figure: figure, bar: bar})
}

// sized returns the share of n that the engine's probes are to take.
func (p *prober) sized(n int) int { return max(1, int(float64(n)*p.share)) }

// filled returns data with users in them, which it makes the first time.
func (p *prober) filled(ctx context.Context) (*preloaded, error) {
	if p.data != nil {
		return p.data, nil
	}
	users := p.preload
	if users == 0 {
		users = defaultUsers
	}
	fmt.Fprintf(p.progress, "filling in %d users\n", users)
	var err error
	p.data, err = preload(ctx, p.dir, users, kindUsher)
	return p.data, err
}

// at runs measure at an Usher of its own, on data that are there or (nil) none, and returns what was seen of the server.
func (p *prober) at(ctx context.Context, data *preloaded, measure func(*target) error) (*server, error) {
	return p.atKind(ctx, kindUsher, data, measure)
}

func (p *prober) atKind(ctx context.Context, k kind, data *preloaded, measure func(*target) error) (*server, error) {
	s, err := startServer(ctx, k, p.dir, data)
	if err != nil {
		return nil, err
	}
	t := &target{name: string(k), addr: s.Addr, token: s.Token}
	if data != nil {
		t.users = data.users[k]
	}
	err = measure(t)
	return s, errors.Join(err, s.stop())
}

// with runs measure with one connection to the target.
func (t *target) with(ctx context.Context, measure func(*conn) error) error {
	c, err := dial(ctx, t.addr)
	if err != nil {
		return err
	}
	return errors.Join(measure(c), c.close())
}

func mebibytes(n uint64) string { return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20)) }

func took(d time.Duration) string {
	return fmt.Sprintf("%.2f ms", float64(d)/float64(time.Millisecond))
}

func times(a, b float64) string { return fmt.Sprintf("%.2f", a/b) }
