package bulk

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"

	"github.com/usher-scim/usher/directory"
	"github.com/usher-scim/usher/scim/fault"
)

// URN is the schema of a bulk request.
const URN = "urn:ietf:params:scim:api:messages:2.0:BulkRequest"

// Request is a bulk request as the client wrote it.
type Request struct {
	// FailOnErrors is how many failed operations end the request; 0: none does.
	FailOnErrors int
	Operations   []Operation
}

// Operation is one of them. Data is decoded as package body does.
type Operation struct {
	Method  string // POST, PUT, PATCH or DELETE
	Path    string // "/Users", "/Users/{id}" or "/Users/bulkId:x"
	BulkID  string // "" without one
	Version string // the entity tag that the resource must have, "" for any
	Data    map[string]any
	// Wrong is what makes the operation none at all; nil: it can be tried.
	Wrong *fault.Error
}

// Parse reads a bulk request of at most limit operations. Keys are taken in any case; a missing "schemas" is let pass, as for
// PATCH. What is wrong with one operation stands in it and does not concern the others; what makes the request as a whole
// unreadable is the error: a *fault.Error. That is also a bulkId that two operations create: nobody could tell which a
// reference means.
func Parse(body map[string]any, limit int) (Request, error) {
	var r Request
	if schemas, ok := field(body, "schemas"); ok && !names(schemas, URN) {
		return r, fault.New(fault.InvalidSyntax, "schemas must name %s", URN)
	}
	if value, ok := field(body, "failOnErrors"); ok && value != nil {
		number, _ := value.(json.Number)
		n, err := strconv.Atoi(number.String())
		if err != nil || n < 1 {
			return r, fault.New(fault.InvalidValue, "failOnErrors must be a whole number of at least 1")
		}
		r.FailOnErrors = n
	}
	value, _ := field(body, "Operations")
	list, ok := value.([]any)
	if !ok || len(list) == 0 {
		return r, fault.New(fault.InvalidSyntax, "Operations must be a list of at least one operation")
	}
	if len(list) > limit {
		return r, fault.Status(http.StatusRequestEntityTooLarge, "the bulk request has %d operations, more than maxOperations (%d)", len(list), limit)
	}
	r.Operations = make([]Operation, len(list))
	seen := map[string]int{}
	for i, element := range list {
		o := parse(element)
		r.Operations[i] = o
		if o.Method != http.MethodPost || o.BulkID == "" {
			continue
		}
		if first, twice := seen[o.BulkID]; twice {
			return r, fault.New(fault.InvalidValue, "operations %d and %d have the same bulkId", first+1, i+1)
		}
		seen[o.BulkID] = i
	}
	return r, nil
}

func parse(element any) Operation {
	object, ok := element.(map[string]any)
	if !ok {
		return Operation{Wrong: fault.New(fault.InvalidSyntax, "an operation must be an object")}
	}
	var o Operation
	for _, text := range []struct {
		name string
		into *string
	}{{"method", &o.Method}, {"path", &o.Path}, {"bulkId", &o.BulkID}, {"version", &o.Version}} {
		value, _ := field(object, text.name)
		if value == nil {
			continue
		}
		if *text.into, ok = value.(string); !ok {
			return Operation{Wrong: fault.New(fault.InvalidSyntax, "%s must be a string", text.name)}
		}
	}
	o.Method = strings.ToUpper(o.Method)
	data, _ := field(object, "data")
	o.Data, _ = data.(map[string]any)
	o.Wrong = o.check()
	return o
}

func (o Operation) check() *fault.Error {
	switch o.Method {
	case http.MethodPost:
		if o.BulkID == "" {
			return fault.New(fault.InvalidValue, "a POST needs a bulkId")
		}
	case http.MethodPut, http.MethodPatch, http.MethodDelete:
	default:
		return fault.New(fault.InvalidValue, "method must be POST, PUT, PATCH or DELETE")
	}
	if o.Path == "" {
		return fault.New(fault.InvalidValue, "path is missing: /Users, /Users/{id}, /Groups or /Groups/{id}")
	}
	if o.Data == nil && o.Method != http.MethodDelete {
		return fault.New(fault.InvalidValue, "%s needs data, an object", o.Method)
	}
	return nil
}

// field finds a key in any case; package body has made sure that there is at most one.
func field(object map[string]any, name string) (any, bool) {
	if value, ok := object[name]; ok {
		return value, true
	}
	folded := directory.Fold(name)
	for key, value := range object {
		if directory.Fold(key) == folded {
			return value, true
		}
	}
	return nil, false
}

func names(schemas any, urn string) bool {
	list, _ := schemas.([]any)
	for _, s := range list {
		if s, ok := s.(string); ok && strings.EqualFold(s, urn) {
			return true
		}
	}
	return false
}
