package filter

import (
	"encoding/json"

	"github.com/usher-scim/usher/scim/schema"
)

// Op is a comparison operator in its canonical, lower case.
type Op string

// The operators of RFC 7644 table 3.
const (
	Equal          Op = "eq"
	NotEqual       Op = "ne"
	Contains       Op = "co"
	StartsWith     Op = "sw"
	EndsWith       Op = "ew"
	Present        Op = "pr"
	Greater        Op = "gt"
	GreaterOrEqual Op = "ge"
	Less           Op = "lt"
	LessOrEqual    Op = "le"
	// Exists is the operator of a value path that stands alone, "emails[type eq "work"]": some element matches.
	// It is not written.
	Exists Op = ""
)

// Node is a parsed filter: *Junction, *Not or *Comparison. Its String is the canonical text, which parses to an equal node.
type Node interface {
	String() string
	append(dst []byte) []byte
}

// Junction joins two or more terms by "and" or "or". A term of a Junction is never a Junction of the same kind.
type Junction struct {
	Or    bool
	Terms []Node
}

// Not is true where its term is false.
type Not struct{ Term Node }

// Comparison compares what a path names with a literal.
type Comparison struct {
	Path  Path
	Op    Op
	Value any // string, json.Number, bool or nil; nil for Present and Exists
}

// Path names an attribute as the client wrote it: "attr", "attr.sub", "attr[filter]", "attr[filter].sub", each with or
// without a URN before it, or a URN alone.
type Path struct {
	Name   string // up to the bracket; without one, all of the path
	Filter Node   // what stands in the brackets, nil without brackets
	Sub    string // the name after the brackets, "" if there is none
}

// String returns the canonical text.
func (n *Junction) String() string { return string(n.append(nil)) }

// String returns the canonical text.
func (n *Not) String() string { return string(n.append(nil)) }

// String returns the canonical text.
func (n *Comparison) String() string { return string(n.append(nil)) }

// String returns the canonical text.
func (p Path) String() string { return string(p.append(nil)) }

func (n *Junction) append(dst []byte) []byte {
	word := " and "
	if n.Or {
		word = " or "
	}
	for i, term := range n.Terms {
		if i > 0 {
			dst = append(dst, word...)
		}
		if _, junction := term.(*Junction); junction {
			dst = append(term.append(append(dst, '(')), ')')
			continue
		}
		dst = term.append(dst)
	}
	return dst
}

func (n *Not) append(dst []byte) []byte {
	return append(n.Term.append(append(dst, "not ("...)), ')')
}

func (n *Comparison) append(dst []byte) []byte {
	dst = n.Path.append(dst)
	if n.Op == Exists {
		return dst
	}
	dst = append(append(dst, ' '), n.Op...)
	if n.Op == Present {
		return dst
	}
	dst = append(dst, ' ')
	switch v := n.Value.(type) {
	case string:
		return schema.AppendString(dst, v)
	case json.Number:
		return append(dst, v...)
	case bool:
		if v {
			return append(dst, "true"...)
		}
		return append(dst, "false"...)
	default:
		return append(dst, "null"...)
	}
}

func (p Path) append(dst []byte) []byte {
	dst = append(dst, p.Name...)
	if p.Filter != nil {
		dst = append(p.Filter.append(append(dst, '[')), ']')
	}
	if p.Sub != "" {
		dst = append(append(dst, '.'), p.Sub...)
	}
	return dst
}
