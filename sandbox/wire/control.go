package wire

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Control returns the control API of the given vendors, which share log. It is
// for tests and demonstrations on loopback and asks for no credential.
//
//	GET    /_sandbox/calls?after=N&vendor=V   the log after number N
//	GET    /_sandbox/state                    every vendor's state, by its name
//	GET    /_sandbox/faults                   the faults that still wait, by vendor
//	POST   /_sandbox/faults                   arms one: {"vendor","kind","method","path","skip","count","delay":"2s","status","shift"}
//	DELETE /_sandbox/faults                   takes all faults and chaos away
//	POST   /_sandbox/chaos                    {"vendor","seed","rate","kinds":[…],"delay":"1s"}; no vendor means all
//	POST   /_sandbox/reset                    puts every vendor back to its beginning and empties the log
//	POST   /_sandbox/{vendor}/{act}           a vendor's own acts, see the vendors' Control
func Control(log *Log, fronts ...*Front) http.Handler {
	c := control{log: log, fronts: fronts}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /_sandbox/calls", c.calls)
	mux.HandleFunc("GET /_sandbox/state", c.state)
	mux.HandleFunc("GET /_sandbox/faults", c.faults)
	mux.HandleFunc("POST /_sandbox/faults", c.inject)
	mux.HandleFunc("DELETE /_sandbox/faults", c.clear)
	mux.HandleFunc("POST /_sandbox/chaos", c.chaos)
	mux.HandleFunc("POST /_sandbox/reset", c.reset)
	mux.HandleFunc("POST /_sandbox/{vendor}/{act}", c.act)
	return mux
}

type control struct {
	log    *Log
	fronts []*Front
}

// faultJSON is a Fault or a Chaos as the control API writes it.
type faultJSON struct {
	Vendor string  `json:"vendor,omitempty"`
	Kind   Kind    `json:"kind,omitempty"`
	Method string  `json:"method,omitempty"`
	Path   string  `json:"path,omitempty"`
	Skip   int     `json:"skip,omitempty"`
	Count  int     `json:"count,omitempty"`
	Delay  string  `json:"delay,omitempty"` // as time.ParseDuration reads it
	Status int     `json:"status,omitempty"`
	Shift  int     `json:"shift,omitempty"`
	Seed   uint64  `json:"seed,omitempty"`
	Rate   float64 `json:"rate,omitempty"`
	Kinds  []Kind  `json:"kinds,omitempty"`
}

func (c control) calls(w http.ResponseWriter, r *http.Request) {
	var after int64
	if s := r.URL.Query().Get("after"); s != "" {
		n, err := strconv.ParseInt(s, 10, 64)
		if err != nil {
			problem(w, http.StatusBadRequest, fmt.Errorf("read after: %q is no number", s))
			return
		}
		after = n
	}
	calls := c.log.After(after)
	if v := r.URL.Query().Get("vendor"); v != "" {
		calls = slices.DeleteFunc(calls, func(call Call) bool { return call.Vendor != v })
	}
	if calls == nil {
		calls = []Call{}
	}
	answer(w, http.StatusOK, calls)
}

func (c control) state(w http.ResponseWriter, _ *http.Request) {
	all := map[string]any{}
	for _, f := range c.fronts {
		all[f.name] = f.backend.State()
	}
	answer(w, http.StatusOK, all)
}

func (c control) faults(w http.ResponseWriter, _ *http.Request) {
	all := []faultJSON{}
	for _, f := range c.fronts {
		for _, ft := range f.Faults() {
			j := faultJSON{
				Vendor: f.name, Kind: ft.Kind, Method: ft.Method, Path: ft.Path, Skip: ft.Skip, Count: ft.Count, Status: ft.Status, Shift: ft.Shift,
			}
			if ft.Delay > 0 {
				j.Delay = ft.Delay.String()
			}
			all = append(all, j)
		}
	}
	answer(w, http.StatusOK, all)
}

func (c control) inject(w http.ResponseWriter, r *http.Request) {
	j, delay, err := readFault(r)
	if err != nil {
		problem(w, http.StatusBadRequest, err)
		return
	}
	f := c.front(j.Vendor)
	if f == nil {
		problem(w, http.StatusBadRequest, fmt.Errorf("read fault: there is no vendor %q", j.Vendor))
		return
	}
	if !slices.Contains(Kinds(), j.Kind) {
		problem(w, http.StatusBadRequest, fmt.Errorf("read fault: there is no kind %q", j.Kind))
		return
	}
	f.Inject(Fault{
		Kind: j.Kind, Method: j.Method, Path: j.Path, Skip: j.Skip, Count: j.Count, Delay: delay, Status: j.Status, Shift: j.Shift,
	})
	w.WriteHeader(http.StatusNoContent)
}

func (c control) chaos(w http.ResponseWriter, r *http.Request) {
	j, delay, err := readFault(r)
	if err != nil {
		problem(w, http.StatusBadRequest, err)
		return
	}
	for _, k := range j.Kinds {
		if !slices.Contains(Kinds(), k) {
			problem(w, http.StatusBadRequest, fmt.Errorf("read chaos: there is no kind %q", k))
			return
		}
	}
	if j.Vendor != "" && c.front(j.Vendor) == nil {
		problem(w, http.StatusBadRequest, fmt.Errorf("read chaos: there is no vendor %q", j.Vendor))
		return
	}
	for _, f := range c.fronts {
		if j.Vendor == "" || j.Vendor == f.name {
			f.SetChaos(Chaos{Seed: j.Seed, Rate: j.Rate, Kinds: j.Kinds, Delay: delay})
		}
	}
	w.WriteHeader(http.StatusNoContent)
}

func (c control) clear(w http.ResponseWriter, _ *http.Request) {
	for _, f := range c.fronts {
		f.ClearFaults()
	}
	w.WriteHeader(http.StatusNoContent)
}

func (c control) reset(w http.ResponseWriter, _ *http.Request) {
	for _, f := range c.fronts {
		f.Reset()
	}
	c.log.Reset()
	w.WriteHeader(http.StatusNoContent)
}

func (c control) act(w http.ResponseWriter, r *http.Request) {
	f := c.front(r.PathValue("vendor"))
	if f == nil {
		problem(w, http.StatusNotFound, fmt.Errorf("there is no vendor %q", r.PathValue("vendor")))
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		problem(w, http.StatusBadRequest, fmt.Errorf("read body: %w", err))
		return
	}
	result, err := f.backend.Control(r.PathValue("act"), body)
	if err != nil {
		problem(w, http.StatusBadRequest, err)
		return
	}
	answer(w, http.StatusOK, result)
}

func (c control) front(name string) *Front {
	for _, f := range c.fronts {
		if f.name == name {
			return f
		}
	}
	return nil
}

func readFault(r *http.Request) (j faultJSON, delay time.Duration, err error) {
	dec := json.NewDecoder(io.LimitReader(r.Body, maxBody))
	dec.DisallowUnknownFields()
	if err = dec.Decode(&j); err != nil {
		return j, 0, fmt.Errorf("read fault: %w", err)
	}
	if j.Delay != "" {
		if delay, err = time.ParseDuration(j.Delay); err != nil {
			return j, 0, fmt.Errorf("read delay: %w", err)
		}
	}
	if j.Rate < 0 || j.Rate > 1 {
		return j, 0, errors.New("read rate: it is a share from 0 to 1")
	}
	j.Method = strings.ToUpper(j.Method)
	return j, delay, nil
}

func answer(w http.ResponseWriter, status int, v any) {
	b, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		status, b = http.StatusInternalServerError, []byte(`{"error":"cannot encode the state"}`)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	if _, err := w.Write(append(b, '\n')); err != nil {
		return // the caller is gone
	}
}

func problem(w http.ResponseWriter, status int, err error) {
	answer(w, status, map[string]string{"error": err.Error()})
}
