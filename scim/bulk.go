package scim

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"runtime/debug"
	"strconv"
	"strings"

	"github.com/usher-scim/usher/directory"
	"github.com/usher-scim/usher/scim/bulk"
	"github.com/usher-scim/usher/scim/fault"
	"github.com/usher-scim/usher/scim/schema"
)

const bulkResponseURN = "urn:ietf:params:scim:api:messages:2.0:BulkResponse"

// bulk carries out many operations in one request (RFC 7644 section 3.7), each as a request of its own: a transaction each, and the
// failure of one leaves the others as they are. The answer lists them in the order of the request.
func (s *Server) bulk(x *exchange) error {
	data, err := x.read(s.limits.BulkBody)
	var refused *fault.Error
	if errors.As(err, &refused) && refused.Status == http.StatusRequestEntityTooLarge {
		return fault.Status(refused.Status, "the size of the bulk request exceeds maxPayloadSize (%d)", s.limits.BulkBody)
	}
	if err != nil {
		return err
	}
	request, err := bulk.Parse(data, s.limits.BulkOperations)
	if err != nil {
		return err
	}
	job := &bulkJob{exchange: x, operations: request.Operations, results: make([]outcome, len(request.Operations)), ids: map[string]string{}}
	failed := 0
	for _, circle := range s.references.Order(request.Operations) {
		if err := x.ctx().Err(); err != nil {
			return err // nobody waits for the answer any more
		}
		if len(circle) == 1 {
			job.one(circle[0])
		} else {
			job.circle(circle)
		}
		for _, i := range circle {
			if job.results[i].failed() {
				failed++
			}
		}
		if request.FailOnErrors > 0 && failed >= request.FailOnErrors {
			break
		}
	}
	x.send(http.StatusOK, job.response())
	return nil
}

// bulkJob is a bulk request that is being carried out.
type bulkJob struct {
	*exchange
	operations []bulk.Operation
	results    []outcome
	ids        map[string]string // of what was created, by bulkId
}

// outcome is what became of an operation; the zero one was not tried.
type outcome struct {
	status   int
	location string
	version  string
	body     []byte // of an error
}

func (o outcome) failed() bool { return o.status >= http.StatusBadRequest }

// one carries out an operation that stands in no circle, but may name itself.
func (j *bulkJob) one(i int) {
	o := j.operations[i]
	if o.Wrong == nil && o.Method == http.MethodPost {
		for _, id := range j.references.References(o) {
			if id == o.BulkID {
				j.circle([]int{i})
				return
			}
		}
	}
	j.try(i, o)
}

// try carries out an operation whose references must all be known by now.
func (j *bulkJob) try(i int, o bulk.Operation) {
	if o.Wrong == nil {
		o = j.references.Resolve(o, j.ids)
		if missing := j.references.References(o); len(missing) > 0 {
			o.Wrong = unresolved(missing[0])
		}
	}
	if o.Wrong != nil {
		j.results[i] = j.refuse(o.Wrong)
		return
	}
	result := j.perform(o)
	j.results[i] = result
	if o.Method == http.MethodPost && !result.failed() {
		j.ids[o.BulkID] = result.location[strings.LastIndexByte(result.location, '/')+1:]
	}
}

func unresolved(bulkID string) *fault.Error {
	return &fault.Error{Status: http.StatusConflict, Type: fault.InvalidValue, Detail: fmt.Sprintf(
		"nothing was created for the reference bulkId:%.64s", bulkID)}
}

// circle creates resources that name each other: each without what is not there yet, and then sets what was left out. They stand or
// fall together: when one cannot be made whole, those that were made for this are deleted again.
func (j *bulkJob) circle(members []int) {
	waiting := map[string]bool{}
	for _, i := range members {
		waiting[j.operations[i].BulkID] = true
	}
	later := map[int][]bulk.Part{}
	known := map[int]bool{} // somebody whom the directory knew before: deleting would take away more than was made
	broken := false
	for _, i := range members {
		o, parts := j.references.Split(j.operations[i], func(id string) bool { return waiting[id] })
		later[i], known[i] = parts, j.knows(o)
		j.try(i, o)
		if broken = j.results[i].failed(); broken {
			break
		}
		delete(waiting, o.BulkID)
	}
	for _, i := range members {
		if broken {
			break
		}
		if len(later[i]) == 0 {
			continue
		}
		set := j.references.Resolve(j.set(i, later[i]), j.ids)
		var result outcome
		if missing := j.references.References(set); len(missing) > 0 {
			result = j.refuse(unresolved(missing[0]))
		} else {
			result = j.perform(set)
		}
		if broken = result.failed(); broken {
			j.results[i].status, j.results[i].body = result.status, result.body
			break
		}
		j.results[i].version = result.version
	}
	if broken {
		j.takeBack(members, known)
	}
}

// set is the PATCH that completes what operation i created.
func (j *bulkJob) set(i int, parts []bulk.Part) bulk.Operation {
	var steps []any
	for _, part := range parts {
		steps = append(steps, map[string]any{"op": "add", "path": part.Path, "value": part.Value})
	}
	return bulk.Operation{
		Method: http.MethodPatch, Path: j.operations[i].Path + "/" + j.ids[j.operations[i].BulkID],
		Data: map[string]any{"Operations": steps},
	}
}

// takeBack undoes the creates of a circle that could not be closed.
func (j *bulkJob) takeBack(members []int, known map[int]bool) {
	for _, i := range members {
		o, result := j.operations[i], j.results[i]
		id, made := j.ids[o.BulkID]
		delete(j.ids, o.BulkID)
		why := fault.New(fault.InvalidValue, "not done: an operation of the circle of references that it stands in failed")
		why.Status = http.StatusConflict
		if made && (known[i] || j.perform(bulk.Operation{Method: http.MethodDelete, Path: o.Path + "/" + id}).failed()) {
			why.Detail = "done without its references: an operation of the circle that it stands in failed"
		}
		if !result.failed() {
			j.results[i] = j.refuse(why)
		}
		j.results[i].location, j.results[i].version = "", ""
	}
}

// knows says whether a create means a user whom the directory knows already.
func (j *bulkJob) knows(o bulk.Operation) bool {
	target, ok := j.target(o.Path)
	if !ok || target.kind != j.users || o.Wrong != nil {
		return false
	}
	resource, err := j.users.Normalize(o.Data, j.mode())
	if err != nil {
		return false // and the create fails as well
	}
	for field, name := range map[directory.LookupField]string{directory.ByUserName: "userName", directory.ByExternalID: "externalId"} {
		value, _ := resource[name].(string)
		if value == "" {
			continue
		}
		if found, err := j.directory.FindUsers(j.ctx(), j.source, directory.Lookup{Field: field, Value: value}); err != nil || len(found) > 0 {
			return true
		}
	}
	return false
}

// refuse is the outcome of an operation that comes to no handler.
func (j *bulkJob) refuse(why *fault.Error) outcome {
	return outcome{status: why.Status, body: errorBody(why)}
}

// target is what the path of an operation leads to.
type target struct {
	kind *schema.ResourceType
	id   string
}

func (j *bulkJob) target(path string) (target, bool) {
	path = strings.Trim(strings.TrimPrefix(path, Root), "/")
	name, id, _ := strings.Cut(path, "/")
	for _, t := range []*schema.ResourceType{j.users, j.groups} {
		if "/"+name == t.Endpoint && !strings.ContainsAny(id, "/?#") {
			return target{t, id}, true
		}
	}
	return target{}, false
}

// perform gives an operation to the handler of the same request standing alone, with a reply that stays here.
func (j *bulkJob) perform(o bulk.Operation) (result outcome) {
	where, ok := j.target(o.Path)
	if !ok {
		return j.refuse(fault.Status(http.StatusNotFound, "there is nothing at the path of this operation; resources are at /Users and /Groups (case counts)"))
	}
	pattern := Root + where.kind.Endpoint
	if where.id != "" {
		pattern += "/:id"
	}
	var handle handler
	for _, r := range j.resourceRoutes() {
		if r.method == o.Method && r.pattern == pattern {
			handle = r.handle
		}
	}
	if handle == nil {
		return j.refuse(fault.Status(http.StatusMethodNotAllowed, "this path does not take %s", o.Method))
	}
	request, err := j.alone(o, where)
	if err != nil {
		return j.refuse(fault.New(fault.InvalidSyntax, "the data cannot be written as JSON"))
	}
	reply := &reply{header: http.Header{}}
	x := &exchange{
		Server: j.Server, r: request, w: &responseWriter{ResponseWriter: reply}, request: j.request,
		route:  route{pattern: pattern, id: where.id, client: j.route.client, open: true}, // the token was looked at
		source: j.source, token: j.token, dialect: j.dialect,
	}
	func() {
		defer func() {
			if p := recover(); p != nil {
				j.log.Error("scim bulk operation panicked", "request", j.request, "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
				x.w = &responseWriter{ResponseWriter: reply}
				reply.body.Reset()
				x.fail(errors.New("panic"))
			}
		}()
		if err := x.run(handle); err != nil {
			x.fail(err)
		}
	}()
	result = outcome{status: x.w.status, location: reply.header.Get("Location"), version: reply.header.Get("ETag")}
	if where.id != "" {
		result.location = j.base() + where.kind.Endpoint + "/" + where.id
	}
	if result.failed() {
		result.body, result.version = reply.body.Bytes(), ""
	}
	return result
}

// alone makes the request that an operation stands for. What was begun is ended even if the client goes away: a circle must not stay open.
func (j *bulkJob) alone(o bulk.Operation, where target) (*http.Request, error) {
	request := j.r.Clone(context.WithoutCancel(j.ctx()))
	request.Method, request.RequestURI = o.Method, ""
	request.URL = &url.URL{Path: Root + where.kind.Endpoint}
	if where.id != "" {
		request.URL.Path += "/" + where.id
	}
	if where.kind == j.groups {
		request.URL.RawQuery = "excludedAttributes=members" // nobody would see them
	}
	for _, name := range []string{"Accept", "Content-Type", "If-Match", "If-None-Match", "Authorization"} {
		request.Header.Del(name)
	}
	if o.Version != "" {
		request.Header.Set("If-Match", o.Version)
	}
	request.Body, request.ContentLength = http.NoBody, 0
	if o.Method == http.MethodDelete {
		return request, nil
	}
	data, err := json.Marshal(o.Data)
	request.Body, request.ContentLength = io.NopCloser(bytes.NewReader(data)), int64(len(data))
	return request, err
}

// reply takes what a handler answers to an operation. The resource itself is not told again (RFC 7644 section 3.7): only errors are kept.
type reply struct {
	header http.Header
	body   bytes.Buffer
	failed bool
}

// Header is http.ResponseWriter's.
func (r *reply) Header() http.Header { return r.header }

// WriteHeader is http.ResponseWriter's.
func (r *reply) WriteHeader(status int) { r.failed = status >= http.StatusBadRequest }

// Write is http.ResponseWriter's.
func (r *reply) Write(b []byte) (int, error) {
	if r.failed {
		return r.body.Write(b)
	}
	return len(b), nil
}

// response writes the BulkResponse of what was tried.
func (j *bulkJob) response() []byte {
	out := []byte(`{"schemas":["` + bulkResponseURN + `"],"Operations":[`)
	first := true
	for i, result := range j.results {
		if result.status == 0 {
			continue
		}
		if !first {
			out = append(out, ',')
		}
		first = false
		o := j.operations[i]
		out = schema.AppendString(append(out, `{"method":`...), o.Method)
		for _, text := range []struct{ name, value string }{{"bulkId", o.BulkID}, {"location", result.location}, {"version", result.version}} {
			if text.value != "" {
				out = schema.AppendString(append(append(append(out, `,"`...), text.name...), `":`...), text.value)
			}
		}
		out = append(strconv.AppendInt(append(out, `,"status":"`...), int64(result.status), 10), '"')
		if len(result.body) > 0 {
			out = append(append(out, `,"response":`...), result.body...)
		}
		out = append(out, '}')
	}
	return append(out, "]}"...)
}

// referring returns which attributes may hold the id of a resource: references to resources, and where such a
// reference is a part ("$ref"), its "value" and the attribute itself, for clients write either.
func referring(types []*schema.ResourceType) bulk.Attributes {
	names := map[string]bool{}
	var look func(attributes []*schema.Attribute)
	look = func(attributes []*schema.Attribute) {
		for _, a := range attributes {
			look(a.Sub)
			if a.Type != schema.Reference || !namesResource(a.References) {
				continue
			}
			names[directory.Fold(a.Name)] = true
			if a.Parent != nil {
				names[directory.Fold(a.Parent.Name)], names["value"] = true, true
			}
		}
	}
	for _, t := range types {
		look(t.Core.Attributes)
		for _, extension := range t.Extensions {
			look(extension.Attributes)
		}
	}
	return func(name string) bool { return names[name] }
}

func namesResource(references []string) bool {
	for _, r := range references {
		if !strings.EqualFold(r, "external") && !strings.EqualFold(r, "uri") {
			return true
		}
	}
	return false
}
