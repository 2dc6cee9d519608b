package wire

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// maxBody bounds a request's body; more is answered with 413.
const maxBody = 1 << 20

// Options say what a Front needs besides its backend.
type Options struct {
	Name  string // the vendor, in the log
	Base  string // path of the API below the vendor's root, "/api" or "/v2"
	Clock Clock
	Log   *Log // shared by vendors that are to be seen in one sequence; nil makes one
}

// Front is the HTTP side of a stand-in: it reads a call, plays the fault that is
// due, lets the backend answer, and writes the log before the answer leaves.
// It is safe for concurrent use.
type Front struct {
	backend Backend
	name    string
	base    string
	clock   Clock
	log     *Log
	faults  faults
}

// NewFront returns the front of a backend.
func NewFront(b Backend, o Options) *Front {
	if o.Log == nil {
		o.Log = NewLog(0)
	}
	return &Front{backend: b, name: o.Name, base: o.Base, clock: o.Clock.WithDefaults(), log: o.Log}
}

// Inject arms a fault and returns what takes it away again. Faults are asked in
// the order in which they were armed; the first that matches a call is played.
func (f *Front) Inject(ft Fault) (remove func()) { return f.faults.add(ft) }

// SetChaos disturbs calls at random from now on; the zero Chaos ends it.
func (f *Front) SetChaos(c Chaos) { f.faults.setChaos(c) }

// ClearFaults takes every fault and chaos away. It does not undo what they did.
func (f *Front) ClearFaults() { f.faults.clear() }

// Faults returns the faults that were not used up yet.
func (f *Front) Faults() []Fault { return f.faults.list() }

// Log returns the log, which other vendors may share.
func (f *Front) Log() *Log { return f.log }

// Calls returns this vendor's calls in the log, in order.
func (f *Front) Calls() []Call {
	var out []Call
	for _, c := range f.log.After(0) {
		if c.Vendor == f.name {
			out = append(out, c)
		}
	}
	return out
}

// Writes returns this vendor's calls that changed its state.
func (f *Front) Writes() []Call { return Writes(f.Calls()) }

// Reset takes faults away and puts the backend back to its beginning. The log stays.
func (f *Front) Reset() {
	f.ClearFaults()
	f.backend.Reset()
}

// ServeHTTP answers one call.
func (f *Front) ServeHTTP(w http.ResponseWriter, hr *http.Request) {
	r, err := f.read(hr)
	call := Call{
		Vendor: f.name, Time: r.Now, Method: r.Method, Path: r.Path, Query: redactQuery(r.Query).Encode(),
		Body: redactBody(hr.Header.Get("Content-Type"), r.Body),
	}
	if err != nil {
		f.finish(w, call, f.backend.Trouble(r, http.StatusRequestEntityTooLarge, false))
		return
	}
	ft, ok := f.faults.take(r.Method, r.Segments)
	if ok {
		call.Fault = ft.Kind
	}
	if reply, done := f.before(hr.Context(), r, ft, call); done {
		if reply != nil {
			f.finish(w, call, *reply)
		}
		return
	}
	reply := f.backend.Handle(hr.Context(), r)
	f.after(hr.Context(), w, r, ft, call, reply)
}

// read takes a call apart. Its error says that the body is too large.
func (f *Front) read(hr *http.Request) (*Request, error) {
	r := &Request{
		Method: hr.Method, Query: hr.URL.Query(), Header: hr.Header, Host: hr.Host, Now: f.clock.Now(),
	}
	path := hr.URL.EscapedPath()
	if rest, ok := strings.CutPrefix(path, f.base+"/"); ok {
		path, r.API = "/"+rest, true
	}
	r.Path = strings.TrimSuffix(path, "/")
	for s := range strings.SplitSeq(strings.TrimPrefix(r.Path, "/"), "/") {
		d, err := url.PathUnescape(s)
		if err != nil {
			d = s
		}
		r.Segments = append(r.Segments, d)
	}
	body, err := io.ReadAll(io.LimitReader(hr.Body, maxBody+1))
	if err == nil && len(body) > maxBody {
		return r, errors.New("body too large")
	}
	r.Body = body
	return r, nil
}

// before plays a fault that comes ahead of the effect. With done the call ends
// there, answered with the reply if there is one.
func (f *Front) before(ctx context.Context, r *Request, ft Fault, call Call) (reply *Reply, done bool) {
	switch ft.Kind {
	case RateSeconds, RateHTTPDate, RateISODate, RateReset:
		re := f.tooMany(r, ft)
		return &re, true
	case ServerError:
		re := f.backend.Trouble(r, orStatus(ft.Status, http.StatusServiceUnavailable), false)
		return &re, true
	case ServerPage:
		return page(orStatus(ft.Status, http.StatusBadGateway)), true
	case Down:
		f.drop(call)
	case Slow:
		if f.clock.Wait(ctx, ft.Delay) != nil {
			f.drop(call)
		}
		r.Now = f.clock.Now()
	case Hang:
		<-ctx.Done()
		f.drop(call)
	case ExpiredToken, Revoked, Restored, OtherTenant:
		f.backend.Disturb(ft.Kind, r)
	case PageShift:
		r.Shift = ft.Shift
		if r.Shift == 0 {
			r.Shift = 1
		}
	default: // nothing due, or it comes after
	}
	return nil, false
}

// after plays a fault that touches only the answer, and answers.
func (f *Front) after(ctx context.Context, w http.ResponseWriter, r *Request, ft Fault, call Call, reply Reply) {
	call.Changed, call.Ignored = reply.Changed, reply.Ignored
	switch ft.Kind {
	case ErrorAfter:
		changed := reply.Changed
		reply = f.backend.Trouble(r, orStatus(ft.Status, http.StatusBadGateway), false)
		reply.Changed = changed
	case LostReply:
		f.drop(call)
	case CutBody:
		call.Status = reply.Status
		f.log.add(call)
		cut(w, reply)
	case SlowReply:
		if f.clock.Wait(ctx, ft.Delay) != nil {
			f.drop(call)
		}
	case HangReply:
		// The log must show the effect while the caller still waits.
		f.log.add(call)
		<-ctx.Done()
		panic(http.ErrAbortHandler)
	default: // it came before, or nothing is due
	}
	f.finish(w, call, reply)
}

// drop closes the connection without an answer. It does not return.
func (f *Front) drop(call Call) {
	f.log.add(call)
	panic(http.ErrAbortHandler)
}

// finish writes the log, then the answer.
func (f *Front) finish(w http.ResponseWriter, call Call, reply Reply) {
	body, contentType := encode(reply)
	call.Status = reply.Status
	if reply.Status >= http.StatusBadRequest {
		call.Error = string(body[:min(len(body), 500)])
	}
	f.log.add(call)
	f.send(w, reply, contentType, body)
}

func (f *Front) send(w http.ResponseWriter, reply Reply, contentType string, body []byte) {
	head(w, reply, contentType)
	w.WriteHeader(reply.Status)
	if _, err := w.Write(body); err != nil && !errors.Is(err, http.ErrBodyNotAllowed) {
		return // the caller is gone; the effect stands
	}
}

func head(w http.ResponseWriter, reply Reply, contentType string) {
	for k, vs := range reply.Header {
		w.Header()[k] = vs
	}
	if contentType != "" {
		w.Header().Set("Content-Type", contentType)
	}
}

// cut promises the whole body and closes the connection after half of it.
func cut(w http.ResponseWriter, reply Reply) {
	body, contentType := encode(reply)
	head(w, reply, contentType)
	if len(body) > 0 {
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
		w.WriteHeader(reply.Status)
		if _, err := w.Write(body[:len(body)/2]); err == nil {
			if fl, ok := w.(http.Flusher); ok {
				fl.Flush()
			}
		}
	}
	panic(http.ErrAbortHandler)
}

func encode(reply Reply) (body []byte, contentType string) {
	switch {
	case reply.JSON != nil:
		var b bytes.Buffer
		enc := json.NewEncoder(&b)
		enc.SetEscapeHTML(false)
		if err := enc.Encode(reply.JSON); err != nil {
			return fmt.Appendf(nil, "sandbox: encode reply: %v", err), "text/plain; charset=utf-8"
		}
		return b.Bytes(), "application/json"
	case reply.HTML != "":
		return []byte(reply.HTML), "text/html; charset=utf-8"
	default:
		return nil, ""
	}
}

// tooMany builds a 429 in the form the fault asks for.
func (f *Front) tooMany(r *Request, ft Fault) Reply {
	d := ft.Delay
	if d <= 0 {
		d = time.Second
	}
	reply := f.backend.Trouble(r, http.StatusTooManyRequests, ft.Kind == RateISODate)
	if reply.Header == nil {
		reply.Header = http.Header{}
	}
	reply.Header.Del("Retry-After")
	reply.Header.Del("X-RateLimit-Reset")
	at := r.Now.Add(d).UTC()
	up := at.Truncate(time.Second)
	if up.Before(at) {
		up = up.Add(time.Second)
	}
	switch ft.Kind {
	case RateHTTPDate:
		reply.Header.Set("Retry-After", up.Format(http.TimeFormat))
	case RateISODate:
		reply.Header.Set("Retry-After", up.Format(time.RFC3339))
	case RateReset:
		reply.Header.Set("X-RateLimit-Reset", strconv.FormatInt(up.Unix(), 10))
	default:
		reply.Header.Set("Retry-After", strconv.FormatInt(Seconds(d), 10))
	}
	return reply
}

// Seconds is d in whole seconds, rounded up.
func Seconds(d time.Duration) int64 { return int64((d + time.Second - 1) / time.Second) }

func page(status int) *Reply {
	return &Reply{Status: status, HTML: fmt.Sprintf("<html><head><title>%d %s</title></head><body><center><h1>%[1]d %[2]s</h1></center></body></html>\n",
		status, http.StatusText(status))}
}

func orStatus(s, otherwise int) int {
	if s == 0 {
		return otherwise
	}
	return s
}

// decode reads exactly one JSON value, numbers as they were written.
func decode(body []byte, v any) error {
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.UseNumber()
	if err := dec.Decode(v); err != nil {
		return fmt.Errorf("decode json: %w", err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return errors.New("decode json: more than one value")
	}
	return nil
}

// Object reads a body that must be one JSON object, numbers kept as json.Number.
func Object(body []byte) (map[string]any, error) {
	var o map[string]any
	if err := decode(body, &o); err != nil {
		return nil, err
	}
	if o == nil {
		return nil, errors.New("decode json: not an object")
	}
	return o, nil
}
