package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Mutant is one deliberate breakage.
type Mutant struct {
	Name  string // what goes wrong, one clause
	Edits []Edit
	// Caught are the invariants that may catch it: what it breaks is what they promise. Another one is no catch.
	Caught []string
}

// Edit replaces a piece of a source file, which must be there exactly once.
type Edit struct {
	File     string // below the module's folder
	Old, New string
}

// sources returns the files that a mutant changes, as it changes them. It fails when a piece is not there exactly
// once: the code has changed, and the mutant may mean nothing any more.
func (m *Mutant) sources(root string) (map[string]string, error) {
	changed := map[string]string{}
	for _, e := range m.Edits {
		text, known := changed[e.File]
		if !known {
			data, err := os.ReadFile(filepath.Join(root, e.File))
			if err != nil {
				return nil, fmt.Errorf("read what is to be changed: %w", err)
			}
			text = string(data)
		}
		if n := strings.Count(text, e.Old); n != 1 || e.Old == "" || e.Old == e.New {
			return nil, fmt.Errorf("%s has the piece that is to be replaced %d times, not once: say anew what the mutant %q replaces\n%s", e.File, n, m.Name, e.Old)
		}
		changed[e.File] = strings.Replace(text, e.Old, e.New, 1)
	}
	return changed, nil
}

// overlay writes the changed sources into a folder, and beside them the file for the compiler's flag -overlay, whose
// path it returns.
func (m *Mutant) overlay(root, folder string) (string, error) {
	root, err := filepath.Abs(root)
	if err != nil {
		return "", err
	}
	changed, err := m.sources(root)
	if err != nil {
		return "", err
	}
	replace := map[string]string{}
	for file, text := range changed {
		copied := filepath.Join(folder, strings.ReplaceAll(file, "/", "_"))
		if err := os.WriteFile(copied, []byte(text), 0o600); err != nil {
			return "", err
		}
		replace[filepath.Join(root, file)] = copied
	}
	data, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return "", err
	}
	path := filepath.Join(folder, "overlay.json")
	return path, os.WriteFile(path, data, 0o600)
}
