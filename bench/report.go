package main

import (
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
	"time"
)

// measured is one operation at one server: a result for each run.
type measured struct {
	server string
	op     operation
	runs   []result
}

// report is all that was measured.
type report struct {
	rows    []*measured
	servers map[kind]*lives
}

// lives are what was seen of a server in each run: how long it took to start, and the most heap it had in use.
type lives struct{ start, heap []float64 }

// addServer keeps what was seen of a server that has ended.
func (r *report) addServer(s *server) {
	if r.servers == nil {
		r.servers = make(map[kind]*lives)
	}
	l := r.servers[s.kind]
	if l == nil {
		l = &lives{}
		r.servers[s.kind] = l
	}
	l.start = append(l.start, float64(s.start))
	l.heap = append(l.heap, float64(s.used.Heap))
}

// add keeps the result of a run.
func (r *report) add(server string, op operation, res result) {
	m := r.find(server, op)
	if m == nil {
		m = &measured{server: server, op: op}
		r.rows = append(r.rows, m)
	}
	m.runs = append(m.runs, res)
}

func (r *report) find(server string, op operation) *measured {
	for _, m := range r.rows {
		if m.server == server && m.op == op {
			return m
		}
	}
	return nil
}

// reference returns the floor's operation that op is compared with: a write with its one
// durable write, a read with its read by id.
func reference(op operation) operation {
	if op == opPost || op == opPatch {
		return opPost
	}
	return opGet
}

// ratio is the median over the runs of m's throughput divided by the floor's in the same run.
func (r *report) ratio(m *measured) (float64, bool) {
	base := r.find(string(kindFloor), reference(m.op))
	if base == nil || m.server == base.server || len(base.runs) != len(m.runs) {
		return 0, false
	}
	ratios := make([]float64, len(m.runs))
	for i := range m.runs {
		ratios[i] = m.runs[i].rate / base.runs[i].rate
	}
	return median(ratios), true
}

// write prints the table, floor first, in the order of the operations.
func (r *report) write(w io.Writer) error {
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(tw, "server\toperation\trequests/s\tp50\tp99\tof the floor's\t")
	for _, server := range []kind{kindFloor, kindUsher} {
		for _, op := range operations() {
			m := r.find(string(server), op)
			if m == nil {
				continue
			}
			compared := ""
			if ratio, ok := r.ratio(m); ok {
				compared = fmt.Sprintf("%.2f × %s", ratio, reference(m.op))
			}
			fmt.Fprintf(tw, "%s\t%s\t%.0f\t%s\t%s\t%s\t\n", m.server, m.op, m.median(func(x result) float64 { return x.rate }),
				millis(m.median(func(x result) float64 { return float64(x.p50) })),
				millis(m.median(func(x result) float64 { return float64(x.p99) })), compared)
		}
	}
	if err := tw.Flush(); err != nil {
		return err
	}
	for _, k := range []kind{kindFloor, kindUsher} {
		if l := r.servers[k]; l != nil {
			fmt.Fprintf(w, "%s: ready after %s, at most %.0f MiB of heap in use\n", k, millis(slices.Max(l.start)), slices.Max(l.heap)/(1<<20))
		}
	}
	return nil
}

func (m *measured) median(of func(result) float64) float64 {
	values := make([]float64, len(m.runs))
	for i, run := range m.runs {
		values[i] = of(run)
	}
	return median(values)
}

func millis(nanos float64) string {
	return fmt.Sprintf("%.1f ms", nanos/float64(time.Millisecond))
}
