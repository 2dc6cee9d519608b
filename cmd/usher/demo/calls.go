package demo

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/usher-scim/usher/sandbox"
	"github.com/usher-scim/usher/sandbox/wire"
)

// directoryOfIDs remembers what the vendors' ids stand for, also after they are gone.
type directoryOfIDs map[string]string

func (d directoryOfIDs) name(vendor, id string) string {
	if name, ok := d[vendor+"/"+id]; ok {
		return name
	}
	return id
}

// learn takes up the ids that the vendors have now. A first name stays: an id that is renamed is the same person.
func (d directoryOfIDs) learn(s *sandbox.Sandbox) {
	for _, u := range s.Gorgias.Users() {
		d["gorgias/"+fmt.Sprint(u.ID)] = u.Email
	}
	for _, t := range s.Gorgias.Teams() {
		d["gorgias/"+fmt.Sprint(t.ID)] = t.Name
	}
	for _, u := range s.Zoom.Users() {
		if _, ok := d["zoom/"+u.ID]; !ok {
			d["zoom/"+u.ID] = u.Email
		}
	}
}

// write is a call that changed something at a vendor, or was to, in words.
type write struct {
	at     time.Time
	vendor string
	text   string
	who    string // whom or what it is about
	like   string // the same for calls of the same kind
	place  string // method and path of a call that says all anew, so that the last one counts
	times  int
	failed bool
}

// writes turns calls into words and counts the reads among them.
func (d directoryOfIDs) writes(calls []wire.Call) (out []write, reads int) {
	for i := range calls {
		c := &calls[i]
		switch {
		case strings.HasPrefix(c.Path, "/oauth/"):
		case !c.Changed && (c.Method == http.MethodGet || c.Status < http.StatusBadRequest):
			reads++
		default:
			out = append(out, d.write(c))
		}
	}
	return out, reads
}

func (d directoryOfIDs) write(c *wire.Call) write {
	w := write{at: c.Time, vendor: c.Vendor, failed: !c.Changed, times: 1}
	segments := strings.Split(c.Path, "/")
	kind := slices.Clone(segments)
	for i, s := range segments {
		if id, err := url.PathUnescape(s); err == nil && i > 1 {
			if name := local(d.name(c.Vendor, id)); name != local(id) {
				w.who = name
				segments[i], kind[i] = "{"+name+"}", "{}"
			}
		}
	}
	fields := d.fields(c)
	if w.who == "" {
		w.who = fields.about()
	}
	w.text = c.Method + " " + strings.Join(segments, "/") + "  " + fields.String()
	if w.failed {
		w.text += fmt.Sprintf("  (answered with %d)", c.Status)
	}
	w.text = strings.TrimSpace(w.text)
	if segments[1] == "teams" {
		w.place = c.Method + " " + c.Path
		kind = segments // teams are too different to be summed up
	}
	w.like = fmt.Sprint(c.Vendor, c.Method, strings.Join(kind, "/"), fields.kind(), w.failed)
	return w
}

// field is one value that was sent.
type field struct{ key, value string }

type fields []field

// fields flattens a call's query and body.
func (d directoryOfIDs) fields(c *wire.Call) fields {
	var f fields
	if q, err := url.ParseQuery(c.Query); err == nil {
		for key, values := range q {
			f = append(f, field{key, strings.Join(values, ",")})
		}
	}
	var body any
	if len(c.Body) > 0 && json.Unmarshal(c.Body, &body) == nil {
		f = d.flatten(f, c.Vendor, "", body)
	}
	slices.SortStableFunc(f, func(a, b field) int {
		if n := rankOf(a.key) - rankOf(b.key); n != 0 {
			return n
		}
		return strings.Compare(a.key, b.key)
	})
	return f
}

// rankOf puts first what a reader looks for.
func rankOf(key string) int {
	order := []string{"action", "email", "name", "display_name", "role", "type", "transfer_email"}
	if i := slices.Index(order, key); i >= 0 {
		return i
	}
	return len(order)
}

func (d directoryOfIDs) flatten(f fields, vendor, key string, v any) fields {
	switch v := v.(type) {
	case map[string]any:
		for k, e := range v {
			if k == "name" && key == "role" { // {"role": {"name": …}}
				k = key
			}
			f = d.flatten(f, vendor, k, e)
		}
		return f
	case []any:
		names := make([]string, len(v))
		for i, e := range v {
			names[i] = d.member(vendor, e)
		}
		return append(f, field{key, strings.Join(names, " ")})
	default:
		text := fmt.Sprint(v)
		if n, ok := v.(float64); ok {
			text = fmt.Sprint(int64(n))
		}
		if _, err := uuid.Parse(text); err == nil {
			text = text[:8] + "…"
		}
		return append(f, field{key, text})
	}
}

// member is one entry of a list, which both vendors write as {"id": …}.
func (d directoryOfIDs) member(vendor string, v any) string {
	if o, ok := v.(map[string]any); ok {
		v = o["id"]
	}
	if n, ok := v.(float64); ok {
		v = int64(n)
	}
	return local(d.name(vendor, fmt.Sprint(v)))
}

func (f fields) String() string {
	parts := make([]string, len(f))
	for i, e := range f {
		switch e.value {
		case "true":
			parts[i] = e.key
		case "":
			parts[i] = e.key + "=(none)"
		default:
			parts[i] = e.key + "=" + e.value
		}
	}
	return strings.Join(parts, ", ")
}

// about is the person that a call without an id in its path names.
func (f fields) about() string {
	for _, e := range f {
		if e.key == "email" {
			return local(e.value)
		}
	}
	return ""
}

// kind is what makes two calls alike: the same fields, and the same role or licence.
func (f fields) kind() string {
	var b strings.Builder
	for _, e := range f {
		b.WriteString(e.key + " ")
		if e.key == "role" || e.key == "type" || e.key == "action" {
			b.WriteString(e.value + " ")
		}
	}
	return b.String()
}
