package main

import (
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const moduleRoot = "../../.."

// Every mutant still fits the sources: what it replaces is there once, and what comes of it is Go.
func TestMutantsFitTheSources(t *testing.T) {
	for _, m := range slices.Concat(Mutants, Unnoticed) {
		t.Run(m.Name, func(t *testing.T) {
			changed, err := m.sources(moduleRoot)
			if err != nil {
				t.Fatal(err)
			}
			if len(changed) == 0 || len(m.Caught) == 0 {
				t.Error("it changes nothing, or nothing has to catch it")
			}
			for file, text := range changed {
				if _, err := parser.ParseFile(token.NewFileSet(), file, text, parser.SkipObjectResolution); err != nil {
					t.Errorf("what comes of it is not Go: %v", err)
				}
			}
		})
	}
}

// The promises are spread: at least ten mutants, each with a name of its own, in more than one file.
func TestMutantsAreMany(t *testing.T) {
	names, files := map[string]bool{}, map[string]bool{}
	for _, m := range Mutants {
		names[m.Name] = true
		for _, e := range m.Edits {
			files[e.File] = true
		}
	}
	if len(names) != len(Mutants) || len(names) < 10 || len(files) < 5 {
		t.Errorf("got %d names for %d mutants in %d files, want at least ten and five files", len(names), len(Mutants), len(files))
	}
}

// The invariants that mutants name are those that the simulator has.
func TestMutantsNameInvariants(t *testing.T) {
	text := ""
	sources, err := filepath.Glob("../*.go")
	if err != nil || len(sources) == 0 {
		t.Fatalf("no sources of the simulator: %v", err)
	}
	for _, path := range sources {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		text += string(data)
	}
	for _, m := range slices.Concat(Mutants, Unnoticed) {
		for _, name := range m.Caught {
			if !strings.Contains(text, "broken(\""+name+"\"") {
				t.Errorf("%s: no invariant is called %q", m.Name, name)
			}
		}
	}
}

// A mutant whose piece is not there once is an error that names the file.
func TestAPieceMustBeThereOnce(t *testing.T) {
	for what, old := range map[string]string{"not there": "this is not in the file", "there often": "return"} {
		t.Run(what, func(t *testing.T) {
			m := Mutant{Name: what, Edits: []Edit{{File: "provision/simtest/mutants/overlay.go", Old: old, New: "x"}}}
			if _, err := m.sources(moduleRoot); err == nil || !strings.Contains(err.Error(), "overlay.go") {
				t.Errorf("got %v, want an error that names the file", err)
			}
		})
	}
}
