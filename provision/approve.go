package provision

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/usher-scim/usher/audit"
)

// Approval is what goes with an approval.
type Approval struct {
	// WithoutTransfer: the removal behind a transfer hold loses the leaver's data; on other kinds it is an error.
	WithoutTransfer bool
	// Count is the number that was typed by who approves; 0 where nobody was asked. It is needed from somebody
	// who approves what that person caused, where fewer than two administrators are known.
	Count int
}

// mayApprove says why an administrator may not approve a hold, or nil: with two administrators or more it has to be
// one who did not cause it; with fewer, who caused it has to have typed the count.
func mayApprove(h *Hold, actor audit.Actor, administrators []string, count int) error {
	if h.Source != sourceOf(actor) {
		return nil
	}
	if len(administrators) < 2 {
		if count > 0 {
			return nil
		}
		return &DecisionError{fmt.Sprintf("you caused what hold %s is about: approve it by typing the count", h.ID)}
	}
	others := slices.DeleteFunc(slices.Clone(administrators), func(name string) bool { return name == actor.Name })
	return &DecisionError{fmt.Sprintf("you caused what hold %s is about: another administrator has to approve it (%s)", h.ID, strings.Join(others, ", "))}
}

// CausedBy reports whether the hold follows from what the actor did.
func (h *Hold) CausedBy(actor audit.Actor) bool { return h.Source == sourceOf(actor) }

// ApproveWith lets what an open hold stands for go on. The decision is one transaction and may be repeated. A
// decision that may not be taken is a *DecisionError, an unknown id ErrNoHold.
func (e *Engine) ApproveWith(ctx context.Context, actor audit.Actor, id string, how Approval) (Hold, error) {
	return e.decideHold(ctx, actor, id, func(h *Hold) error {
		switch {
		case !h.Kind.Approvable():
			return &DecisionError{fmt.Sprintf("hold %s cannot be approved (%s): %s", h.ID, h.Kind, h.Fix)}
		case how.WithoutTransfer && h.Kind != HoldTransfer:
			return &DecisionError{fmt.Sprintf("hold %s is not about a transfer of data", h.ID)}
		}
		if err := mayApprove(h, actor, e.o.Administrators, how.Count); err != nil {
			return err
		}
		h.WithoutTransfer = how.WithoutTransfer
		h.State = HoldApproved
		if (h.Kind == HoldTransfer && !how.WithoutTransfer) || h.Kind == HoldRefused {
			// The approval means "try again", so the next refusal is a new question.
			h.State = HoldClosed
		}
		return nil
	})
}
