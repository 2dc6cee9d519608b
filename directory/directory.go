package directory

import (
	"time"

	"github.com/google/uuid"

	"github.com/usher-scim/usher/store"
)

// Directory is the only code that writes sources, records, groups and memberships.
// Each of its acts is one store transaction that also appends one change.
type Directory struct {
	store store.Store
	now   func() time.Time
	newID func() uuid.UUID
}
