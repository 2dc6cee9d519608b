package config

import (
	"strings"
	"testing"
)

func TestTheSocketsPathHasALimit(t *testing.T) {
	t.Parallel()
	folder := func(length int) string { return "/" + strings.Repeat("d", length-len("//usher.sock")) }
	for _, tc := range []struct {
		name, goos string
		length     int
		fits       bool
	}{
		{"Linux, the longest", "linux", 107, true},
		{"Linux, one more", "linux", 108, false},
		{"macOS, the longest", "darwin", 103, true},
		{"macOS, one more", "darwin", 104, false},
	} {
		got, err := socket(folder(tc.length), tc.goos)
		if tc.fits && (err != nil || len(got) != tc.length) {
			t.Errorf("%s: path of %d bytes, %v, want one of %d", tc.name, len(got), err, tc.length)
		}
		if !tc.fits && (err == nil || !strings.Contains(err.Error(), "choose a shorter data folder")) {
			t.Errorf("%s: error = %v, want one that says what to do", tc.name, err)
		}
	}
	if got, err := (Config{Data: "./usher-data"}).Socket(); err != nil || got != "usher-data/usher.sock" {
		t.Errorf("Socket() = %q, %v, want it in the data folder", got, err)
	}
}

func TestWhichKeyFile(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		config Config
		path   string
		create bool
	}{
		{Config{Data: "/d"}, "/d/usher.key", true},
		{Config{Data: "/d", KeyFile: "/k"}, "/k", false},
	} {
		path, create := tc.config.Keys()
		if path != tc.path || create != tc.create {
			t.Errorf("Keys() = %q, %t, want %q, %t", path, create, tc.path, tc.create)
		}
	}
}
