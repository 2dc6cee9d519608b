package versions

import (
	"context"
	"errors"
	"fmt"

	"github.com/usher-scim/usher/mapping"
	"github.com/usher-scim/usher/store"
)

// MisfitError says that the mapping in force uses custom attributes that are not there any more, or not in that form.
type MisfitError struct {
	Version  int
	Problems *mapping.Problems // each with its place in the text of that version
}

func (e *MisfitError) Error() string {
	return fmt.Sprintf("the mapping in force, version %d, uses custom attributes that the setting schemas does not define, or defines otherwise: "+
		"put the schema back as it was, start, apply a mapping that fits, and change the schema then\n%s", e.Version, e.Problems)
}

// Fits holds the mapping in force against the extension schemas that run now; a *MisfitError where it uses what they lack. A version
// itself means the same for ever. But an attribute that no schema defines is dropped from what sources write, so that people would
// lose, one after the other, what was granted by it: whoever starts with fewer schemas asks first.
func (v *Versions) Fits(ctx context.Context) error {
	err := v.store.View(ctx, func(r store.Reader) error {
		current, err := v.stateIn(r)
		if err != nil || current.Version == 0 {
			return err
		}
		if err := v.fits(r, current.Version); err != nil || current.Rollout == nil {
			return err
		}
		return v.fits(r, current.Rollout.Version)
	})
	return wrap("hold the mapping against the extension schemas", err)
}

func (v *Versions) fits(r store.Reader, number int) error {
	rec, err := v.recordIn(r, number)
	if err != nil {
		return err
	}
	now := v.catalog()
	world := rec.catalog(now)
	world.extensions = mapping.Extensions(now)
	_, err = rec.compiledIn(world)
	var problems *mapping.Problems
	if errors.As(err, &problems) {
		return &MisfitError{Version: rec.Number, Problems: problems}
	}
	return err
}
