package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/netip"
	"net/url"
	"os"
	"os/signal"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Bounds of the flags: a benchmark ends by itself, soon.
const (
	maxRequests    = 100_000
	maxConnections = 1024
	maxRuns        = 25
)

type options struct {
	n, connections, runs int
	only                 []operation
	probes               []probe
	dir                  string
	url, token           string  // an Usher that runs already, instead of one of our own
	serve                kind    // be a server
	preload              int     // users that are there before the first request
	share                float64 // of the engine probes' people and time
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	stop()
	if errors.Is(err, flag.ErrHelp) {
		return
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) (err error) {
	o, err := parse(args, stderr)
	if err != nil {
		return err
	}
	if o.serve != "" {
		return serve(ctx, o, stdin, stdout)
	}
	sync, err := syncTime(o.dir)
	if err != nil {
		return err
	}
	fmt.Fprintf(stdout, "%d connections, %d requests a measurement, medians of %d runs; %d CPUs; one sync of the disk takes %s\n",
		o.connections, o.n, o.runs, runtime.GOMAXPROCS(0), millis(float64(sync)))
	if len(o.only) > 0 && o.preload > 0 {
		fmt.Fprintf(stdout, "%d users are there before; those asked for are any of them\n", o.preload)
	}
	fmt.Fprintln(stdout)
	if len(o.only) > 0 {
		if err := compare(ctx, o, stdout, stderr); err != nil {
			return err
		}
	}
	return probeAll(ctx, o, stdout, stderr)
}

// compare measures the chosen operations at both servers, in several runs, and prints the table of them.
func compare(ctx context.Context, o options, stdout, stderr io.Writer) (err error) {
	var r report
	var data *preloaded
	if o.preload > 0 {
		fmt.Fprintf(stderr, "filling in %d users\n", o.preload)
		began := time.Now()
		if data, err = preload(ctx, o.dir, o.preload, kindFloor, kindUsher); err != nil {
			return err
		}
		fmt.Fprintf(stderr, "both servers filled in %s\n", time.Since(began).Round(time.Second))
		defer func() { err = errors.Join(err, data.remove()) }()
	}
	for i := range o.runs {
		fmt.Fprintf(stderr, "run %d of %d\n", i+1, o.runs)
		if err := oneRun(ctx, o, data, i, &r); err != nil {
			return fmt.Errorf("run %d: %w", i+1, err)
		}
	}
	return r.write(stdout)
}

// oneRun starts both servers and measures each operation at both.
func oneRun(ctx context.Context, o options, data *preloaded, i int, r *report) (err error) {
	var servers []*server
	defer func() {
		for _, s := range servers {
			err = errors.Join(err, s.stop())
			r.addServer(s)
		}
	}()
	var targets []*target
	for _, k := range []kind{kindFloor, kindUsher} {
		if k == kindUsher && o.url != "" {
			targets = append(targets, &target{name: string(k), addr: o.url, token: o.token})
			continue
		}
		s, startErr := startServer(ctx, k, o.dir, data)
		if startErr != nil {
			return startErr
		}
		servers = append(servers, s)
		targets = append(targets, &target{name: string(k), addr: s.Addr, token: s.Token})
	}
	if i%2 == 1 {
		slices.Reverse(targets)
	}
	warm := o.warm()
	tag := strconv.Itoa(i) + "." + strconv.FormatInt(time.Now().UnixNano(), 36)
	for _, op := range operations() {
		for _, t := range targets {
			if t.name == string(kindFloor) && reference(op) != op || op != opPost && !slices.Contains(o.only, op) && !o.needs(t, op) {
				continue
			}
			res, err := load(ctx, t.addr, o.connections, t.phase(op, o.n, warm, tag))
			if err == nil && op == opPost {
				err = t.made()
				if data != nil {
					t.users = data.share(kind(t.name), i, o.n+warm)
				}
			}
			if err != nil {
				return fmt.Errorf("%s at the %s server: %w", op, t.name, err)
			}
			r.add(t.name, op, res)
		}
	}
	return nil
}

// warm is how many requests are sent before a measurement.
func (o options) warm() int { return max(o.n/20, o.connections) }

// needs reports whether an operation at the floor is what a chosen one is compared with.
func (o options) needs(t *target, op operation) bool {
	return t.name == string(kindFloor) && slices.ContainsFunc(o.only, func(chosen operation) bool { return reference(chosen) == op })
}

func parse(args []string, stderr io.Writer) (options, error) {
	var o options
	var only, serve string
	f := flag.NewFlagSet("bench", flag.ContinueOnError)
	f.SetOutput(stderr)
	f.IntVar(&o.n, "n", 5000, "requests a measurement")
	f.IntVar(&o.connections, "c", 64, "connections")
	f.IntVar(&o.runs, "runs", 5, "runs")
	f.StringVar(&only, "only", "", "what to measure, separated by commas: POST,GET,PATCH,filter (the default; POST runs with any of them), and "+probeNames())
	f.StringVar(&o.dir, "dir", os.TempDir(), "folder on the disk to measure")
	f.StringVar(&o.url, "url", "", "measure the Usher at this address of loopback instead of one of our own")
	f.StringVar(&o.token, "token", "", "its bearer token")
	f.IntVar(&o.preload, "preload", 0, fmt.Sprintf("users that servers have before the first request (default 0; %d where %s need some)", defaultUsers, "start, pages, member and group"))
	f.Float64Var(&o.share, "share", 1, "share of the people and of the time that provision, limit, leaver, team, mark and drain take, for a quick look")
	f.StringVar(&serve, "serve", "", "be a server, floor, usher or engine, until standard input ends (the benchmark starts itself so)")
	if err := f.Parse(args); err != nil {
		return o, err
	}
	o.serve = kind(serve)
	for _, b := range []struct {
		flag          string
		got, min, max int
	}{{"n", o.n, 1, maxRequests}, {"c", o.connections, 1, maxConnections}, {"runs", o.runs, 1, maxRuns}, {"preload", o.preload, 0, maxPreload}} {
		if b.got < b.min || b.got > b.max {
			return o, fmt.Errorf("-%s must be between %d and %d", b.flag, b.min, b.max)
		}
	}
	if !(o.share > 0 && o.share <= 1) {
		return o, errors.New("-share must be above 0 and at most 1")
	}
	if f.NArg() > 0 {
		return o, fmt.Errorf("there is no argument %q", f.Arg(0))
	}
	o.only = operations()
	if only != "" {
		o.only = nil
		for word := range strings.SplitSeq(only, ",") {
			word = strings.TrimSpace(word)
			if i := slices.IndexFunc(operations(), func(op operation) bool { return strings.EqualFold(string(op), word) }); i >= 0 {
				o.only = append(o.only, operations()[i])
				continue
			}
			i := slices.IndexFunc(probes(), func(p probe) bool { return strings.EqualFold(p.name, word) })
			if i < 0 {
				return o, fmt.Errorf("-only: there is no operation %q", word)
			}
			o.probes = append(o.probes, probes()[i])
		}
	}
	if asked := o.runs * (o.n + o.warm()); o.serve == "" && len(o.only) > 0 && o.preload > 0 && o.preload < asked {
		return o, fmt.Errorf("-preload: each run asks for users of its own, so there must be %d of them, or fewer runs or requests", asked)
	}
	if o.url != "" && o.preload > 0 {
		return o, errors.New("-url: only servers of the benchmark's own are filled with users before")
	}
	if o.url != "" && len(o.probes) > 0 {
		return o, fmt.Errorf("-url: %s is measured at servers of the benchmark's own", o.probes[0].name)
	}
	if o.url != "" {
		var err error
		if o.url, err = loopback(o.url); err != nil {
			return o, err
		}
	}
	return o, nil
}

// loopback returns the host:port of an http address that is on this machine: load goes nowhere else.
func loopback(address string) (string, error) {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "http" || u.Port() == "" || strings.Trim(u.Path, "/") != "" {
		return "", fmt.Errorf("-url: %q is not an address such as http://127.0.0.1:8480", address)
	}
	if ip, err := netip.ParseAddr(u.Hostname()); err != nil || !ip.IsLoopback() {
		return "", fmt.Errorf("-url: %q is not on loopback (127.0.0.1 or [::1]), and load goes nowhere else", address)
	}
	return net.JoinHostPort(u.Hostname(), u.Port()), nil
}

// syncTime returns the median time that syncing one page to the disk under dir takes.
func syncTime(dir string) (took time.Duration, err error) {
	f, err := os.CreateTemp(dir, "usher-bench-*")
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, f.Close(), os.Remove(f.Name())) }()
	times := make([]time.Duration, 50)
	for i := range times {
		start := time.Now()
		if _, err := f.WriteAt(make([]byte, 4096), 0); err != nil {
			return 0, err
		}
		if err := f.Sync(); err != nil {
			return 0, err
		}
		times[i] = time.Since(start)
	}
	return median(times), nil
}
