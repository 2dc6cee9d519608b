package lawtest_test

import (
	"os"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/usher-scim/usher/internal/lawtest"
)

const root = "../.."

func TestTheHouseKeepsTheLaw(t *testing.T) {
	t.Parallel()
	pkgs, err := lawtest.Read(os.DirFS(root))
	if err != nil {
		t.Fatal(err)
	}
	if len(pkgs) < 5 {
		t.Fatalf("read only %d packages: is %q the module's root?", len(pkgs), root)
	}
	for _, breach := range lawtest.Breaches(lawtest.Rooms, pkgs) {
		t.Error(breach)
	}
}

// Each row plants one file in an otherwise lawful house.
func TestBreachesAreCaught(t *testing.T) {
	t.Parallel()
	const ours = `"github.com/usher-scim/usher/`
	for _, tc := range []struct {
		name, file, imports string
		want                []string
	}{
		{"an arrow the table has", "scim/a.go", ours + `directory"`, nil},
		{"an arrow that runs back", "store/a.go", ours + `directory"`, []string{"store/a.go imports directory, which store may not know"}},
		{"the wire knows no store", "scim/a.go", ours + `store"`, []string{"scim/a.go imports store, which scim may not know"}},
		{"but its tests may stand on one", "scim/a_test.go", ours + `store/bolt"`, nil},
		{"an adapter and its sibling", "adapters/zoom/a.go", ours + `adapters/gorgias"`, []string{"adapters/zoom/a.go imports adapters/gorgias, which adapters/* may not know"}},
		{"not in tests either", "adapters/zoom/a_test.go", ours + `adapters/gorgias"`, []string{"adapters/zoom/a_test.go imports adapters/gorgias, which adapters/* may not know"}},
		{"an adapter's tests and the sandbox", "adapters/zoom/a_test.go", ours + `sandbox/zoom"`, nil},
		{"an adapter and the sandbox", "adapters/zoom/a.go", ours + `sandbox/zoom"`, []string{"adapters/zoom/a.go imports sandbox/zoom, which adapters/* may not know"}},
		{"the sandbox knows none of us", "sandbox/zoom/a.go", ours + `adapters"`, []string{"sandbox/zoom/a.go imports adapters, which sandbox/... may not know"}},
		{"not in its tests either", "sandbox/zoom/a_test.go", ours + `adapters/zoom"`, []string{"sandbox/zoom/a_test.go imports adapters/zoom, which sandbox/... may not know"}},
		{"nobody imports a binary", "admin/a.go", ours + `cmd/usher"`, []string{"admin/a.go imports cmd/usher, which admin/... may not know"}},
		{"behind a build tag", "mapping/a_plan9.go", ours + `store"`, []string{"mapping/a_plan9.go imports store, which mapping may not know"}},
		{"the most exact row counts", "mapping/versions/a.go", ours + `store"`, nil},
		{"others' packages are no arrows", "store/a.go", `"example.com/directory"`, nil},
		{"a package without a row", "helpers/a.go", `"fmt"`, []string{"helpers has no row in the law: say in rooms.go what it may know"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			tree := fstest.MapFS{
				"store/testdata/x.go": {Data: []byte("not Go at all")},
			}
			for _, folder := range []string{"store", "directory", "scim", "mapping", "mapping/versions", "adapters", "adapters/zoom", "adapters/gorgias", "sandbox/zoom", "admin", "cmd/usher", "helpers"} {
				if folder == "helpers" && tc.file != "helpers/a.go" {
					continue
				}
				tree[folder+"/doc.go"] = &fstest.MapFile{Data: []byte("// Package x is here.\npackage x\n")}
			}
			tree[tc.file] = &fstest.MapFile{Data: []byte("package x\n\nimport _ " + tc.imports + "\n")}
			pkgs, err := lawtest.Read(tree)
			if err != nil {
				t.Fatal(err)
			}
			got := lawtest.Breaches(lawtest.Rooms, pkgs)
			if diff := cmp.Diff(got, tc.want); diff != "" {
				t.Errorf("breaches (-got +want):\n%s", diff)
			}
		})
	}
}

func TestEveryFolderNeedsADoc(t *testing.T) {
	t.Parallel()
	for name, tree := range map[string]fstest.MapFS{
		"no doc.go":             {"store/a.go": {Data: []byte("// Package store is here.\npackage store\n")}},
		"a doc.go that is mute": {"store/doc.go": {Data: []byte("package store\n")}},
	} {
		pkgs, err := lawtest.Read(tree)
		if err != nil {
			t.Fatal(err)
		}
		got := lawtest.Breaches(lawtest.Rooms, pkgs)
		if diff := cmp.Diff(got, []string{"store has no doc.go that opens with a package comment"}); diff != "" {
			t.Errorf("%s: breaches (-got +want):\n%s", name, diff)
		}
	}
}
