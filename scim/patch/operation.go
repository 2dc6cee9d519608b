package patch

import (
	"errors"
	"net/http"
	"strings"

	"github.com/usher-scim/usher/directory"
	"github.com/usher-scim/usher/scim/fault"
)

// URN is the schema of a PATCH body.
const URN = "urn:ietf:params:scim:api:messages:2.0:PatchOp"

// Op is what an operation does.
type Op string

// The operations of RFC 7644 section 3.5.2; on the wire they are taken in any case.
const (
	Add     Op = "add"
	Replace Op = "replace"
	Remove  Op = "remove"
)

// Operation is one step of a PATCH, as the client wrote it.
type Operation struct {
	Op    Op
	Path  string // "" means the resource itself
	Value any    // decoded as by package body; nil also if there was none
	Given bool   // a value was there, if only null
}

// Parse reads a PATCH body of at most limit operations. Its keys are taken in any case; a missing "schemas" is let pass.
// Errors are *fault.Error and name the operation, counted from 1.
func Parse(body map[string]any, limit int) ([]Operation, error) {
	if schemas, ok := field(body, "schemas"); ok && !names(schemas, URN) {
		return nil, fault.New(fault.InvalidSyntax, "schemas must name %s", URN)
	}
	value, _ := field(body, "Operations")
	list, ok := value.([]any)
	if !ok || len(list) == 0 {
		return nil, fault.New(fault.InvalidSyntax, "Operations must be a list of at least one operation")
	}
	if len(list) > limit {
		return nil, fault.Status(http.StatusRequestEntityTooLarge, "%d operations in one request, at most %d are taken", len(list), limit)
	}
	operations := make([]Operation, len(list))
	for i, element := range list {
		var err error
		if operations[i], err = parseOperation(element); err != nil {
			return nil, at(i, err)
		}
	}
	return operations, nil
}

func parseOperation(element any) (Operation, error) {
	object, ok := element.(map[string]any)
	if !ok {
		return Operation{}, fault.New(fault.InvalidSyntax, "must be an object")
	}
	word, _ := field(object, "op")
	name, _ := word.(string)
	o := Operation{Op: Op(strings.ToLower(name))}
	switch o.Op {
	case Add, Replace, Remove:
	default:
		return Operation{}, fault.New(fault.InvalidSyntax, "op must be add, replace or remove")
	}
	if path, ok := field(object, "path"); ok && path != nil {
		if o.Path, ok = path.(string); !ok {
			return Operation{}, fault.New(fault.InvalidPath, "path must be a string")
		}
		o.Path = strings.TrimSpace(o.Path)
	}
	o.Value, o.Given = field(object, "value")
	switch {
	case o.Op == Remove && o.Path == "":
		return Operation{}, fault.New(fault.NoTarget, "remove needs a path")
	case o.Op != Remove && !o.Given:
		return Operation{}, fault.New(fault.InvalidValue, "%s needs a value", o.Op)
	}
	return o, nil
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

// at says in an error which operation it is about.
func at(index int, err error) error {
	var e *fault.Error
	if !errors.As(err, &e) {
		return err
	}
	told := *e
	told.Detail = fault.New(e.Type, "operation %d: %s", index+1, e.Detail).Detail
	return &told
}
