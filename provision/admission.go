package provision

import (
	"time"

	"github.com/google/uuid"

	"github.com/usher-scim/usher/store"
)

// Admission lets one effect on a person's account through: a budget had room for it, or an administrator confirmed
// it with the edit of the mapping that causes it. It goes when the effect is not asked for any more, so that the
// same effect at another time is judged anew.
type Admission struct {
	App         string    `json:"app"`
	Person      uuid.UUID `json:"person"`
	Kind        Kind      `json:"kind"`
	Fingerprint string    `json:"fingerprint"`
	At          time.Time `json:"at"`
}

func (a *Admission) key() []byte {
	return store.Key([]byte(a.App), a.Person[:], []byte(a.Kind), []byte(a.Fingerprint))
}

var admissions = store.NewTable("admissions", func(a *Admission) []byte { return a.key() }, nil)

// admissionsOf returns what was let through for a pair.
func admissionsOf(r store.Reader, app string, person uuid.UUID) ([]Admission, error) {
	var all []Admission
	for a, err := range admissions.Scan(r, pairKey(app, person)) {
		if err != nil {
			return nil, err
		}
		all = append(all, *a)
	}
	return all, nil
}
