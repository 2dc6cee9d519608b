package mapping

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/conf"
	"github.com/expr-lang/expr/file"
	"github.com/expr-lang/expr/parser"
	"github.com/expr-lang/expr/vm"
	"go.yaml.in/yaml/v3"
)

// Bounds of one expression. With the loops, slices and repetition that typecheck.go refuses, they bound its run as well.
const (
	maxExpression = 4 << 10 // bytes
	maxNodes      = 500
	memoryBudget  = 10_000 // values that a run may allocate
)

// Expression is a compiled expression of the document or of the catalogue. It is immutable and may be run at once from
// several places.
type Expression struct {
	Source string
	Pos    Pos
	path   string
	want   result
	tree   ast.Node
	inside func(Pos) (Pos, bool) // translates a place in the expression to one in the document
	run    *vm.Program
}

// String returns the expression's text; that of a left-out one is empty.
func (e *Expression) String() string {
	if e == nil {
		return ""
	}
	return e.Source
}

// result is what an expression must give.
type result int

const (
	wantBool result = iota // true or false
	wantText               // text, or nothing
)

// exprError is a fault at a place in an expression.
type exprError struct {
	Pos     // inside the expression
	message string
}

func (e *exprError) Error() string { return e.message }

// compileExpression parses, checks and compiles an expression.
func compileExpression(source, path string, at Pos, want result, there extensions) (*Expression, *exprError) {
	if len(source) > maxExpression {
		return nil, &exprError{message: fmt.Sprintf("the expression has %d bytes; at most %d are read", len(source), maxExpression), Pos: Pos{1, 1}}
	}
	if !utf8.ValidString(source) {
		return nil, &exprError{message: "the expression is not valid UTF-8", Pos: Pos{1, 1}}
	}
	config := conf.New(map[string]any{"user": map[string]any{}})
	config.MaxNodes = maxNodes
	tree, err := parser.ParseWithConfig(source, config)
	if err != nil {
		return nil, foreign(err)
	}
	if fault := typeCheck(tree.Node, source, want, there); fault != nil {
		return nil, fault
	}
	// The optimizer is left off: its sets for `in` hold that an absent value is the empty string.
	program, err := expr.Compile(source, expr.Env(map[string]any{"user": map[string]any{}}), expr.Optimize(false), expr.MaxNodes(maxNodes))
	if err != nil {
		return nil, foreign(err)
	}
	return &Expression{Source: source, Pos: at, path: path, want: want, tree: tree.Node, run: program}, nil
}

// names adds the attributes of user that the expression reads to a set.
func (e *Expression) names(set map[string]bool) {
	ast.Find(e.tree, func(n ast.Node) bool {
		if member, ok := n.(*ast.MemberNode); ok {
			if of, ok := member.Node.(*ast.IdentifierNode); ok && of.Value == "user" {
				if name, ok := member.Property.(*ast.StringNode); ok {
					set[name.Value] = true
				}
			}
		}
		return false
	})
}

// foreign turns an error of the expression library into ours, without its drawing of the place.
func foreign(err error) *exprError {
	var at *file.Error
	if errors.As(err, &at) {
		return &exprError{message: "the expression does not compile: " + at.Message, Pos: Pos{max(at.Line, 1), at.Column + 1}}
	}
	return &exprError{message: "the expression does not compile: " + err.Error(), Pos: Pos{1, 1}}
}

// eval runs the expression over what view.of made. The error names the expression's place in the document.
func (e *Expression) eval(user map[string]any) (any, error) {
	machine := vm.VM{MemoryBudget: memoryBudget}
	value, err := machine.Run(e.run, map[string]any{"user": user})
	if err != nil {
		return nil, e.fail(foreign(err).message)
	}
	return value, nil
}

func (e *Expression) evalBool(user map[string]any) (bool, error) {
	value, err := e.eval(user)
	if err != nil {
		return false, err
	}
	b, ok := value.(bool)
	if !ok {
		return false, e.fail(fmt.Sprintf("gives %T, not true or false", value))
	}
	return b, nil
}

// evalText gives the text, or false where the expression gives nothing.
func (e *Expression) evalText(user map[string]any) (string, bool, error) {
	value, err := e.eval(user)
	if err != nil || value == nil {
		return "", false, err
	}
	s, ok := value.(string)
	if !ok {
		return "", false, e.fail(fmt.Sprintf("gives %T, not text", value))
	}
	return s, true, nil
}

func (e *Expression) fail(message string) error {
	message = strings.TrimPrefix(message, "the expression does not compile: ")
	return fmt.Errorf("running an expression: %s", Problem{Line: e.Pos.Line, Column: e.Pos.Column, Path: e.path, Message: message})
}

// expression reads and compiles an expression of the document. What it asks of extensions is checked by Compile.
func (r *reader) expression(n *yaml.Node, path string, want result) *Expression {
	text := r.text(n, path)
	if text.Value == "" {
		return nil
	}
	compiled, fault := compileExpression(text.Value, path, text.Pos, want, nil)
	if fault != nil {
		r.fault(fault, path, func(p Pos) (Pos, bool) { return r.inside(n, p) })
		return nil
	}
	compiled.inside = func(p Pos) (Pos, bool) { return r.inside(n, p) }
	return compiled
}

// fault adds a fault in an expression, at its place in the document.
func (f *findings) fault(fault *exprError, path string, inside func(Pos) (Pos, bool)) {
	place, exact := inside(fault.Pos)
	if !exact && fault.Line > 0 {
		fault.message += fmt.Sprintf(" (line %d, column %d of the expression)", fault.Line, fault.Column)
	}
	f.add(place, path, "%s", fault.message)
}

// inside translates a place in an expression to one in the document, when the source shows the expression as it is;
// one with escapes or folded lines gets the place where its scalar begins.
func (r *reader) inside(n *yaml.Node, p Pos) (Pos, bool) {
	parts := strings.Split(n.Value, "\n")
	if p.Line < 1 || p.Line > len(parts) {
		return at(n), false
	}
	wanted := parts[p.Line-1]
	line, from := n.Line, n.Column
	switch {
	case n.Style&(yaml.LiteralStyle) != 0:
		line, from = n.Line+p.Line, 1
	case len(parts) > 1 || n.Style&yaml.FoldedStyle != 0:
		return at(n), false
	case n.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle) != 0:
		from++
	}
	if line > len(r.lines) {
		return at(n), false
	}
	source := []rune(r.lines[line-1])
	if n.Style&yaml.LiteralStyle != 0 {
		from += len(source) - len([]rune(strings.TrimLeft(r.lines[line-1], " ")))
		wanted = strings.TrimLeft(wanted, " ")
		p.Column -= len(parts[p.Line-1]) - len(wanted)
	}
	if from-1 > len(source) || !strings.HasPrefix(string(source[from-1:]), wanted) {
		return at(n), false
	}
	return Pos{Line: line, Column: from + p.Column - 1}, true
}
