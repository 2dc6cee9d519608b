package mapping_test

import (
	"os"
	"strings"
	"testing"

	"github.com/usher-scim/usher/mapping"
)

// The example in the reference is one that works, and it is the one that the other tests use.
func TestTheReferenceShowsAWorkingDocument(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../docs/mapping.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), "```yaml\n")
	example, _, found := strings.Cut(rest, "```")
	if !found {
		t.Fatal("the reference has no example")
	}
	compile(t, example, both...)
	if lines := mapping.Diff(parse(t, acme), parse(t, example)); len(lines) > 0 {
		t.Errorf("the example differs from testdata/acme.yaml: %v", lines)
	}
}
