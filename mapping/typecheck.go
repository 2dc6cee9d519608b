package mapping

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/expr-lang/expr/ast"
)

// kind is the type of a value in an expression.
type kind int

const (
	unknownKind kind = iota // after a fault: asks no further questions
	nilKind                 // the word nil
	boolKind
	numberKind
	textKind
	listKind
	objectKind // user, user.name, user.address, an extension
)

func (k kind) String() string {
	return [...]string{"unknown", "nil", "true or false", "a number", "text", "a list", "an object"}[k]
}

// shape is what the checker knows of a value: its kind, and whether it may be nil.
type shape struct {
	kind   kind
	maybe  bool
	elem   kind             // of a list
	fields map[string]shape // of an object
	user   bool             // the object has extensions under their URN besides
	always bool             // an object of an extension: it is there whatever the person has
}

// facts are the paths that are known not to be nil at a point of an expression. They are never changed in place.
type facts []string

func (f facts) with(more facts) facts { return append(slices.Clip(f), more...) }

func (f facts) both(other facts) facts {
	return slices.DeleteFunc(slices.Clone(f), func(path string) bool { return !slices.Contains(other, path) })
}

// checker types an expression before it is compiled. It allows a small language that cannot loop or grow and cannot
// meet nil where it does not expect it, so that what compiles runs on every person. It reports the first fault alone.
type checker struct {
	source     string
	extensions extensions // nil where they are not known yet
	fault      *exprError
}

// typeCheck checks a parsed expression against what it must give, and against the extensions that there are.
func typeCheck(root ast.Node, source string, want result, there extensions) *exprError {
	c := &checker{source: source, extensions: there}
	got, _, _ := c.check(root, nil)
	switch want {
	case wantBool:
		c.is(root, got, boolKind)
	case wantText:
		if got.kind != nilKind {
			got.maybe = false // nothing is a fine answer: the field is left out
			c.is(root, got, textKind)
		}
	}
	return c.fault
}

func (c *checker) fail(n ast.Node, format string, args ...any) shape {
	if c.fault == nil {
		c.fault = &exprError{message: fmt.Sprintf(format, args...), Pos: c.place(start(n).Location().From)}
	}
	return shape{}
}

// start is the node whose place people take for that of n: a chain of members begins with its first.
func start(n ast.Node) ast.Node {
	switch n := n.(type) {
	case *ast.ChainNode:
		return start(n.Node)
	case *ast.MemberNode:
		return start(n.Node)
	}
	return n
}

// place turns an offset in characters into line and column.
func (c *checker) place(offset int) Pos {
	p := Pos{1, 1}
	for i, r := range []rune(c.source) {
		if i >= offset {
			break
		}
		p.Column++
		if r == '\n' {
			p.Line++
			p.Column = 1
		}
	}
	return p
}

// is demands a value of a kind that cannot be nil.
func (c *checker) is(n ast.Node, got shape, kinds ...kind) bool {
	switch {
	case got.kind == unknownKind:
		return false
	case got.kind == nilKind:
		c.fail(n, "nil cannot be used here")
		return false
	case !slices.Contains(kinds, got.kind):
		words := make([]string, len(kinds))
		for i, k := range kinds {
			words[i] = k.String()
		}
		c.fail(n, "%s is needed here, but %s is %s", strings.Join(words, " or "), describe(n), got.kind)
		return false
	case got.maybe:
		c.absent(n, got)
		return false
	}
	return true
}

// absent reports an unguarded use of a value that may be nil.
func (c *checker) absent(n ast.Node, got shape) {
	stand := `""`
	switch got.kind {
	case boolKind:
		stand = "false"
	case numberKind:
		stand = "0"
	}
	if path := pathOf(n); path != "" {
		c.fail(n, "%s may be absent: write %s ?? %s or test it first", path, path, stand)
		return
	}
	c.fail(n, "%s may be absent: write (…) ?? %s", describe(n), stand)
}

// describe names a node for an error text.
func describe(n ast.Node) string {
	if path := pathOf(n); path != "" {
		return path
	}
	switch n := n.(type) {
	case *ast.BuiltinNode:
		return n.Name + "(…)"
	case *ast.StringNode, *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode:
		return clip(n.String())
	}
	return "this"
}

var identifier = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// pathOf writes a chain of members beginning at a name, such as user.name.givenName, or returns "".
func pathOf(n ast.Node) string {
	switch n := n.(type) {
	case *ast.IdentifierNode:
		return n.Value
	case *ast.ChainNode:
		return pathOf(n.Node)
	case *ast.MemberNode:
		base := pathOf(n.Node)
		name, ok := n.Property.(*ast.StringNode)
		if base == "" || !ok {
			return ""
		}
		if identifier.MatchString(name.Value) {
			return base + "." + name.Value
		}
		return fmt.Sprintf("%s[%q]", base, clip(name.Value))
	}
	return ""
}

// notNil are the facts that follow from a node's not being nil: the node, and what it hangs on.
func notNil(n ast.Node) facts {
	var f facts
	for {
		if chain, ok := n.(*ast.ChainNode); ok {
			n = chain.Node
		}
		path := pathOf(n)
		member, ok := n.(*ast.MemberNode)
		if path == "" || !ok {
			return f
		}
		f = append(f, path)
		n = member.Node
	}
}

// check types a node, given what is known, and returns what is known besides when it is true and when it is false.
func (c *checker) check(n ast.Node, known facts) (got shape, yes, no facts) {
	switch n := n.(type) {
	case *ast.NilNode:
		return shape{kind: nilKind}, nil, nil
	case *ast.BoolNode:
		return shape{kind: boolKind}, nil, nil
	case *ast.IntegerNode, *ast.FloatNode:
		return shape{kind: numberKind}, nil, nil
	case *ast.StringNode:
		return shape{kind: textKind}, nil, nil
	case *ast.IdentifierNode:
		return c.identifier(n), nil, nil
	case *ast.ChainNode:
		got, _, _ = c.check(n.Node, known)
		return c.narrow(n, got, known), nil, nil
	case *ast.MemberNode:
		return c.narrow(n, c.member(n, known), known), nil, nil
	case *ast.ArrayNode:
		return c.array(n, known), nil, nil
	case *ast.UnaryNode:
		return c.unary(n, known)
	case *ast.BinaryNode:
		return c.binary(n, known)
	case *ast.ConditionalNode:
		return c.conditional(n, known), nil, nil
	case *ast.BuiltinNode:
		return c.call(n, n.Name, n.Arguments, known), nil, nil
	case *ast.CallNode:
		if name, ok := n.Callee.(*ast.IdentifierNode); ok {
			return c.call(n, name.Value, n.Arguments, known), nil, nil
		}
		return c.fail(n, "methods cannot be called"), nil, nil
	case *ast.VariableDeclaratorNode, *ast.SequenceNode:
		return c.fail(n, "an expression is one value: variables and sequences are not allowed"), nil, nil
	case *ast.SliceNode:
		return c.fail(n, "slices are not allowed"), nil, nil
	}
	return c.fail(n, "this is not allowed in a mapping's expressions"), nil, nil
}

func (c *checker) narrow(n ast.Node, got shape, known facts) shape {
	if got.maybe && slices.Contains(known, pathOf(n)) {
		got.maybe = false
	}
	return got
}

func (c *checker) identifier(n *ast.IdentifierNode) shape {
	user := userShape()
	if n.Value == "user" {
		return user
	}
	if _, ok := user.fields[n.Value]; ok {
		return c.fail(n, "unknown name %s: write user.%s, or %q if the word itself is meant", clip(n.Value), n.Value, n.Value)
	}
	return c.fail(n, "unknown name %s: expressions see user alone; write %q if the word itself is meant", clip(n.Value), clip(n.Value))
}

func (c *checker) member(n *ast.MemberNode, known facts) shape {
	base, _, _ := c.check(n.Node, known)
	if base.kind == unknownKind {
		return base
	}
	name, ok := n.Property.(*ast.StringNode)
	if !ok {
		if base.kind == listKind {
			return c.fail(n, "an element of a list may not be there: write first(%s) or last(%s)", describe(n.Node), describe(n.Node))
		}
		return c.fail(n, "a member is named by a word or by text in brackets")
	}
	if base.kind != objectKind {
		return c.fail(name, "%s is %s and has no attribute %s", describe(n.Node), base.kind, clip(name.Value))
	}
	if base.maybe && !n.Optional {
		path := describe(n.Node)
		return c.fail(n, "%s may be absent: write %s?.%s or test it first", path, path, clip(name.Value))
	}
	if field, ok := base.fields[name.Value]; ok {
		field.maybe = field.maybe || base.maybe
		return field
	}
	if base.user && isURN(name.Value) {
		return c.extension(name)
	}
	return c.fail(name, "%s has no attribute %s%s", describe(n.Node), clip(name.Value), didYouMean(name.Value, slices.Sorted(maps.Keys(base.fields))))
}

// extension types user["urn:…"].
func (c *checker) extension(urn *ast.StringNode) shape {
	if c.extensions == nil {
		return shape{} // Compile asks again
	}
	if e, ok := c.extensions[urn.Value]; ok {
		return e.shape()
	}
	return c.fail(urn, "there is no extension schema %s%s; an extension of users is known when the setting schemas names its file",
		clip(urn.Value), didYouMean(urn.Value, c.extensions.urns()))
}

func (c *checker) array(n *ast.ArrayNode, known facts) shape {
	list := shape{kind: listKind, elem: nilKind}
	for _, item := range n.Nodes {
		got, _, _ := c.check(item, known)
		if !c.is(item, got, textKind, numberKind, boolKind) {
			return shape{}
		}
		if list.elem != nilKind && list.elem != got.kind {
			return c.fail(item, "a list holds values of one type, but this one mixes %s and %s", list.elem, got.kind)
		}
		list.elem = got.kind
	}
	return list
}

func (c *checker) unary(n *ast.UnaryNode, known facts) (got shape, yes, no facts) {
	inner, yes, no := c.check(n.Node, known)
	switch n.Operator {
	case "!", "not":
		c.is(n.Node, inner, boolKind)
		return shape{kind: boolKind}, no, yes
	case "-":
		c.is(n.Node, inner, numberKind)
		return shape{kind: numberKind}, nil, nil
	}
	return c.fail(n, "the operator %s is not allowed", n.Operator), nil, nil
}

func (c *checker) binary(n *ast.BinaryNode, known facts) (got shape, yes, no facts) {
	truth := shape{kind: boolKind}
	left, leftYes, leftNo := c.check(n.Left, known)
	switch n.Operator {
	case "&&", "and":
		right, rightYes, rightNo := c.check(n.Right, known.with(leftYes))
		_ = c.is(n.Left, left, boolKind) && c.is(n.Right, right, boolKind)
		return truth, leftYes.with(rightYes), leftNo.both(rightNo)
	case "||", "or":
		right, rightYes, rightNo := c.check(n.Right, known.with(leftNo))
		_ = c.is(n.Left, left, boolKind) && c.is(n.Right, right, boolKind)
		return truth, leftYes.both(rightYes), leftNo.with(rightNo)
	}
	right, _, _ := c.check(n.Right, known)
	switch n.Operator {
	case "==", "!=":
		yes, no = c.equality(n, left, right)
		return truth, yes, no
	case "in":
		return truth, c.membership(n, left, right), nil
	case "??":
		return c.otherwise(n, left, right), nil, nil
	case "contains", "startsWith", "endsWith":
		_ = c.is(n.Left, left, textKind) && c.is(n.Right, right, textKind)
		return truth, nil, nil
	case "matches":
		c.matches(n, left)
		return truth, nil, nil
	case "<", "<=", ">", ">=":
		if c.is(n.Left, left, textKind, numberKind) && c.is(n.Right, right, textKind, numberKind) && left.kind != right.kind {
			c.fail(n, "%s cannot be compared with %s", left.kind, right.kind)
		}
		return truth, nil, nil
	case "+":
		if c.is(n.Left, left, textKind, numberKind) && c.is(n.Right, right, textKind, numberKind) && left.kind != right.kind {
			return c.fail(n, "%s cannot be added to %s", right.kind, left.kind), nil, nil
		}
		return shape{kind: left.kind}, nil, nil
	}
	return c.fail(n, "the operator %s is not allowed", n.Operator), nil, nil
}

// equality types == and !=, which are safe with nil.
func (c *checker) equality(n *ast.BinaryNode, left, right shape) (yes, no facts) {
	for _, side := range []struct {
		node        ast.Node
		shape, with shape
	}{{n.Left, left, right}, {n.Right, right, left}} {
		if (side.shape.kind == objectKind || side.shape.kind == listKind) && side.with.kind != nilKind {
			c.fail(side.node, "%s is %s and can be compared with nil alone", describe(side.node), side.shape.kind)
			return nil, nil
		}
		if side.shape.always {
			c.fail(side.node, "%s is never nil, whatever a person has: compare one of its attributes", describe(side.node))
			return nil, nil
		}
	}
	if !mayEqual(left.kind, right.kind) {
		c.fail(n, "%s cannot be equal to %s", left.kind, right.kind)
		return nil, nil
	}
	var same, different facts
	for _, side := range []struct {
		node ast.Node
		with shape
	}{{n.Left, right}, {n.Right, left}} {
		switch {
		case side.with.kind == nilKind:
			different = append(different, notNil(side.node)...)
		case !side.with.maybe:
			same = append(same, notNil(side.node)...)
		}
	}
	if n.Operator == "!=" {
		return different, same
	}
	return same, different
}

func mayEqual(a, b kind) bool {
	loose := []kind{unknownKind, nilKind}
	return a == b || slices.Contains(loose, a) || slices.Contains(loose, b)
}

// membership types `in`, which is safe with nil on its left.
func (c *checker) membership(n *ast.BinaryNode, left, right shape) facts {
	if !c.is(n.Right, right, listKind) || left.kind == unknownKind {
		return nil
	}
	if left.kind == objectKind || left.kind == listKind {
		c.fail(n.Left, "%s is %s and cannot be an element of a list", describe(n.Left), left.kind)
		return nil
	}
	if !mayEqual(left.kind, right.elem) {
		c.fail(n, "%s cannot be in a list of %s", left.kind, right.elem)
		return nil
	}
	return notNil(n.Left) // no list holds nil
}

// otherwise types `??`.
func (c *checker) otherwise(n *ast.BinaryNode, left, right shape) shape {
	got, ok := merge(left, right)
	if !ok {
		return c.fail(n, "the two sides of ?? are %s and %s: they must be of one type", left.kind, right.kind)
	}
	got.maybe = right.maybe || right.kind == nilKind
	return got
}

func (c *checker) conditional(n *ast.ConditionalNode, known facts) shape {
	cond, yes, no := c.check(n.Cond, known)
	c.is(n.Cond, cond, boolKind)
	a, _, _ := c.check(n.Exp1, known.with(yes))
	b, _, _ := c.check(n.Exp2, known.with(no))
	got, ok := merge(a, b)
	if !ok {
		return c.fail(n.Cond, "the two outcomes of this condition are %s and %s: they must be of one type", a.kind, b.kind)
	}
	got.maybe = a.maybe || b.maybe || a.kind == nilKind || b.kind == nilKind
	return got
}

// merge finds the type of a value that is one of two.
func merge(a, b shape) (shape, bool) {
	switch {
	case a.kind == unknownKind || b.kind == unknownKind:
		return shape{}, true
	case a.kind == objectKind || b.kind == objectKind:
		return shape{}, false
	case a.kind == nilKind:
		return b, true
	case b.kind == nilKind:
		return a, true
	case a.kind == listKind && b.kind == listKind:
		if a.elem == nilKind {
			return b, true
		}
		return a, a.elem == b.elem || b.elem == nilKind
	case a.kind == b.kind:
		return a, true
	case a.kind == listKind || b.kind == listKind:
		return shape{}, false
	}
	return shape{}, false
}

// matches types `matches`, whose pattern stands in the document so that it is compiled once and fails there.
func (c *checker) matches(n *ast.BinaryNode, left shape) {
	if !c.is(n.Left, left, textKind) {
		return
	}
	pattern, ok := n.Right.(*ast.StringNode)
	if !ok {
		c.fail(n.Right, "the pattern of matches must be written out in quotes")
		return
	}
	if _, err := regexp.Compile(pattern.Value); err != nil {
		c.fail(n.Right, "the pattern of matches is no regular expression: %v", err)
	}
}

// signature is a function that expressions may call. Each parameter lists the kinds it takes.
type signature struct {
	params   [][]kind
	optional int // how many of the last parameters may be left out
	gives    shape
}

// functions are those of the expression library that can neither loop over a predicate, nor make a value much larger
// than what they are given, nor read the clock.
func functions() map[string]signature {
	text, scalar := []kind{textKind}, []kind{textKind, numberKind, boolKind}
	str, truth := shape{kind: textKind}, shape{kind: boolKind}
	list, maybeText := []kind{listKind}, shape{kind: textKind, maybe: true}
	return map[string]signature{
		"len":        {params: [][]kind{{textKind, listKind}}, gives: shape{kind: numberKind}},
		"lower":      {params: [][]kind{text}, gives: str},
		"upper":      {params: [][]kind{text}, gives: str},
		"trim":       {params: [][]kind{text, text}, optional: 1, gives: str},
		"trimPrefix": {params: [][]kind{text, text}, gives: str},
		"trimSuffix": {params: [][]kind{text, text}, gives: str},
		"hasPrefix":  {params: [][]kind{text, text}, gives: truth},
		"hasSuffix":  {params: [][]kind{text, text}, gives: truth},
		"split":      {params: [][]kind{text, text}, gives: shape{kind: listKind, elem: textKind}},
		"first":      {params: [][]kind{list}, gives: maybeText},
		"last":       {params: [][]kind{list}, gives: maybeText},
		"string":     {params: [][]kind{scalar}, gives: str},
	}
}

func (c *checker) call(n ast.Node, name string, args []ast.Node, known facts) shape {
	all := functions()
	fn, ok := all[name]
	if !ok {
		return c.fail(n, "the function %s is not available; there are %s", clip(name), listed(slices.Sorted(maps.Keys(all))))
	}
	if len(args) > len(fn.params) || len(args) < len(fn.params)-fn.optional {
		return c.fail(n, "%s takes %d argument(s), but is given %d", name, len(fn.params), len(args))
	}
	for i, arg := range args {
		got, _, _ := c.check(arg, known)
		if !c.is(arg, got, fn.params[i]...) {
			return shape{}
		}
		if (name == "first" || name == "last") && got.elem != textKind && got.elem != nilKind {
			return c.fail(arg, "%s takes a list of text", name)
		}
	}
	return fn.gives
}
