package provision

import (
	"context"

	"github.com/google/uuid"

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
