package provision

import (
	"fmt"

	"github.com/google/uuid"

	"github.com/usher-scim/usher/audit"
	"github.com/usher-scim/usher/mapping"
	"github.com/usher-scim/usher/store"
)

// fewest is how many people must lose access at once for it to count as emptying a group or an app: one who leaves alone
// is an ordinary leaver, also if nobody else was there.
const fewest = 2

// empties says why a batch of removals that fits the budgets is held all the same: after it an app, or a group that the
// app's mapping names, would have nobody left. "" for an ordinary batch. It looks at no more people than a budget lets through.
func (e *Engine) empties(r store.Reader, m *mapping.Mapping, app *mapping.App, list []Item, persons []uuid.UUID) (string, error) {
	if len(persons) < fewest {
		return "", nil
	}
	left, err := staying(r, app.Key, persons)
	if err != nil {
		return "", err
	}
	if !left {
		return fmt.Sprintf("%s, all who have %s, would lose it", people(len(persons)), app.Key), nil
	}
	losing, err := e.losing(r, list, persons)
	if err != nil {
		return "", err
	}
	for _, b := range m.Bindings() {
		g, lost := b.Group, losing[b.Group]
		if b.App != app.Key || lost < fewest {
			continue
		}
		group, err := e.o.Directory.GroupIn(r, g)
		if err != nil {
			return "", err
		}
		if group.Members <= lost || !group.Deleted.IsZero() {
			return fmt.Sprintf("%s would lose %s: the group %s was emptied", people(len(persons)), app.Key, b.Name), nil
		}
	}
	return "", nil
}

// staying reports whether anybody but these keeps an account of the app.
func staying(r store.Reader, app string, persons []uuid.UUID) (bool, error) {
	losing := map[uuid.UUID]bool{}
	for _, p := range persons {
		losing[p] = true
	}
	for _, state := range []AccountState{Active, Demoted, Suspended} {
		for a, err := range accounts.Find(r, byState, store.Key([]byte(app), []byte(state))) {
			if err != nil {
				return false, err
			}
			if !losing[a.Person] && !a.unwanted() {
				return true, nil
			}
		}
	}
	return false, nil
}

// losing counts, by group, the persons who are in it and lose the account, or who were taken out of it: none of a group's
// members is left when it has no more members than that, or none at all.
func (e *Engine) losing(r store.Reader, list []Item, persons []uuid.UUID) (map[uuid.UUID]int, error) {
	count := map[uuid.UUID]int{}
	for _, p := range persons {
		person, err := e.o.Directory.PersonIn(r, p)
		if err != nil {
			return nil, err
		}
		for _, m := range person.Memberships {
			count[m.Group]++
		}
	}
	emptied := map[uuid.UUID]int{} // by change: how many of the batch it touches
	groups := map[uuid.UUID]uuid.UUID{}
	for i := range list {
		for _, id := range list[i].Causes {
			if _, known := groups[id]; !known {
				c, err := audit.Get(r, id)
				if err != nil {
					continue // pruned; what it was about is not known any more
				}
				groups[id] = uuid.Nil
				if c.Act == audit.GroupMembers || c.Act == audit.GroupDeleted {
					groups[id] = c.Group
				}
			}
			if groups[id] != uuid.Nil {
				emptied[groups[id]]++
			}
		}
	}
	for group, n := range emptied {
		g, err := e.o.Directory.GroupIn(r, group)
		if err == nil && (g.Members == 0 || !g.Deleted.IsZero()) {
			count[group] = max(count[group], n)
		}
	}
	return count, nil
}
