package secrets_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"

	"github.com/usher-scim/usher/secrets"
	"github.com/usher-scim/usher/store"
)

func TestReferencesAsTheyAreWritten(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		text string
		want secrets.Reference
		err  string
	}{
		{"{env: GORGIAS_KEY}", secrets.Reference{Place: secrets.InEnv, Name: "GORGIAS_KEY"}, ""},
		{"{file: /run/secrets/zoom}", secrets.Reference{Place: secrets.InFile, Name: "/run/secrets/zoom"}, ""},
		{"{secret: zoom-client}", secrets.Reference{Place: secrets.InVault, Name: "zoom-client"}, ""},
		{"secret:\n  zoom-client", secrets.Reference{Place: secrets.InVault, Name: "zoom-client"}, ""},
		{"plain", secrets.Reference{}, "line 1: a secret is given as {env: NAME}, {file: PATH} or {secret: NAME}"},
		{"{env: A, file: /b}", secrets.Reference{}, "line 1: a secret is given as"},
		{"{vault: x}", secrets.Reference{}, "line 1: a secret is given as"},
		{"{env: [A]}", secrets.Reference{}, "line 1: a secret is given as"},
		{"{env: 2BE}", secrets.Reference{}, `line 1: "2BE" cannot be the name of an environment variable`},
		{"{env: ''}", secrets.Reference{}, `line 1: "" cannot be the name of an environment variable`},
		{"{file: ./zoom}", secrets.Reference{}, `line 1: "./zoom" must be the absolute path of a file`},
		{"{secret: Über}", secrets.Reference{}, `line 1: "Über" cannot be the name of a secret`},
		{"{secret: " + strings.Repeat("x", 65) + "}", secrets.Reference{}, "cannot be the name of a secret: at most 64"},
	} {
		t.Run(tc.text, func(t *testing.T) {
			t.Parallel()
			var got secrets.Reference
			err := yaml.Unmarshal([]byte(tc.text), &got)
			if tc.err != "" {
				if err == nil || !strings.Contains(err.Error(), tc.err) {
					t.Fatalf("error = %v, want one that says %q", err, tc.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got != tc.want {
				t.Errorf("read %v, want %v", got, tc.want)
			}
			text, err := yaml.Marshal(got)
			if err != nil {
				t.Fatal(err)
			}
			var again secrets.Reference
			if err := yaml.Unmarshal(text, &again); err != nil || again != got {
				t.Errorf("written as %q and read again: %v, %v, want %v", text, again, err, got)
			}
		})
	}
}

// vaultOf is a vault in memory.
type vaultOf map[string]string

func (v vaultOf) Get(_ context.Context, name string) (secrets.Value, error) {
	plain, ok := v[name]
	if !ok {
		return secrets.Value{}, fmt.Errorf("reading the secret %s: %w", name, store.ErrNotFound)
	}
	return secrets.NewValue(plain), nil
}

func TestReferencesAreResolved(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	pipe := filepath.Join(dir, "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	env := map[string]string{"KEY": "from env", "EMPTY": "", "LINE": "kept\n"}
	r := secrets.NewResolver(vaultOf{"stored": "from vault"}, func(name string) (string, bool) { v, ok := env[name]; return v, ok })
	most := strings.Repeat("x", secrets.MaxValue)

	for _, tc := range []struct {
		name      string
		place     secrets.Place
		of        string
		want, err string
	}{
		{"a variable", secrets.InEnv, "KEY", "from env", ""},
		{"a variable is taken as it is", secrets.InEnv, "LINE", "kept\n", ""},
		{"a variable that is not set", secrets.InEnv, "NOPE", "", "{env: NOPE}: the server's environment has no such variable"},
		{"a variable that is empty", secrets.InEnv, "EMPTY", "", "{env: EMPTY}: the secret is empty"},
		{"a file", secrets.InFile, file("plain", "abc"), "abc", ""},
		{"a file's last line end goes", secrets.InFile, file("line", "abc\n"), "abc", ""},
		{"only the last", secrets.InFile, file("lines", "a\nb\n\n"), "a\nb\n", ""},
		{"also one from Windows", secrets.InFile, file("crlf", "abc\r\n"), "abc", ""},
		{"a bare return is part of it", secrets.InFile, file("cr", "abc\r"), "abc\r", ""},
		{"the longest", secrets.InFile, file("most", most+"\n"), most, ""},
		{"one byte too long", secrets.InFile, file("more", most+"x"), "", "the secret is longer than 65536 bytes"},
		{"far too long", secrets.InFile, file("far", most+most), "", "the secret is longer than 65536 bytes"},
		{"an empty file", secrets.InFile, file("empty", "\n"), "", "the secret is empty"},
		{"no such file", secrets.InFile, filepath.Join(dir, "nope"), "", "there is no such file on the server"},
		{"a folder", secrets.InFile, dir, "", "this is not a regular file"},
		{"a pipe is not waited for", secrets.InFile, pipe, "", "this is not a regular file"},
		{"a stored secret", secrets.InVault, "stored", "from vault", ""},
		{"one that is not stored", secrets.InVault, "nope", "", "{secret: nope}: no such secret is stored; set it with `usher secret set nope`"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			ref, err := secrets.NewReference(tc.place, tc.of)
			if err != nil {
				t.Fatal(err)
			}
			got, err := r.Resolve(t.Context(), ref)
			if tc.err != "" {
				if err == nil || !strings.Contains(err.Error(), tc.err) || !strings.HasPrefix(err.Error(), ref.String()) {
					t.Errorf("error = %v, want one that opens with %s and says %q", err, ref, tc.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got.Reveal() != tc.want {
				t.Errorf("resolved to %q, want %q", got.Reveal(), tc.want)
			}
		})
	}
	if _, err := r.Resolve(t.Context(), secrets.Reference{Place: secrets.InVault, Name: "nope"}); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("a secret that is not stored: error = %v, want store.ErrNotFound", err)
	}
	if _, err := r.Resolve(t.Context(), secrets.Reference{}); err == nil {
		t.Error("an empty reference was resolved")
	}
}

func TestSettingsAreResolvedInPlace(t *testing.T) {
	t.Parallel()
	r := secrets.NewResolver(vaultOf{"key": "a: [b]\nc"}, func(string) (string, bool) { return "7", true })
	const text = "adapter: gorgias\napi_key: {secret: key}\nport: {env: PORT}\nlist:\n  - {secret: key}\n  - {secret: key, other: 1}\n"
	var doc yaml.Node
	if err := yaml.Unmarshal([]byte(text), &doc); err != nil {
		t.Fatal(err)
	}
	refs := []secrets.Reference{{Place: secrets.InVault, Name: "key"}, {Place: secrets.InEnv, Name: "PORT"}, {Place: secrets.InVault, Name: "key"}}
	if diff := cmp.Diff(secrets.References(&doc), refs); diff != "" {
		t.Errorf("references (-got +want):\n%s", diff)
	}
	if err := r.ResolveYAML(t.Context(), &doc); err != nil {
		t.Fatal(err)
	}
	var got map[string]any
	if err := doc.Decode(&got); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{"adapter": "gorgias", "api_key": "a: [b]\nc", "port": "7",
		"list": []any{"a: [b]\nc", map[string]any{"secret": "key", "other": 1}}}
	if diff := cmp.Diff(got, want); diff != "" {
		t.Errorf("settings (-got +want):\n%s", diff)
	}
}

func TestSettingsThatCannotBeResolved(t *testing.T) {
	t.Parallel()
	r := secrets.NewResolver(vaultOf{}, func(string) (string, bool) { return "", false })
	for text, want := range map[string]string{
		"a: 1\nkey: {secret: nope}\n":                            "line 2: {secret: nope}: no such secret is stored",
		"a: 1\n\nkey: {env: NOPE}\n":                             "line 3: {env: NOPE}: the server's environment has no such variable",
		"key: {file: here}\n":                                    `line 1: "here" must be the absolute path`,
		"a: &x {env: A}\nb: *x\n":                                "line 1: {env: A}",
		"a: &x 1\nb: *x\n":                                       "line 2: aliases (*x) are not allowed here",
		strings.Repeat("[", 40) + strings.Repeat("]", 40) + "\n": "settings nest deeper than 32",
	} {
		var doc yaml.Node
		if err := yaml.Unmarshal([]byte(text), &doc); err != nil {
			t.Fatal(err)
		}
		if err := r.ResolveYAML(t.Context(), &doc); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: error = %v, want one that says %q", text, err, want)
		}
	}
}
