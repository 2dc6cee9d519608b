package provision

import (
	"context"

	"github.com/google/uuid"

	"github.com/usher-scim/usher/directory"
	"github.com/usher-scim/usher/store"
)

// Names says how to call people: by userName, else, when the directory has them no more, by
// the address of their account in the ledger. Who is in neither is left out.
func (e *Engine) Names(ctx context.Context, persons []uuid.UUID) (map[uuid.UUID]string, error) {
	names := map[uuid.UUID]string{}
	err := e.o.Store.View(ctx, func(r store.Reader) error {
		clear(names)
		for _, id := range persons {
			if _, known := names[id]; known {
				continue
			}
			person, err := e.o.Directory.PersonIn(r, id)
			if err != nil {
				return err
			}
			if person.UserName != "" {
				names[id] = person.UserName
				continue
			}
			for a, err := range accounts.Find(r, byPerson, store.Key(id[:])) {
				if err != nil {
					return err
				}
				names[id] = a.Email
			}
		}
		return nil
	})
	return names, err
}

// GroupNames returns what groups are called, by id. A group that was deleted too long ago has no name.
func (e *Engine) GroupNames(ctx context.Context, groups []uuid.UUID) (map[uuid.UUID]string, error) {
	names := map[uuid.UUID]string{}
	err := e.o.Store.View(ctx, func(r store.Reader) error {
		clear(names)
		for _, id := range groups {
			if _, known := names[id]; known || id == uuid.Nil {
				continue
			}
			g, err := e.o.Directory.GroupIn(r, id)
			if directory.CodeOf(err) == directory.NotFound {
				continue
			}
			if err != nil {
				return err
			}
			names[id] = g.Name
		}
		return nil
	})
	return names, err
}
