package wire

import (
	"context"
	"encoding/json"
	"net/url"
	"strings"
	"sync"
	"time"
)

// Call is one line of the log: what came in, what it did and what was answered.
type Call struct {
	Seq     int64           `json:"seq"` // from 1, without holes, in the order in which calls ended
	Vendor  string          `json:"vendor"`
	Time    time.Time       `json:"time"` // when the call came in
	Method  string          `json:"method"`
	Path    string          `json:"path"` // as Request.Path
	Query   string          `json:"query,omitempty"`
	Body    json.RawMessage `json:"body,omitempty"`    // secrets replaced
	Status  int             `json:"status"`            // what the caller got; 0 if it got no answer
	Changed bool            `json:"changed"`           // as Reply.Changed, whatever the caller got
	Error   string          `json:"error,omitempty"`   // the body of an error reply, shortened
	Fault   Kind            `json:"fault,omitempty"`   // what was played on the call
	Ignored []string        `json:"ignored,omitempty"` // as Reply.Ignored
}

// Log keeps the last calls of the vendors that share it. It is safe for concurrent use.
type Log struct {
	mu    sync.Mutex
	limit int
	calls []Call
	seq   int64
	grown chan struct{} // closed and replaced with every call
}

// DefaultLogLimit is how many calls a Log keeps unless it is told otherwise.
const DefaultLogLimit = 20_000

// NewLog returns a log of the last limit calls; 0 is DefaultLogLimit.
func NewLog(limit int) *Log {
	if limit <= 0 {
		limit = DefaultLogLimit
	}
	return &Log{limit: limit, grown: make(chan struct{})}
}

func (l *Log) add(c Call) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.seq++
	c.Seq = l.seq
	l.calls = append(l.calls, c)
	if len(l.calls) > 2*l.limit { // cut in large pieces: the cost is shared by many calls
		l.calls = append([]Call(nil), l.calls[len(l.calls)-l.limit:]...)
	}
	close(l.grown)
	l.grown = make(chan struct{})
}

// After returns the kept calls with a sequence number above seq, in order; After(0) returns all.
func (l *Log) After(seq int64) []Call {
	out, _ := l.after(seq)
	return out
}

func (l *Log) after(seq int64) ([]Call, <-chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	kept := l.calls
	if len(kept) > l.limit {
		kept = kept[len(kept)-l.limit:]
	}
	for len(kept) > 0 && kept[0].Seq <= seq {
		skip := min(int64(len(kept)), seq-kept[0].Seq+1)
		kept = kept[skip:]
	}
	return append([]Call(nil), kept...), l.grown
}

// Await returns the first call after seq for which ok is true, waiting for it until ctx ends.
func (l *Log) Await(ctx context.Context, seq int64, ok func(Call) bool) (Call, error) {
	for {
		calls, grown := l.after(seq)
		for _, c := range calls {
			if ok(c) {
				return c, nil
			}
			seq = c.Seq
		}
		select {
		case <-ctx.Done():
			return Call{}, ctx.Err()
		case <-grown:
		}
	}
}

// Reset empties the log; numbers go on.
func (l *Log) Reset() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.calls = nil
}

// Writes returns those of calls that changed a vendor's state.
func Writes(calls []Call) []Call {
	var out []Call
	for _, c := range calls {
		if c.Changed {
			out = append(out, c)
		}
	}
	return out
}

const hidden = "[redacted]"

// secret tells names whose values never reach the log.
func secret(name string) bool {
	name = strings.ToLower(name)
	switch name {
	case "code", "code_verifier", "token", "two_fa_code", "host_key":
		return true
	}
	return strings.Contains(name, "password") || strings.Contains(name, "secret") || strings.HasSuffix(name, "_token")
}

// redactBody returns a body as JSON without secrets. What is neither JSON nor a form is shown by its length only.
func redactBody(contentType string, body []byte) json.RawMessage {
	if len(body) == 0 {
		return nil
	}
	var v any
	switch {
	case strings.HasPrefix(contentType, "application/x-www-form-urlencoded"):
		form, err := url.ParseQuery(string(body))
		if err != nil {
			return describe(len(body))
		}
		v = map[string][]string(redactQuery(form))
	default:
		if err := decode(body, &v); err != nil {
			return describe(len(body))
		}
		v = redactValue(v)
	}
	b, err := json.Marshal(v)
	if err != nil {
		return describe(len(body))
	}
	return b
}

func describe(n int) json.RawMessage {
	b, err := json.Marshal(map[string]int{"unreadable_bytes": n})
	if err != nil {
		return nil
	}
	return b
}

func redactValue(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for k, e := range v {
			if secret(k) {
				v[k] = hidden
			} else {
				v[k] = redactValue(e)
			}
		}
	case []any:
		for i, e := range v {
			v[i] = redactValue(e)
		}
	}
	return v
}

func redactQuery(q url.Values) url.Values {
	out := url.Values{}
	for k, vs := range q {
		if secret(k) && k != "next_page_token" {
			vs = []string{hidden}
		}
		out[k] = vs
	}
	return out
}
