package bolt_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/usher-scim/usher/store"
	"github.com/usher-scim/usher/store/bolt"
)

// crashFile tells a copy of the test binary to be the writer that gets killed.
const crashFile = "USHER_TEST_CRASH_FILE"

func TestMain(m *testing.M) {
	if path := os.Getenv(crashFile); path != "" {
		fmt.Fprintln(os.Stderr, writeUntilKilled(path))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// writeUntilKilled adds numbered transactions from several goroutines and prints each number once it is durable.
// A transaction puts its number into two tables and takes the one before out of a third.
func writeUntilKilled(path string) error {
	s, err := bolt.Open(path, bolt.Options{})
	if err != nil {
		return err
	}
	failed := make(chan error)
	for worker := range 4 {
		go func() {
			for n := 0; ; n++ {
				id := fmt.Sprintf("%d-%d-%d", os.Getpid(), worker, n)
				before := fmt.Sprintf("%d-%d-%d", os.Getpid(), worker, n-1)
				err := s.Update(context.Background(), func(tx store.Tx) error {
					return errors.Join(
						tx.Put("left", []byte(id), make([]byte, n%900)),
						tx.Put("right", []byte(id), nil),
						tx.Put("latest", []byte(id), nil),
						tx.Delete("latest", []byte(before)))
				})
				if err != nil {
					failed <- err
				}
				// One write to a pipe is whole or not there.
				if _, err := os.Stdout.WriteString(id + "\n"); err != nil {
					failed <- err
				}
			}
		}()
	}
	return <-failed
}

func TestKilledAtRandomMomentsNothingAcknowledgedIsLost(t *testing.T) {
	const rounds = 20
	path := filepath.Join(t.TempDir(), "usher.db")
	acknowledged := map[string]bool{}
	for round := range rounds {
		limit := 1 + rand.IntN(200)
		got := runAndKill(t, path, limit)
		if len(got) < limit {
			t.Fatalf("round %d: the writer ended after %d transactions, before it was killed", round, len(got))
		}
		for _, id := range got {
			acknowledged[id] = true
		}
		checkAfterCrash(t, path, acknowledged)
	}
	t.Logf("%d kills, %d acknowledged transactions", rounds, len(acknowledged))
}

// runAndKill starts the writer, kills it once it has acknowledged limit transactions, and
// returns all that it acknowledged.
func runAndKill(t *testing.T, path string, limit int) []string {
	t.Helper()
	writer := exec.CommandContext(t.Context(), os.Args[0])
	writer.Env = append(os.Environ(), crashFile+"="+path)
	writer.Stderr = os.Stderr
	out, err := writer.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := writer.Start(); err != nil {
		t.Fatal(err)
	}
	var ids []string
	var kill sync.Once
	lines := bufio.NewReader(out)
	for {
		line, err := lines.ReadString('\n')
		if err != nil {
			break // half a line was not acknowledged
		}
		if ids = append(ids, strings.TrimSpace(line)); len(ids) == limit {
			kill.Do(func() {
				if err := writer.Process.Kill(); err != nil {
					t.Error(err)
				}
			})
		}
	}
	var exit *exec.ExitError
	if err := writer.Wait(); !errors.As(err, &exit) || exit.Exited() {
		t.Fatalf("the writer was not killed: %v", err)
	}
	return ids
}

func checkAfterCrash(t *testing.T, path string, acknowledged map[string]bool) {
	t.Helper()
	s, err := bolt.Open(path, bolt.Options{})
	if err != nil {
		t.Fatalf("open after a crash: %v", err)
	}
	err = s.View(t.Context(), func(r store.Reader) error {
		left, right, last := map[string]bool{}, map[string]bool{}, map[string]int{}
		for key := range r.Range("left", nil, nil) {
			left[string(key)] = true
			worker, n := split(t, string(key))
			last[worker] = max(last[worker], n)
		}
		for key := range r.Range("right", nil, nil) {
			right[string(key)] = true
			if !left[string(key)] {
				t.Errorf("half a transaction: %s is right, but not left", key)
			}
		}
		if len(left) != len(right) {
			t.Errorf("half a transaction: got %d left, %d right", len(left), len(right))
		}
		for id := range acknowledged {
			if !left[id] {
				t.Errorf("acknowledged, but lost: %s", id)
			}
		}
		latest := 0
		for key := range r.Range("latest", nil, nil) {
			latest++
			if worker, n := split(t, string(key)); n != last[worker] {
				t.Errorf("half a transaction: the latest of %s is %d, want %d", worker, n, last[worker])
			}
		}
		if latest != len(last) {
			t.Errorf("got %d latest, want %d", latest, len(last))
		}
		return nil
	})
	if err = errors.Join(err, s.Close()); err != nil {
		t.Fatal(err)
	}
}

func split(t *testing.T, id string) (worker string, n int) {
	t.Helper()
	at := strings.LastIndexByte(id, '-')
	n, err := strconv.Atoi(id[at+1:])
	if err != nil {
		t.Fatalf("a key that nobody wrote: %q", id)
	}
	return id[:at], n
}
