package mapping

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Bounds of a document.
const (
	MaxDocument = 1 << 20 // bytes of text
	maxDepth    = 12      // nested lists and maps; the document's own form needs eight
)

// Parse reads a mapping document. It is strict: a key it does not know, a key given twice, a value of another form,
// an anchor or alias, or an expression that does not compile is a problem, and every problem found is reported in one
// *Problems. What the connected apps can do is not its business; that is Compile's.
func Parse(src []byte) (*Document, error) {
	if len(src) > MaxDocument {
		return nil, &Problems{List: []Problem{{Message: fmt.Sprintf("the document has %d bytes; at most %d are read", len(src), MaxDocument)}}}
	}
	root, err := yamlTree(src)
	if err != nil {
		return nil, err
	}
	r := &reader{lines: strings.Split(string(src), "\n")}
	r.refuse(root, 0)
	if err := r.err(); err != nil {
		return nil, err
	}
	doc := r.document(root)
	if err := r.err(); err != nil {
		return nil, err
	}
	return doc, nil
}

// yamlTree parses exactly one YAML document into its nodes; aliases are not followed.
func yamlTree(src []byte) (*yaml.Node, error) {
	dec := yaml.NewDecoder(bytes.NewReader(src))
	var doc yaml.Node
	switch err := dec.Decode(&doc); {
	case errors.Is(err, io.EOF):
		return nil, &Problems{List: []Problem{{Message: "the document is empty: it begins with version: 1"}}}
	case err != nil:
		return nil, &Problems{List: []Problem{syntaxProblem(err)}}
	}
	var second yaml.Node
	switch err := dec.Decode(&second); {
	case err == nil:
		return nil, &Problems{List: []Problem{{Line: second.Line, Column: second.Column, Message: "a second YAML document begins here: one file holds one mapping"}}}
	case !errors.Is(err, io.EOF):
		return nil, &Problems{List: []Problem{syntaxProblem(err)}}
	}
	if len(doc.Content) != 1 {
		return nil, &Problems{List: []Problem{{Message: "the document is empty: it begins with version: 1"}}}
	}
	return doc.Content[0], nil
}

// yamlLine finds the line in the YAML library's error text, its only form.
var yamlLine = regexp.MustCompile(`^yaml: (?:line (\d+): )?`)

func syntaxProblem(err error) Problem {
	text := err.Error()
	p := Problem{Message: "not valid YAML: " + yamlLine.ReplaceAllString(text, "")}
	if m := yamlLine.FindStringSubmatch(text); len(m) == 2 {
		p.Line, _ = strconv.Atoi(m[1]) // digits by the pattern, or nothing, which is line 0: unknown
	}
	return p
}

// reader walks YAML nodes into a Document, collecting problems as it goes.
type reader struct {
	findings
	lines []string // of the source, to place expressions inside their scalar
}

func at(n *yaml.Node) Pos { return Pos{Line: n.Line, Column: n.Column} }

func textOf(n *yaml.Node) Text { return Text{Value: n.Value, Pos: at(n)} }

// refuse reports what YAML allows and a mapping document does not: references, which hide what a line says and can
// grow without bound, tags of one's own, and depth.
func (r *reader) refuse(n *yaml.Node, depth int) {
	switch {
	case depth > maxDepth:
		r.add(at(n), "", "nested too deeply")
		return
	case n.Kind == yaml.AliasNode:
		r.add(at(n), "", "aliases (*%s) are not allowed: write the value out", n.Value)
		return
	case n.Anchor != "":
		r.add(at(n), "", "anchors (&%s) are not allowed: write the value out where it is used", n.Anchor)
	case n.Tag == "!!merge":
		r.add(at(n), "", "merge keys (<<) are not allowed: write the keys out")
	case n.Style&yaml.TaggedStyle != 0:
		r.add(at(n), "", "tags (%s) are not allowed", n.Tag)
	}
	for _, child := range n.Content {
		r.refuse(child, depth+1)
	}
}

// pair is one key of a map with its value.
type pair struct {
	key   *yaml.Node
	value *yaml.Node
	path  string
}

// pairs reads a map's keys, each once, in document order.
func (r *reader) pairs(n *yaml.Node, path string) []pair {
	if n.Kind != yaml.MappingNode {
		r.add(at(n), path, "must be a map of keys and values, but is %s", form(n))
		return nil
	}
	list := make([]pair, 0, len(n.Content)/2)
	seen := make(map[string]int, len(n.Content)/2)
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		if key.Kind != yaml.ScalarNode || key.Tag == "!!null" {
			r.add(at(key), path, "a key must be a word")
			continue
		}
		name := key.Value
		if first, twice := seen[name]; twice {
			r.add(at(key), join(path, name), "is given twice; the first is on line %d", first)
			continue
		}
		seen[name] = key.Line
		list = append(list, pair{key: key, value: value, path: join(path, name)})
	}
	return list
}

// fields reads a map whose keys are known, by key. An unknown key is a problem that names the nearest known one.
func (r *reader) fields(n *yaml.Node, path string, known ...string) map[string]*yaml.Node {
	found := map[string]*yaml.Node{}
	for _, p := range r.pairs(n, path) {
		if !contains(known, p.key.Value) {
			r.add(at(p.key), path, "unknown key %q%s", clip(p.key.Value), didYouMean(p.key.Value, known))
			continue
		}
		if p.value.Kind == yaml.ScalarNode && p.value.Tag == "!!null" {
			r.add(at(p.value), p.path, "is empty: give it a value or leave the key out")
			continue
		}
		found[p.key.Value] = p.value
	}
	return found
}

// items reads a list.
func (r *reader) items(n *yaml.Node, path string) []*yaml.Node {
	if n == nil {
		return nil
	}
	if n.Kind != yaml.SequenceNode {
		r.add(at(n), path, "must be a list, but is %s", form(n))
		return nil
	}
	return n.Content
}

// text reads a word: a non-empty string. A number, a date or true is refused, so that nobody wonders how it is spelt.
func (r *reader) text(n *yaml.Node, path string) Text {
	if n == nil {
		return Text{}
	}
	switch {
	case n.Kind != yaml.ScalarNode:
		r.add(at(n), path, "must be text, but is %s", form(n))
	case n.Tag != "!!str":
		if n.Tag == "!!null" {
			r.add(at(n), path, "is empty")
		} else {
			r.add(at(n), path, "must be text, but YAML reads %s as %s: write it in quotes", clip(n.Value), form(n))
		}
	case strings.TrimSpace(n.Value) == "":
		r.add(at(n), path, "is empty")
	default:
		return textOf(n)
	}
	return Text{}
}

// texts reads a list of words, each once.
func (r *reader) texts(n *yaml.Node, path string) []Text {
	var list []Text
	seen := map[string]bool{}
	for i, item := range r.items(n, path) {
		t := r.text(item, index(path, i))
		switch {
		case t.Value == "":
		case seen[t.Value]:
			r.add(t.Pos, index(path, i), "%s is listed twice", clip(t.Value))
		default:
			seen[t.Value] = true
			list = append(list, t)
		}
	}
	return list
}

// integer reads a whole number within bounds.
func (r *reader) integer(n *yaml.Node, path string, low, high, otherwise int) int {
	if n == nil {
		return otherwise
	}
	value, err := strconv.Atoi(n.Value)
	if n.Kind != yaml.ScalarNode || n.Tag != "!!int" || err != nil {
		r.add(at(n), path, "must be a whole number, but is %s", form(n))
		return otherwise
	}
	if value < low || value > high {
		r.add(at(n), path, "must be between %d and %d, but is %d", low, high, value)
		return otherwise
	}
	return value
}

// form names the form of a value for an error text.
func form(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "a map"
	case yaml.SequenceNode:
		return "a list"
	case yaml.ScalarNode:
		switch n.Tag {
		case "!!null":
			return "empty"
		case "!!bool":
			return "true or false"
		case "!!int", "!!float":
			return "a number"
		case "!!timestamp":
			return "a date"
		}
		return "text"
	}
	return "something else"
}

func join(path, key string) string {
	key = clip(key)
	if path == "" {
		return key
	}
	return path + "." + key
}

func index(path string, i int) string { return fmt.Sprintf("%s[%d]", path, i) }

// clip shortens outside text for an error message.
func clip(s string) string {
	const most = 80
	if runes := []rune(s); len(runes) > most {
		return string(runes[:most]) + "…"
	}
	return s
}

func contains(list []string, word string) bool {
	for _, w := range list {
		if w == word {
			return true
		}
	}
	return false
}
