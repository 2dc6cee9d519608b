package filter

import (
	"iter"
	"maps"
	"slices"

	"github.com/usher-scim/usher/directory"
	"github.com/usher-scim/usher/scim/fault"
	"github.com/usher-scim/usher/scim/schema"
)

// Filter is a filter typed against a resource type. It is only read; goroutines may share it.
type Filter struct {
	terms []term          // all must hold
	names map[string]bool // what Names yields
}

// term is one side of the outermost "and".
type term struct {
	matcher matcher
	equal   []equality
}

// equality is a path and the text that must stand there for the term to hold. It is exact if nothing else is asked.
type equality struct {
	path, value string
	exact       bool
}

// Compile types a parsed filter. Only what can have no meaning is an error (*fault.Error, invalidFilter): an order over
// booleans, binary or complex values. An attribute that the type does not have, or may not be asked for, never matches, and
// neither does a literal that cannot be a value of its attribute: Entra tests a connection so.
func Compile(node Node, t *schema.ResourceType, m schema.Mode) (*Filter, error) {
	c := compiler{resolve: func(name string) (schema.Target, bool) { return t.Resolve(name, m) }, names: map[string]bool{}}
	nodes := []Node{node}
	if j, ok := node.(*Junction); ok && !j.Or {
		nodes = j.Terms
	}
	f := &Filter{names: c.names}
	for _, n := range nodes {
		matcher, err := c.compile(n)
		if err != nil {
			return nil, err
		}
		f.terms = append(f.terms, term{matcher: matcher, equal: c.equalities(n)})
	}
	return f, nil
}

// Match says whether the filter accepts a resource in canonical form. A multi-valued attribute may stand there as a list or, where
// it is too long for one, as an iter.Seq[any] of its elements.
func (f *Filter) Match(resource map[string]any) bool {
	for _, t := range f.terms {
		if !t.matcher.match(resource) {
			return false
		}
	}
	return true
}

// Never says that no resource can match, so that none needs to be read.
func (f *Filter) Never() bool {
	for _, t := range f.terms {
		if t.matcher == constant(false) {
			return true
		}
	}
	return false
}

// Always says that every resource matches, so that none needs to be looked at.
func (f *Filter) Always() bool {
	for _, t := range f.terms {
		if t.matcher != constant(true) {
			return false
		}
	}
	return true
}

// Names yields the canonical names of what the filter looks at in a resource: of attributes, and the URNs of extensions. A resource
// that holds nothing else matches as the whole does.
func (f *Filter) Names() iter.Seq[string] { return maps.Keys(f.names) }

// Lookup returns the text that must stand at a path ("userName", "emails.value") for the filter to match, and what is still to be
// asked of the resources that an index finds by it. It reports false if the filter makes no such demand.
func (f *Filter) Lookup(path string) (value string, rest *Filter, ok bool) {
	for i, t := range f.terms {
		for _, e := range t.equal {
			if e.path != path {
				continue
			}
			if !e.exact {
				return e.value, f, true
			}
			return e.value, &Filter{terms: slices.Delete(slices.Clone(f.terms), i, i+1), names: f.names}, true
		}
	}
	return "", nil, false
}

// Element is a filter over the elements of one multi-valued attribute: what stands in the brackets of a path.
type Element struct {
	matcher matcher
	node    Node
	attr    *schema.Attribute
}

// CompileElement types the filter in the brackets of a path against the attribute before them. Errors are as Compile's.
func CompileElement(node Node, a *schema.Attribute) (*Element, error) {
	c := compiler{resolve: within(a), element: true, names: map[string]bool{}}
	matcher, err := c.compile(node)
	if err != nil {
		return nil, err
	}
	return &Element{matcher: matcher, node: node, attr: a}, nil
}

// Match says whether the filter accepts an element.
func (e *Element) Match(element any) bool { return e.matcher.match(element) }

// Assignments returns the sub-attributes that an element must have to match, in canonical form, if the filter is one
// equality or several joined by "and": what a new element is made from.
func (e *Element) Assignments() (map[string]any, bool) {
	nodes := []Node{e.node}
	if j, ok := e.node.(*Junction); ok && !j.Or {
		nodes = j.Terms
	}
	element := map[string]any{}
	for _, n := range nodes {
		c, ok := n.(*Comparison)
		if !ok || c.Op != Equal || c.Path.Filter != nil || c.Value == nil {
			return nil, false
		}
		sub := e.attr.Lookup(c.Path.Name)
		if sub == nil || sub.Mutability == schema.ReadOnly {
			return nil, false
		}
		value, err := sub.Value(c.Value, schema.Mode{})
		if err != nil || value == nil {
			return nil, false
		}
		element[sub.Name] = value
	}
	return element, true
}

// Values returns the texts that the filter asks for at the sub-attribute, if it asks for nothing else: one equality or
// several joined by "or".
func (e *Element) Values(name string) ([]string, bool) {
	nodes := []Node{e.node}
	if j, ok := e.node.(*Junction); ok && j.Or {
		nodes = j.Terms
	}
	var values []string
	for _, n := range nodes {
		c, ok := n.(*Comparison)
		if !ok || c.Op != Equal || c.Path.Filter != nil {
			return nil, false
		}
		value, ok := c.Value.(string)
		if sub := e.attr.Lookup(c.Path.Name); !ok || sub == nil || sub.Name != name {
			return nil, false
		}
		values = append(values, value)
	}
	return values, true
}

// compiler types nodes against the names that resolve knows.
type compiler struct {
	resolve func(name string) (schema.Target, bool)
	element bool // names are sub-attributes of the element at hand
	names   map[string]bool
}

// within resolves the names of an attribute's sub-attributes. The elements of a simple attribute are called "value".
func within(a *schema.Attribute) func(string) (schema.Target, bool) {
	return func(name string) (schema.Target, bool) {
		if sub := a.Lookup(name); sub != nil {
			return schema.Target{Attr: a, Sub: sub}, true
		}
		if a.Type != schema.Complex && directory.Fold(name) == "value" {
			return schema.Target{Attr: a}, true
		}
		return schema.Target{}, false
	}
}

func (c *compiler) compile(n Node) (matcher, error) {
	switch n := n.(type) {
	case *Junction:
		return c.junction(n)
	case *Not:
		inner, err := c.compile(n.Term)
		if err != nil {
			return nil, err
		}
		if fixed, ok := inner.(constant); ok {
			return !fixed, nil
		}
		return negation{inner}, nil
	case *Comparison:
		return c.comparison(n)
	default:
		return nil, fault.New(fault.InvalidFilter, "the filter is empty")
	}
}

// junction folds what is constant: a term that can never match makes the whole "and" so.
func (c *compiler) junction(n *Junction) (matcher, error) {
	var terms []matcher
	decided := false
	for _, t := range n.Terms {
		m, err := c.compile(t)
		if err != nil {
			return nil, err
		}
		if fixed, ok := m.(constant); ok {
			decided = decided || bool(fixed) == n.Or
			continue
		}
		terms = append(terms, m)
	}
	switch {
	case decided:
		return constant(n.Or), nil
	case len(terms) == 0:
		return constant(!n.Or), nil
	case n.Or:
		return anyOf(terms), nil
	default:
		return allOf(terms), nil
	}
}

func (c *compiler) comparison(n *Comparison) (matcher, error) {
	target, ok := c.target(n.Path)
	if !ok {
		return constant(false), nil
	}
	if target.Extension != nil {
		c.names[target.Extension.URN] = true
	} else {
		c.names[target.Attr.Name] = true
	}
	t := &test{target: target, inElement: c.element, op: n.Op}
	if n.Path.Filter != nil {
		element, err := CompileElement(n.Path.Filter, target.Attr)
		if err != nil {
			return nil, err
		}
		if fixed, ok := element.matcher.(constant); ok && !bool(fixed) {
			return constant(false), nil
		}
		t.filter = element.matcher
	}
	return t.typed(n)
}

// target resolves a path; what may not be asked for is treated as what does not exist.
func (c *compiler) target(p Path) (schema.Target, bool) {
	target, ok := c.resolve(p.Name)
	if !ok || target.Attr == nil && target.Extension == nil {
		return schema.Target{}, false
	}
	if p.Filter != nil {
		if target.Attr == nil || target.Sub != nil {
			return schema.Target{}, false
		}
		if p.Sub != "" {
			if target.Sub = target.Attr.Lookup(p.Sub); target.Sub == nil {
				return schema.Target{}, false
			}
		}
	}
	if leaf := target.Leaf(); leaf != nil && leaf.Returned == schema.Never {
		return schema.Target{}, false
	}
	return target, true
}

// equalities lists what must stand where for the node to hold.
func (c *compiler) equalities(n Node) []equality {
	comparison, ok := n.(*Comparison)
	if !ok {
		return nil
	}
	target, ok := c.target(comparison.Path)
	if !ok || target.Attr == nil {
		return nil
	}
	if comparison.Op == Exists { // emails[type eq "work" and value eq "x"]
		inner := compiler{resolve: within(target.Attr)}
		nodes := []Node{comparison.Path.Filter}
		if j, ok := nodes[0].(*Junction); ok && !j.Or {
			nodes = j.Terms
		}
		var found []equality
		for _, n := range nodes {
			for _, e := range inner.equalities(n) {
				e.exact = len(nodes) == 1
				found = append(found, e)
			}
		}
		return found
	}
	value, ok := comparison.Value.(string)
	if !ok || comparison.Op != Equal {
		return nil
	}
	leaf := valueOf(target.Leaf())
	return []equality{{path: leaf.Path, value: value, exact: comparison.Path.Filter == nil}}
}

// valueOf returns what a comparison with a complex attribute means: its "value", where it has one.
func valueOf(a *schema.Attribute) *schema.Attribute {
	if a.Type == schema.Complex {
		if value := a.Lookup("value"); value != nil {
			return value
		}
	}
	return a
}
