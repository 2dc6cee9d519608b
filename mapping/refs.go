package mapping

import (
	"strings"

	"github.com/google/uuid"

	"github.com/usher-scim/usher/directory"
)

// GroupRef is a group that the lines of an app name. Whether a group of that name exists is not known here: the
// binding says so.
type GroupRef struct {
	App    string    `json:"app"`
	Name   string    `json:"name"`   // as written in the document
	Source uuid.UUID `json:"source"` // whose group it is
	Group  string    `json:"group"`  // the group's own name
	Line   int       `json:"line"`   // where the name is first written
}

// resolver turns names of groups into references. The names of sources compare without regard to case.
type resolver struct {
	sources []directory.Source
	sets    map[string]GroupSet
}

func newResolver(doc *Document, sources []directory.Source) *resolver {
	r := &resolver{sources: sources, sets: map[string]GroupSet{}}
	for _, set := range doc.Groups {
		r.sets[set.Name.Value] = set
	}
	return r
}

// names returns the group names that a line's `group` stands for: those of the set, or the name itself.
func (r *resolver) names(group Text) []Text {
	if set, ok := r.sets[group.Value]; ok {
		return set.Any
	}
	return []Text{group}
}

// source finds a source by name. A removed one still owns its groups, but one that lives goes first.
func (r *resolver) source(name string) (directory.Source, bool) {
	var found directory.Source
	ok := false
	for _, s := range r.sources {
		if strings.EqualFold(s.Name, name) && (!ok || s.Removed.IsZero()) {
			found, ok = s, true
		}
	}
	return found, ok
}

// candidates are the sources a name without a source's may mean: the living ones, or, where none lives, all.
func (r *resolver) candidates() []directory.Source {
	var living []directory.Source
	for _, s := range r.sources {
		if s.Removed.IsZero() {
			living = append(living, s)
		}
	}
	if living == nil {
		return r.sources
	}
	return living
}

// resolve finds whose group a name means. What stands before the first slash is a source only where a source has that
// name, as names of groups may hold slashes themselves. A problem comes back as its text; a doubt likewise.
func (r *resolver) resolve(name string) (ref GroupRef, problem, doubt string) {
	prefix, rest, slash := strings.Cut(name, "/")
	if slash {
		if s, ok := r.source(prefix); ok {
			if strings.TrimSpace(rest) == "" {
				return ref, "names a source but no group: write " + s.Name + "/Name", ""
			}
			return GroupRef{Name: name, Source: s.ID, Group: rest}, "", ""
		}
	}
	switch whose := r.candidates(); len(whose) {
	case 0:
		return ref, "there is no source yet whose group " + clip(name) + " could be: add one with `usher source add`", ""
	case 1:
		if slash {
			doubt = "no source is called " + clip(prefix) + ": taken as a group of " + whose[0].Name + " that is called " + clip(name)
		}
		return GroupRef{Name: name, Source: whose[0].ID, Group: name}, "", doubt
	default:
		written := make([]string, len(whose))
		for i, s := range whose {
			written[i] = s.Name + "/" + clip(name)
		}
		problem = clip(name) + " is neither a set under `groups` nor written as source/Name, and there is more than one source: write " + strings.Join(written, " or ")
		if slash {
			known := make([]string, len(whose))
			for i, s := range whose {
				known[i] = s.Name
			}
			problem = "there is no source " + clip(prefix) + didYouMean(prefix, known) + " (if the group itself is called " + clip(name) + ", write " + strings.Join(written, " or ") + ")"
		}
		return ref, problem, ""
	}
}
