package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/usher-scim/usher/internal/suggest"
)

// fileReader applies one YAML file to a Config and collects what is wrong with it.
type fileReader struct {
	name     string
	config   *Config
	settings map[string]Setting // by key
	sections map[string]bool    // "log", for "log.format"; "alerts" and "alerts.email", for "alerts.email.host"
	mistakes []error
}

// readFile applies the settings in text and returns all mistakes in it, each with file, line and column.
func readFile(c *Config, settings []Setting, name string, text []byte) []error {
	r := &fileReader{name: name, config: c, settings: map[string]Setting{}, sections: map[string]bool{}}
	for _, s := range settings {
		r.settings[s.Key] = s
		for i, c := range s.Key {
			if c == '.' {
				r.sections[s.Key[:i]] = true
			}
		}
	}
	dec := yaml.NewDecoder(bytes.NewReader(text))
	var doc, more yaml.Node
	switch err := dec.Decode(&doc); {
	case errors.Is(err, io.EOF):
		return nil // empty, or nothing but comments
	case err != nil:
		return []error{fmt.Errorf("%s: %s", name, strings.TrimPrefix(err.Error(), "yaml: "))}
	}
	if err := dec.Decode(&more); !errors.Is(err, io.EOF) {
		return []error{fmt.Errorf("%s: there must be one document in the file, without a second --- line", name)}
	}
	if root := doc.Content[0]; root.Tag != "!!null" {
		r.section("", root)
	}
	return r.mistakes
}

func (r *fileReader) wrong(n *yaml.Node, format string, args ...any) {
	r.mistakes = append(r.mistakes, fmt.Errorf("%s:%d:%d: %s", r.name, n.Line, n.Column, fmt.Sprintf(format, args...)))
}

// section reads a mapping whose keys begin with prefix, which is "" or ends in a dot.
func (r *fileReader) section(prefix string, n *yaml.Node) {
	if n.Kind != yaml.MappingNode {
		what := strings.TrimSuffix(prefix, ".")
		if what == "" {
			what = "the file"
		}
		r.wrong(n, "%s must be a list of `key: value` lines", what)
		return
	}
	firstAt := map[string]int{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		name := prefix + key.Value
		if line, twice := firstAt[name]; twice {
			r.wrong(key, "%s is already set in line %d", name, line)
			continue
		}
		firstAt[name] = key.Line
		s, known := r.settings[name]
		switch {
		case key.Kind == yaml.ScalarNode && r.sections[name]:
			r.section(name+".", value)
		case key.Kind == yaml.ScalarNode && known:
			r.value(s, value)
		default:
			r.wrong(key, "unknown key %q%s", key.Value, r.suggest(prefix, key.Value))
		}
	}
}

func (r *fileReader) value(s Setting, n *yaml.Node) {
	nodes := []*yaml.Node{n}
	if s.List {
		if n.Kind != yaml.SequenceNode {
			r.wrong(n, "%s must be a list, such as [a, b]", s.Key)
			return
		}
		nodes = n.Content
	}
	values := make([]string, len(nodes))
	for i, v := range nodes {
		if s.Reference {
			v = referenceNode(v)
		}
		if v.Kind != yaml.ScalarNode || v.Tag == "!!null" {
			r.wrong(v, "%s needs a plain value", s.Key)
			return
		}
		values[i] = v.Value
		if err := s.set(&Config{}, values[i:i+1]); err != nil {
			r.wrong(v, "%s: %v", s.Key, err)
			return
		}
	}
	if err := s.set(r.config, values); err != nil {
		r.wrong(n, "%s: %v", s.Key, err)
	}
}

// referenceNode makes {env: NAME} one plain value, as it stands in flags and variables; what is none stays as it is.
func referenceNode(n *yaml.Node) *yaml.Node {
	if n.Kind != yaml.MappingNode || len(n.Content) != 2 || n.Content[0].Kind != yaml.ScalarNode || n.Content[1].Kind != yaml.ScalarNode {
		return n
	}
	plain := *n.Content[1]
	plain.Line, plain.Column = n.Line, n.Column
	plain.Tag, plain.Value = "!!str", "{"+n.Content[0].Value+": "+n.Content[1].Value+"}"
	return &plain
}

// suggest names the nearest key that may stand where got stood, or the full name of one that
// belongs elsewhere.
func (r *fileReader) suggest(prefix, got string) string {
	names := slices.Sorted(maps.Keys(r.settings))
	names = append(names, slices.Sorted(maps.Keys(r.sections))...)
	var here []string
	for _, name := range names {
		if key, ok := strings.CutPrefix(name, prefix); ok && !strings.Contains(key, ".") {
			here = append(here, key)
		}
	}
	best := suggest.Nearest(got, here)
	if best == "" {
		for _, name := range names {
			if name == got || strings.HasSuffix(name, "."+got) {
				best = name
				break
			}
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf("; did you mean %q?", best)
}
