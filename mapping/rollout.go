package mapping

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/google/uuid"

	"github.com/usher-scim/usher/directory"
)

// Ring says who follows a new version of the document while it is rolled out: the members of a group, a share of everybody, or both.
type Ring struct {
	Group uuid.UUID `json:"group,omitzero"`
	Name  string    `json:"name,omitempty"` // of the group, as written
	// Share is how much of everybody, in hundredths of a percent, from 0 to Whole. Who is in a share is in every larger one too.
	Share int `json:"share,omitempty"`
}

// Whole is the share that is everybody.
const Whole = 10_000

// ParseShare reads a share as people write it: "5%", "0.5%". It is above 0 and below 100.
func ParseShare(text string) (int, error) {
	number, percent := strings.CutSuffix(strings.TrimSpace(text), "%")
	value, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
	share := math.Round(value * 100)
	if !percent || err != nil || math.IsNaN(value) || share < 1 || share >= Whole {
		return 0, fmt.Errorf("%s is not a share such as 5%% or 0.5%%, above 0 and below 100", clip(text))
	}
	return int(share), nil
}

// InShare says whether a person is in a share of everybody: by the first eight bytes of the SHA-256 of the id, modulo Whole. So it is
// the same people each time, spread evenly, and nobody leaves a share that grows.
func InShare(person uuid.UUID, share int) bool {
	sum := sha256.Sum256(person[:])
	return binary.BigEndian.Uint64(sum[:])%Whole < uint64(max(share, 0)) // #nosec G115 -- not negative
}

// Has says whether a person is in the ring. Who leaves its group leaves it, if not in the share as well; a group that is deleted has nobody.
func (r Ring) Has(p *directory.Person) bool {
	if r.Share > 0 && InShare(p.ID, r.Share) {
		return true
	}
	return r.Group != uuid.Nil && slices.ContainsFunc(p.Memberships, func(m directory.Membership) bool {
		return m.Group == r.Group && m.Deleted.IsZero()
	})
}

// String is the ring in words: "okta/IT", "5%", "okta/IT and 5% of everybody".
func (r Ring) String() string {
	share := strconv.FormatFloat(float64(r.Share)/100, 'f', -1, 64) + "%"
	switch {
	case r.Group == uuid.Nil:
		return share + " of everybody"
	case r.Share == 0:
		return r.Name
	default:
		return r.Name + " and " + share + " of everybody"
	}
}

// Rolling is the mapping while another version is rolled out: those in the ring follow next, all others the mapping as it is. What
// concerns no single person, such as budgets, is that of the mapping as it is.
func (m *Mapping) Rolling(next *Mapping, ring Ring) *Mapping {
	both := *m
	both.next, both.ring = next, ring
	return &both
}

// RollsOut returns the version that is rolled out and to whom; nil for none.
func (m *Mapping) RollsOut() (*Mapping, Ring) { return m.next, m.ring }

// InForce is the mapping of those who are in no ring.
func (m *Mapping) InForce() *Mapping {
	if m.next == nil {
		return m
	}
	alone := *m
	alone.next, alone.ring = nil, Ring{}
	return &alone
}

// For returns the version that a person follows: m itself, or the one that is rolled out to a ring with the person in it.
func (m *Mapping) For(p *directory.Person) *Mapping {
	if m.next != nil && m.ring.Has(p) {
		return m.next
	}
	return m
}

// AppFor returns an app by its key as the person's version has it.
func (m *Mapping) AppFor(key string, p *directory.Person) (*App, bool) {
	app, ok := m.For(p).byKey[key]
	return app, ok
}

// Rollable says why a document cannot be rolled out in rings after another; "" where it can. An app is connected, observed or enforced for
// everybody at once, and its ledger is under one key.
func Rollable(now, next *Document) string {
	for _, app := range now.Apps {
		if _, still := next.App(app.Key.Value); !still {
			return "it leaves out the app " + clip(app.Key.Value)
		}
	}
	for i := range next.Apps {
		app := &next.Apps[i]
		was, ok := now.App(app.Key.Value)
		switch {
		case !ok:
			return "it adds the app " + clip(app.Key.Value)
		case was.Mode != app.Mode:
			return fmt.Sprintf("it changes the mode of %s from %s to %s", clip(app.Key.Value), was.Mode, app.Mode)
		case was.Connection.Value != app.Connection.Value:
			return "it changes the connection of " + clip(app.Key.Value)
		case was.RenamedFrom.Value != app.RenamedFrom.Value:
			return "it renames the app " + clip(app.Key.Value)
		}
	}
	return ""
}

// FindGroup finds whose group a name means, as in a document: written as source/Name where there is more than one source.
func FindGroup(name string, sources []directory.Source) (GroupRef, error) {
	if strings.TrimSpace(name) == "" {
		return GroupRef{}, fmt.Errorf("the name of the group is empty")
	}
	r := resolver{sources: sources}
	ref, problem, _ := r.resolve(name)
	if problem != "" {
		return GroupRef{}, fmt.Errorf("%s", problem)
	}
	return ref, nil
}
