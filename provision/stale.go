package provision

import (
	"errors"

	"github.com/google/uuid"

	"github.com/usher-scim/usher/store"
)

// errStale ends an execution before a call that ends an account which is not to be ended any more: its person came back, was
// reinstated, or somebody said no. It is no failure: the item is judged anew, from what the ledger says is under way.
var errStale = errors.New("stale: the account is not to be ended any more, or not yet")

// takesAway reports whether an operation takes an account or its sign-in away.
func takesAway(op Op) bool { return op == OpDemote || op == OpSuspend || op == OpRemove }

// stillEnds looks once more whether the account that is being ended is to be: between the plan and a call there may be a wait for
// the vendor's rate limit, look-ups and repetitions, and a deletion cannot be taken back. It reads what the sources and
// administrators have said by now, expanded or not, under the mapping with which the item began.
// What would cut it down stands for any such step; ending it for good needs its own, as the person may merely have lost a grant by now.
func (x *execution) stillEnds(r store.Reader, op Op, person uuid.UUID) error {
	x.mu.Lock()
	account := x.ending
	x.mu.Unlock()
	if account == uuid.Nil {
		return nil
	}
	s, err := x.situation(r, person)
	if err != nil {
		return err
	}
	for _, step := range s.Plan().Steps {
		if step.Account == account && takesAway(step.Op) && (step.Op == OpRemove || op != OpRemove) {
			return nil
		}
	}
	return errStale
}
