package scim

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"iter"
	"slices"

	"github.com/usher-scim/usher/directory"
	"github.com/usher-scim/usher/scim/fault"
	"github.com/usher-scim/usher/scim/filter"
	"github.com/usher-scim/usher/scim/schema"
)

// order is how a list is sorted (RFC 7644 section 3.4.2.3): by the value of one attribute, as its type and caseExact say, texts
// by their code points, which is also the order of "gt" and "lt". Of a multi-valued attribute the primary element counts, else the first.
// Resources without a value come last, in descending order first. Equal ones stand in the order of their ids.
//
// No order (nil) is that of the ids, resource type by resource type, in which resources are stored.
type order struct {
	descending bool
	targets    []*schema.Target // of each type of resource that is listed; nil where it has no such attribute
}

// maxSortKey is how much of a value is looked at, in bytes. Longer texts that begin alike stand in the order of their ids.
const maxSortKey = 256

// orderOf understands sortBy. What none of the types has is an error, and so is a complex attribute, for which RFC 7644 wants a sub-attribute.
func (x *exchange) orderOf(what search, collections []collection) (*order, error) {
	if what.sortBy == "" {
		return nil, nil
	}
	o := &order{descending: what.descending, targets: make([]*schema.Target, len(collections))}
	found := false
	for i, c := range collections {
		target, ok := c.kind.Resolve(what.sortBy, x.mode())
		if !ok || target.Leaf() == nil || target.Attr.Returned == schema.Never || target.Leaf().Returned == schema.Never {
			continue
		}
		found = true
		if target.Leaf().Type == schema.Complex {
			if target.Sub = target.Attr.Lookup("value"); target.Sub == nil {
				return nil, fault.New(fault.InvalidValue, "%s has parts: sortBy must name one of them, such as %s.%s", target.Attr.Path, target.Attr.Path, target.Attr.Sub[0].Name)
			}
		}
		o.targets[i] = &target
	}
	if !found {
		return nil, fault.New(fault.InvalidValue, "sortBy names %.128q, which no resource here has", what.sortBy)
	}
	if len(collections) == 1 && !o.descending && o.targets[0].Attr.Path == "id" {
		return nil, nil // they are stored so
	}
	return o, nil
}

// look is what the order looks at in resources of the i-th type.
func (o *order) look(i int) look {
	if o == nil || o.targets[i] == nil {
		return look{}
	}
	name := o.targets[i].Attr.Name
	if o.targets[i].Extension != nil {
		name = o.targets[i].Extension.URN
	}
	return look{shape{parts: map[string]*shape{name: {whole: true}}}}
}

// compare returns the order of two marks: negative, zero or positive.
func (o *order) compare(a, b mark) int {
	if o == nil {
		if a.kind != b.kind {
			return a.kind - b.kind
		}
		return bytes.Compare(a.id[:], b.id[:])
	}
	c := bytes.Compare(a.key, b.key)
	if o.descending {
		c = -c
	}
	if c == 0 {
		c = bytes.Compare(a.id[:], b.id[:])
	}
	return c
}

// What a sort key begins with.
const (
	hasValue = 1
	noValue  = 2
)

// key returns bytes that order as the values of the resource do, ascending.
func (o *order) key(kind int, resource map[string]any) []byte {
	if target := o.targets[kind]; target != nil {
		if key, ok := sortKey(target.Leaf(), sortValue(*target, resource)); ok {
			return key
		}
	}
	return []byte{noValue}
}

// sortValue returns the value that a resource is sorted by, nil if it has none.
func sortValue(t schema.Target, resource map[string]any) any {
	if t.Extension != nil {
		resource, _ = resource[t.Extension.URN].(map[string]any)
	}
	value := foremost(resource[t.Attr.Name])
	if t.Sub == nil {
		return value
	}
	element, _ := value.(map[string]any)
	return foremost(element[t.Sub.Name])
}

// foremost returns the primary element of a list, else the first; what is no list as it is.
func foremost(value any) any {
	switch list := value.(type) {
	case []any:
		primary := slices.IndexFunc(list, func(element any) bool {
			object, _ := element.(map[string]any)
			return object["primary"] == true
		})
		if len(list) == 0 {
			return nil
		}
		return list[max(primary, 0)]
	case iter.Seq[any]: // the members of a group, of which none is primary
		for element := range list {
			return element
		}
		return nil
	default:
		return value
	}
}

// sortKey encodes a value. A text without a character in it is no value.
func sortKey(a *schema.Attribute, value any) ([]byte, bool) {
	key := make([]byte, 1, 48)
	key[0] = hasValue
	switch a.Type {
	case schema.Boolean:
		b, ok := value.(bool)
		if b {
			return append(key, 1), ok
		}
		return append(key, 0), ok
	case schema.Integer, schema.Decimal:
		n, ok := value.(json.Number)
		if !ok {
			return nil, false
		}
		key = filter.AppendNumber(key, n)
	case schema.DateTime:
		s, _ := value.(string)
		at, ok := schema.ParseTime(s)
		if !ok {
			return nil, false
		}
		key = binary.BigEndian.AppendUint64(key, uint64(at.Unix())^1<<63) //nolint:gosec // the bits, with the sign turned so that they order
		key = binary.BigEndian.AppendUint32(key, uint32(at.Nanosecond())) //nolint:gosec // below 10^9
	default:
		s, _ := value.(string)
		if s == "" {
			return nil, false
		}
		if !a.CaseExact {
			s = directory.Fold(s)
		}
		key = append(key, s...)
	}
	return key[:min(len(key), maxSortKey)], true
}
