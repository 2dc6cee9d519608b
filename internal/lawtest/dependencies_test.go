package lawtest_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var row = regexp.MustCompile("(?m)^\\| `([^`]+)` \\| [^|]+ \\| [^|]+ \\| [^|]+ \\| [^|]+ \\|$")

func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestEveryDirectDependencyHasARow(t *testing.T) {
	t.Parallel()
	var required []string
	for line := range strings.Lines(read(t, "go.mod")) {
		fields := strings.Fields(strings.TrimPrefix(strings.TrimSpace(line), "require "))
		if len(fields) == 2 && strings.HasPrefix(fields[1], "v") {
			required = append(required, fields[0])
		}
	}
	tool, found := strings.CutSuffix(strings.TrimSpace(regexp.MustCompile(`(?m)^tool .*$`).FindString(read(t, "tools.mod"))), "/cmd/golangci-lint")
	if !found {
		t.Fatal("tools.mod names no linter")
	}
	required = append(required, strings.TrimPrefix(tool, "tool "))

	var described []string
	for _, match := range row.FindAllStringSubmatch(read(t, "docs/dependencies.md"), -1) {
		described = append(described, match[1])
	}
	slices.Sort(required)
	slices.Sort(described)
	if diff := cmp.Diff(described, required); diff != "" {
		t.Errorf("rows of docs/dependencies.md and requirements of go.mod and tools.mod (-rows +required):\n%s", diff)
	}
}
