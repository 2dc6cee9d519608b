package versions

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/usher-scim/usher/mapping"
	"github.com/usher-scim/usher/store"
)

// exportMark begins the comments that Export adds. What follows it is cut when an exported text is exported again.
const exportMark = "# --- bound by usher, for reading only; apply pays no attention to what follows ---"

// Export returns the text of a version, 0 for the current one, as it was applied, with comments behind it: which
// version it is, and the ids of the groups that its names are bound to now. It parses to the same document.
func (v *Versions) Export(ctx context.Context, number int) ([]byte, error) {
	var text string
	err := v.store.View(ctx, func(r store.Reader) error {
		if number == 0 {
			current, err := v.stateIn(r)
			if err != nil {
				return err
			}
			number = current.Version
		}
		rec, err := v.recordIn(r, number)
		if err != nil {
			return err
		}
		compiled, err := rec.compiled(v.catalog())
		if err != nil {
			return err
		}
		bindings, err := v.bindingsIn(r)
		if err != nil {
			return err
		}
		text = export(rec, compiled.With(rec.Number, bindings))
		return nil
	})
	if err != nil {
		return nil, wrap("export the mapping", err)
	}
	return []byte(text), nil
}

func export(rec *record, m *mapping.Mapping) string {
	var b strings.Builder
	b.WriteString(strings.TrimRight(cutExport(rec.Text), "\n"))
	b.WriteString("\n\n" + exportMark + "\n")
	fmt.Fprintf(&b, "# version %d, applied %s by %s\n", rec.Number, rec.At.Format(time.RFC3339), author(rec.Version))
	for _, ref := range m.GroupRefs() {
		if bound, ok := m.Binding(ref.App, ref.Name); ok {
			fmt.Fprintf(&b, "# %s: %q is group %s (%q)\n", ref.App, ref.Name, bound.Group, bound.Named)
		} else {
			fmt.Fprintf(&b, "# %s: %q waits for a group of that name\n", ref.App, ref.Name)
		}
	}
	return b.String()
}

func author(v Version) string {
	if v.Actor.Name == "" {
		return string(v.Actor.Kind)
	}
	return fmt.Sprintf("%q", v.Actor.Name)
}

// cutExport takes away what an earlier Export added, if nothing but comments stands behind its mark.
func cutExport(text string) string {
	at := strings.LastIndex(text, exportMark)
	if at < 0 || at > 0 && text[at-1] != '\n' {
		return text
	}
	for line := range strings.Lines(text[at:]) {
		if line = strings.TrimSpace(line); line != "" && line[0] != '#' {
			return text
		}
	}
	return text[:at]
}
