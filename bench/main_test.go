package main

import (
	"bytes"
	"os"
	"slices"
	"strings"
	"testing"
)

// The benchmark starts itself as its servers, so here the test binary must be able to be one.
func TestMain(m *testing.M) {
	if slices.Contains(os.Args, "-serve") {
		main()
		return
	}
	os.Exit(m.Run())
}

func TestAShortBenchmarkEndToEnd(t *testing.T) {
	t.Parallel()
	for _, users := range []string{"0", "300"} {
		t.Run(users+" users before", func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			var stdout, stderr bytes.Buffer
			args := []string{"-n", "40", "-c", "8", "-runs", "2", "-preload", users, "-dir", dir}
			if err := run(t.Context(), args, strings.NewReader(""), &stdout, &stderr); err != nil {
				t.Fatalf("%v\n%s", err, &stderr)
			}
			said, table, _ := strings.Cut(stdout.String(), "\n\n")
			if got, want := strings.Contains(said, "300 users are there before; those asked for are any of them"), users == "300"; got != want {
				t.Errorf("the head is %q with %s users before", said, users)
			}
			checkReport(t, strings.Split(strings.TrimSpace(table), "\n"))
			left, err := os.ReadDir(dir)
			if err != nil || len(left) != 0 {
				t.Errorf("left behind: %v, %v, want nothing", left, err)
			}
		})
	}
}

func checkReport(t *testing.T, lines []string) {
	t.Helper()
	if len(lines) != 9 {
		t.Fatalf("%d lines, want 9: %q", len(lines), lines)
	}
	var got []string
	for _, line := range lines[1:7] {
		fields := strings.Fields(line)
		got = append(got, strings.Join(fields[:2], " "))
		if compared := strings.Contains(line, "×"); compared != (fields[0] == "usher") {
			t.Errorf("%q: only Usher's figures are compared with the floor's", line)
		}
	}
	want := []string{"floor POST", "floor GET", "usher POST", "usher GET", "usher PATCH", "usher filter"}
	if !slices.Equal(got, want) {
		t.Errorf("the table has %v, want %v", got, want)
	}
	for i, want := range []string{"floor: ready after ", "usher: ready after "} {
		if got := lines[7+i]; !strings.HasPrefix(got, want) || strings.Contains(got, " 0 MiB") || !strings.HasSuffix(got, " MiB of heap in use") {
			t.Errorf("got the line %q, want one of start and heap", got)
		}
	}
}

func TestFlagsHaveBounds(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		args []string
		want string
	}{
		{[]string{"-n", "0"}, "-n must be between 1 and 100000"},
		{[]string{"-c", "5000"}, "-c must be between 1 and 1024"},
		{[]string{"-preload", "-1"}, "-preload must be between 0 and 2000000"},
		{[]string{"-n", "40", "-c", "8", "-runs", "2", "-preload", "95"}, "each run asks for users of its own, so there must be 96 of them"},
		{[]string{"-preload", "50000", "-url", "http://127.0.0.1:80"}, "only servers of the benchmark's own are filled"},
		{[]string{"-runs", "26"}, "-runs must be between 1 and 25"},
		{[]string{"-only", "POST,DELETE"}, `-only: there is no operation "DELETE"`},
		{[]string{"-url", "http://192.0.2.1:80"}, "is not on loopback"},
		{[]string{"-url", "http://localhost:80"}, "is not on loopback"},
		{[]string{"-url", "https://127.0.0.1:80"}, "is not an address such as http://127.0.0.1:8480"},
		{[]string{"-url", "http://127.0.0.1"}, "is not an address such as http://127.0.0.1:8480"},
		{[]string{"-only", "GET,pages", "-url", "http://127.0.0.1:80"}, "pages is measured at servers of the benchmark's own"},
		{[]string{"-share", "0"}, "-share must be above 0 and at most 1"},
		{[]string{"-nope"}, "flag provided but not defined"},
		{[]string{"more"}, `there is no argument "more"`},
	} {
		var stderr bytes.Buffer
		_, err := parse(tc.args, &stderr)
		if err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%v: error = %v, want one that says %q", tc.args, err, tc.want)
		}
	}
	if o, err := parse([]string{"-only", "Alone,pages"}, &bytes.Buffer{}); err != nil || len(o.only) != 0 || len(o.probes) != 2 {
		t.Errorf("parsed %v and %d probes, %v, want two probes alone", o.only, len(o.probes), err)
	}
	o, err := parse([]string{"-only", "get, filter", "-url", "http://[::1]:99/"}, &bytes.Buffer{})
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(o.only, []operation{opGet, opFilter}) || o.url != "[::1]:99" {
		t.Errorf("parsed %v and %q, want GET, filter and [::1]:99", o.only, o.url)
	}
}
