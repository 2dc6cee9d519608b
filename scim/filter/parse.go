package filter

import (
	"errors"
	"strings"

	"github.com/usher-scim/usher/scim/body"
	"github.com/usher-scim/usher/scim/fault"
)

// What a filter or path may be, so that no client can make the parser work or recurse without end.
const (
	MaxLength = 8 << 10 // bytes
	MaxDepth  = 32      // of parentheses, brackets and "not"
)

// Parse reads a filter. What is not one is a *fault.Error of type invalidFilter that names the byte where it goes wrong.
func Parse(text string) (Node, error) {
	p := parser{text: text, kind: fault.InvalidFilter, what: "filter"}
	if len(text) > MaxLength {
		return nil, p.tooLong()
	}
	node, err := p.or()
	if err != nil {
		return nil, err
	}
	if p.space(); p.pos < len(text) {
		return nil, p.fail("text that belongs to nothing")
	}
	return node, nil
}

// ParsePath reads the path of a patch operation. What is not one is a *fault.Error of type invalidPath.
func ParsePath(text string) (Path, error) {
	p := parser{text: text, kind: fault.InvalidPath, what: "path"}
	if len(text) > MaxLength {
		return Path{}, p.tooLong()
	}
	path, err := p.path()
	if err != nil {
		return Path{}, err
	}
	if p.space(); p.pos < len(text) {
		return Path{}, p.fail("text that belongs to nothing")
	}
	return path, nil
}

// parser is a recursive descent whose recursion MaxDepth bounds; "and" and "or" chains are loops.
type parser struct {
	text     string
	pos      int
	depth    int
	brackets bool // inside of [ ]
	kind     fault.Type
	what     string
}

func (p *parser) fail(problem string) error {
	return fault.New(p.kind, "malformed %s at byte %d: %s", p.what, p.pos, problem)
}

func (p *parser) tooLong() error {
	return fault.New(p.kind, "the %s is longer than %d bytes", p.what, MaxLength)
}

// enter counts one more level of nesting; leave undoes it.
func (p *parser) enter() error {
	if p.depth++; p.depth > MaxDepth {
		return fault.New(p.kind, "the %s is nested deeper than %d", p.what, MaxDepth)
	}
	return nil
}

func (p *parser) leave() { p.depth-- }

func (p *parser) space() {
	for p.pos < len(p.text) && (p.text[p.pos] == ' ' || p.text[p.pos] == '\t') {
		p.pos++
	}
}

// next skips blanks and returns the byte there, 0 at the end.
func (p *parser) next() byte {
	p.space()
	if p.pos == len(p.text) {
		return 0
	}
	return p.text[p.pos]
}

func (p *parser) or() (Node, error)  { return p.junction(true, "or", p.and) }
func (p *parser) and() (Node, error) { return p.junction(false, "and", p.term) }

func (p *parser) junction(or bool, word string, operand func() (Node, error)) (Node, error) {
	first, err := operand()
	if err != nil {
		return nil, err
	}
	terms := []Node{first}
	for p.keyword(word) {
		term, err := operand()
		if err != nil {
			return nil, err
		}
		terms = append(terms, term)
	}
	return join(or, terms), nil
}

// join makes one node of terms; "a and (b and c)" is "a and b and c".
func join(or bool, terms []Node) Node {
	if len(terms) == 1 {
		return terms[0]
	}
	flat := make([]Node, 0, len(terms))
	for _, term := range terms {
		if inner, ok := term.(*Junction); ok && inner.Or == or {
			flat = append(flat, inner.Terms...)
			continue
		}
		flat = append(flat, term)
	}
	return &Junction{Or: or, Terms: flat}
}

// keyword steps over the word if it stands here in any case and ends here.
func (p *parser) keyword(word string) bool {
	p.space()
	end := p.pos + len(word)
	if end > len(p.text) || !strings.EqualFold(p.text[p.pos:end], word) || end < len(p.text) && nameByte(p.text[end]) {
		return false
	}
	p.pos = end
	return true
}

func (p *parser) term() (Node, error) {
	if p.next() == '(' {
		return p.group()
	}
	if at := p.pos; p.keyword("not") {
		if p.next() == '(' {
			if err := p.enter(); err != nil {
				return nil, err
			}
			defer p.leave()
			term, err := p.group()
			if err != nil {
				return nil, err
			}
			return &Not{Term: term}, nil
		}
		p.pos = at
	}
	return p.comparison()
}

// group takes "( filter )".
func (p *parser) group() (Node, error) {
	if err := p.enter(); err != nil {
		return nil, err
	}
	defer p.leave()
	p.pos++ // '('
	node, err := p.or()
	if err != nil {
		return nil, err
	}
	if p.next() != ')' {
		return nil, p.fail("a closing parenthesis was expected")
	}
	p.pos++
	return node, nil
}

func (p *parser) comparison() (Node, error) {
	path, err := p.path()
	if err != nil {
		return nil, err
	}
	if path.Filter != nil && path.Sub == "" && p.endOfTerm() {
		return &Comparison{Path: path, Op: Exists}, nil
	}
	op, err := p.operator()
	if err != nil {
		return nil, err
	}
	if op == Present {
		return &Comparison{Path: path, Op: op}, nil
	}
	if p.next() == 0 {
		return nil, p.fail("a value was expected")
	}
	value, end, err := body.Scalar([]byte(p.text), p.pos)
	if err != nil {
		return nil, p.literalError(err)
	}
	if end < len(p.text) && nameByte(p.text[end]) {
		p.pos = end
		return nil, p.fail("a blank was expected after the value")
	}
	p.pos = end
	return &Comparison{Path: path, Op: op, Value: value}, nil
}

// literalError gives an error of package body the type of this parser.
func (p *parser) literalError(err error) error {
	var e *fault.Error
	if !errors.As(err, &e) {
		return err
	}
	return fault.New(p.kind, "malformed %s: %s", p.what, strings.TrimPrefix(e.Detail, "malformed JSON "))
}

// endOfTerm looks whether a value path stands alone here.
func (p *parser) endOfTerm() bool {
	switch p.next() {
	case 0, ')', ']':
		return true
	}
	at := p.pos
	defer func() { p.pos = at }()
	return p.keyword("and") || p.keyword("or")
}

func (p *parser) operator() (Op, error) {
	p.space()
	start := p.pos
	for p.pos < len(p.text) && nameByte(p.text[p.pos]) {
		p.pos++
	}
	op := Op(strings.ToLower(p.text[start:p.pos]))
	switch op {
	case Equal, NotEqual, Contains, StartsWith, EndsWith, Present, Greater, GreaterOrEqual, Less, LessOrEqual:
		return op, nil
	}
	p.pos = start
	return "", p.fail("an operator was expected: eq, ne, co, sw, ew, pr, gt, ge, lt or le")
}

func (p *parser) path() (Path, error) {
	name, err := p.name()
	if err != nil {
		return Path{}, err
	}
	path := Path{Name: name}
	if p.pos == len(p.text) || p.text[p.pos] != '[' {
		return path, nil
	}
	if path.Filter, err = p.valueFilter(); err != nil {
		return Path{}, err
	}
	if p.pos == len(p.text) || p.text[p.pos] != '.' {
		return path, nil
	}
	p.pos++
	at := p.pos
	if path.Sub, err = p.name(); err != nil {
		return Path{}, err
	}
	if strings.ContainsAny(path.Sub, ".:") {
		p.pos = at
		return Path{}, p.fail("one sub-attribute was expected after the brackets")
	}
	return path, nil
}

// valueFilter takes "[ filter ]"; RFC 7644 has no brackets inside of brackets.
func (p *parser) valueFilter() (Node, error) {
	if p.brackets {
		return nil, p.fail("brackets inside of brackets")
	}
	if err := p.enter(); err != nil {
		return nil, err
	}
	defer p.leave()
	p.brackets = true
	defer func() { p.brackets = false }()
	p.pos++ // '['
	node, err := p.or()
	if err != nil {
		return nil, err
	}
	if p.next() != ']' {
		return nil, p.fail("a closing bracket was expected")
	}
	p.pos++
	return node, nil
}

func (p *parser) name() (string, error) {
	p.space()
	start := p.pos
	for p.pos < len(p.text) && nameByte(p.text[p.pos]) {
		p.pos++
	}
	name := p.text[start:p.pos]
	if name == "" || !letter(name[0]) && name[0] != '$' {
		p.pos = start
		return "", p.fail("the name of an attribute was expected")
	}
	return name, nil
}

// nameByte says what attribute names and URNs consist of.
func nameByte(c byte) bool {
	return letter(c) || '0' <= c && c <= '9' || strings.IndexByte("_-.:$/%#", c) >= 0
}

func letter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }
