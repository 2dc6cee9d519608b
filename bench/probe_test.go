package main

import (
	"bufio"
	"bytes"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestEveryProbeRunsAndLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var stdout, stderr bytes.Buffer
	// 1,200 users: a group of them is a large one, of which no PATCH is answered with it.
	args := []string{"-n", "40", "-c", "8", "-runs", "2", "-preload", "1200", "-share", "0.002", "-only", probeNames(), "-dir", dir}
	if err := run(t.Context(), args, strings.NewReader(""), &stdout, &stderr); err != nil {
		t.Fatalf("%v\n%s", err, &stderr)
	}
	for _, want := range []string{
		"alone      commit of its 5 puts: p50 ",
		"adds       40 Adds to one group, answered without members ",
		"start      ready with 1200 users, longest of 2 ",
		"pages      page of 100 of 1200 users, first 2 pages: p50 ",
		"member     replace of 1200 members in one request ",
		"member     add or remove one of 10: p50 of 80 ",
		"group      GET of a group of 1200 members ",
		"provision  bare loop: 20 accounts, 32 calls at a time of 20ms ",
		"limit      of a limit of 40 calls in 20s used, over 120ms after the first 20ms ",
		"leaver     calls to the app before the leaver's removal, while 100 joiners are queued ",
		"leaver     calls to the app before the leaver's removal, while 100 joiners are not looked at yet ",
		"team       team writes for a team of 20 joiners, all of whom are in it ",
		"mark       a mark that changes nothing, of 40 people with accounts; no vendor call ",
		"drain      while 200 marks drain: p99 ",
	} {
		if !strings.Contains(stdout.String(), "\n"+want) {
			t.Errorf("there is no line that begins with %q in:\n%s", want, &stdout)
		}
	}
	if strings.Contains(stdout.String(), "floor") {
		t.Error("the operations ran, too, though none was asked for")
	}
	left, err := os.ReadDir(dir)
	if err != nil || len(left) != 0 {
		t.Errorf("left behind: %v, %v, want nothing", left, err)
	}
}

func TestCreatesAreRecordedWhole(t *testing.T) {
	t.Parallel()
	creates, err := recordCreates(t.Context(), t.TempDir(), 3)
	if err != nil {
		t.Fatal(err)
	}
	if len(creates) != 3 {
		t.Fatalf("%d creates, want 3", len(creates))
	}
	for i, puts := range creates {
		var tables []string
		for _, p := range puts {
			tables = append(tables, p.table)
			if len(p.key) == 0 {
				t.Errorf("create %d: a put to %s without a key", i, p.table)
			}
		}
		if got, want := len(puts), 5; got != want {
			t.Errorf("create %d: %d puts (%v), want %d", i, got, tables, want)
		}
		if !slices.Contains(tables, "records") || !slices.Contains(tables, "counts") {
			t.Errorf("create %d: puts to %v, want the record and the count among them", i, tables)
		}
	}
}

func TestPagesThatRepeatOrLackUsersAreNoFigure(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ name, second, want string }{
		{"a user again", `{"Resources":[{"id":"a"}]}`, "page 2 has user a again"},
		{"a user missing", `{"Resources":[]}`, "the pages have 1 users, not 2"},
		{"all of them", `{"Resources":[{"id":"b"}]}`, ""},
	} {
		srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body := `{"nextCursor":"more","Resources":[{"id":"a"}]}`
			if r.URL.Query().Get("cursor") == "more" {
				body = tc.second
			}
			_, _ = w.Write([]byte(body))
		}))
		tgt := &target{addr: strings.TrimPrefix(srv.URL, "http://"), users: make([]user, 2)}
		err := tgt.with(t.Context(), func(c *conn) error {
			each, err := tgt.turnPages(c)
			if err == nil && len(each) != 2 {
				t.Errorf("%s: %d pages were measured, want 2", tc.name, len(each))
			}
			return err
		})
		srv.Close()
		if (tc.want == "") != (err == nil) || err != nil && err.Error() != tc.want {
			t.Errorf("%s: error = %v, want %q", tc.name, err, tc.want)
		}
	}
}

func TestMembersAreCountedOnce(t *testing.T) {
	t.Parallel()
	got, err := members([]byte(`{"displayName":"Team","members":[{"value":"a"},{"value":"b"},{"value":"A"}]}`))
	if err != nil || got != 2 {
		t.Errorf("%d members, %v, want 2", got, err)
	}
	if _, err := members([]byte(`{"members":[`)); err == nil {
		t.Error("half a group was counted")
	}
}

func TestASlowReaderTakesItsShareWithEachTick(t *testing.T) {
	t.Parallel()
	ours, theirs := net.Pipe()
	go func() {
		_, _ = theirs.Write(make([]byte, slowBytes+10)) // the reader checks what came
		_ = theirs.Close()
	}()
	ticks := make(chan time.Time, 2)
	ticks <- time.Time{}
	slow := &slowConn{Conn: ours, ticks: ticks}
	r := bufio.NewReaderSize(slow, 2*slowBytes)
	if b, err := r.Peek(slowBytes); err != nil || r.Buffered() != slowBytes {
		t.Errorf("the first tick let %d bytes through, %v, want %d", len(b), err, slowBytes)
	}
	ticks <- time.Time{}
	if _, err := r.Peek(slowBytes + 10); err != nil {
		t.Errorf("the second tick: %v, want the rest", err)
	}
	if len(ticks) != 0 {
		t.Error("a tick was left")
	}
	if err := ours.Close(); err != nil {
		t.Error(err)
	}
}
