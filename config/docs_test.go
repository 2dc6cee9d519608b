package config_test

import (
	"flag"
	"fmt"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/usher-scim/usher/config"
)

var update = flag.Bool("update", false, "rewrite the table of settings in the documentation")

const page = "../docs/configuration.md"

var table = regexp.MustCompile(`(?m)^\| key \| flag \| variable .*\n\| --- .*\n(\|.*\n)*`)

func TestTheDocumentationHasEverySetting(t *testing.T) {
	t.Parallel()
	var want strings.Builder
	want.WriteString("| key | flag | variable | default | what it is |\n| --- | --- | --- | --- | --- |\n")
	for _, s := range config.Settings() {
		def := ""
		if s.Default != "" {
			def = "`" + s.Default + "`"
		}
		fmt.Fprintf(&want, "| `%s` | `--%s` | `%s` | %s | %s |\n", s.Key, s.Flag, s.Env, def, s.Doc)
	}
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	got := table.Find(text)
	if got == nil {
		t.Fatalf("%s has no table of settings", page)
	}
	if *update {
		text = table.ReplaceAllLiteral(text, []byte(want.String()))
		if err := os.WriteFile(page, text, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(string(got), want.String()); diff != "" {
		t.Errorf("%s (-got +want; go test ./config -update writes it):\n%s", page, diff)
	}
}

func TestEveryFieldIsASetting(t *testing.T) {
	t.Parallel()
	want := keys(reflect.TypeFor[config.Config](), "")
	got := make([]string, 0, len(want))
	for _, s := range config.Settings() {
		got = append(got, s.Key)
		if s.Doc == "" || strings.Contains(s.Doc, "|") {
			t.Errorf("%s needs a line of documentation without bars: %q", s.Key, s.Doc)
		}
	}
	slices.Sort(got)
	slices.Sort(want)
	if diff := cmp.Diff(got, want); diff != "" {
		t.Errorf("settings and fields of Config (-settings +fields):\n%s", diff)
	}
}

// keys lists the keys of a struct as its yaml tags spell them.
func keys(of reflect.Type, prefix string) []string {
	var all []string
	for i := range of.NumField() {
		field := of.Field(i)
		key := prefix + field.Tag.Get("yaml")
		if field.Type.Kind() == reflect.Struct && field.Type.PkgPath() == of.PkgPath() {
			all = append(all, keys(field.Type, key+".")...)
			continue
		}
		all = append(all, key)
	}
	return all
}

func TestTheExampleLoads(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	_, rest, found := strings.Cut(string(text), "```yaml\n")
	example, _, closed := strings.Cut(rest, "```")
	if !found || !closed {
		t.Fatalf("%s has no example", page)
	}
	c, err := config.Load(config.Input{File: write(t, example)})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := c.PublicURL, "https://usher.example.com"; got != want {
		t.Errorf("public_url = %q, want %q", got, want)
	}
}
