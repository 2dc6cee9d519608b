package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// hunter plays histories with broken engines.
type hunter struct {
	root, folder string
	sound        string // the test binary of the engine as it is
	start, seeds uint64
	limit        time.Duration
	played       uint64
}

// caught is how a mutant was found out; seed 0: it was not.
type caught struct {
	invariant string
	seed      uint64
	played    uint64
	besides   []string // invariants that broke before and are not among those that must
}

// build makes the test binary of this package, with a mutant's sources in place of the tree's, or as it is.
func (h *hunter) build(ctx context.Context, name string, m *Mutant) (string, error) {
	folder, err := os.MkdirTemp(h.folder, name+"-")
	if err != nil {
		return "", err
	}
	path := filepath.Join(folder, "hunt.test")
	args := []string{"test", "-c", "-vet=off", "-ldflags=-s -w", "-o", path}
	if m != nil {
		overlay, err := m.overlay(h.root, folder)
		if err != nil {
			return "", err
		}
		args = append(args, "-overlay", overlay)
	}
	cmd := exec.CommandContext(ctx, "go", append(args, "./provision/simtest/mutants")...) //nolint:gosec // our own arguments
	cmd.Dir = h.root
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("%w\n%s", err, out)
	}
	return path, nil
}

// slice is how many histories one process plays at most.
const slice = 50

// hunt plays histories with a mutant until one breaks an invariant that it must break, or its time is over. A history that
// breaks with the engine as it is too proves nothing and is passed over.
func (h *hunter) hunt(ctx context.Context, m *Mutant) (caught, error) {
	binary, err := h.build(ctx, "mutant", m)
	if err != nil {
		return caught{}, err
	}
	defer os.Remove(binary) //nolint:errcheck // a temporary file
	limited, cancel := context.WithTimeout(ctx, h.limit)
	defer cancel()
	var c caught
	for seed := h.start; seed < h.start+h.seeds; {
		last, found, err := h.first(limited, binary, seed, min(slice, h.start+h.seeds-seed))
		if limited.Err() != nil && ctx.Err() == nil {
			return c, nil
		}
		if err != nil {
			return c, err
		}
		c.played += last - seed + 1
		h.played += last - seed + 1
		seed = last + 1
		if found == "" {
			continue
		}
		if _, also, err := h.first(ctx, h.sound, last, 1); err != nil || also != "" {
			if err != nil {
				return c, fmt.Errorf("play seed %d with the engine as it is: %w", last, err)
			}
			continue
		}
		if slices.Contains(m.Caught, found) {
			c.invariant, c.seed = found, last
			return c, nil
		}
		if !slices.Contains(c.besides, found) {
			c.besides = append(c.besides, found)
		}
	}
	return c, nil
}

// first plays up to n histories from a seed on, until one breaks an invariant. It returns the last seed that was played,
// and the invariant; "" when none broke.
func (h *hunter) first(ctx context.Context, binary string, seed, n uint64) (last uint64, invariant string, err error) {
	cmd := exec.CommandContext(ctx, binary, "-test.run", "^TestHunt$", "-test.timeout", "0", "-hunt.start", fmt.Sprint(seed), "-hunt.seeds", fmt.Sprint(n)) //nolint:gosec // what was just built
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err = cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		return 0, "", err
	}
	if ctx.Err() != nil {
		return 0, "", ctx.Err()
	}
	for lines := bufio.NewScanner(bytes.NewReader(out.Bytes())); lines.Scan(); {
		if word, rest, _ := strings.Cut(lines.Text(), " "); word == brokenWord || word == wholeWord {
			number, what, _ := strings.Cut(rest, " ")
			if _, err := fmt.Sscan(number, &last); err != nil {
				return 0, "", fmt.Errorf("read what the histories say: %w", err)
			}
			return last, what, nil
		}
	}
	text := out.String()
	return 0, "", fmt.Errorf("the histories ended without a word: %w\n%s", err, text[max(0, len(text)-2000):])
}

// What the test of this package prints: a history broke an invariant, whose name follows the seed; or all held.
const (
	brokenWord = "BROKEN"
	wholeWord  = "WHOLE"
)
