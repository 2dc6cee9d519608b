package versions

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/usher-scim/usher/audit"
	"github.com/usher-scim/usher/directory"
	"github.com/usher-scim/usher/mapping"
	"github.com/usher-scim/usher/store"
)

// Rollout is a version on its way to everybody: those in the ring follow it, all others the version in force. It begins with an Apply
// with a ring, reaches more with Widen, ends with Widen to all, or with a Rollback, which returns everybody. Stopped, it reaches nobody
// further, and a person decides.
type Rollout struct {
	Version int          `json:"version"`
	Ring    mapping.Ring `json:"ring"`
	Since   time.Time    `json:"since"` // UTC
	By      audit.Actor  `json:"by"`
	Changes []uuid.UUID  `json:"changes"` // by which people came in, the oldest first
	Stopped *Stop        `json:"stopped,omitempty"`
	// Forgiven is how many people in trouble somebody had seen who let it go on after a stop.
	Forgiven int `json:"forgiven,omitempty"`
}

// Stop says why a rollout stopped.
type Stop struct {
	At  time.Time   `json:"at"` // UTC
	By  audit.Actor `json:"by"` // the engine, where it stopped by itself
	Why string      `json:"why"`
}

// MaxStopReason bounds the reason of a stop, in bytes.
const MaxStopReason = 500

// maxWidened bounds how often one rollout is widened.
const maxWidened = 64

// RolloutError is what cannot be done with a rollout, in words for the administrator.
type RolloutError struct{ Text string }

func (e *RolloutError) Error() string { return e.Text }

func refuse(format string, args ...any) error { return &RolloutError{fmt.Sprintf(format, args...)} }

// noRollout says that nothing is rolled out.
const noRollout = "no version of the mapping is being rolled out: usher apply -f FILE --ring GROUP begins with one"

// reach says in a change who has to be looked at: the members of the ring's group, or everybody for a share, of whom those in it are marked.
// It is urgent as an edit for everybody is, since it may take access away.
func (ro *Rollout) reach(c *audit.Change) {
	if ro.Ring.Share > 0 {
		return
	}
	c.Everybody, c.Group, c.WholeGroup, c.Removing = false, ro.Ring.Group, true, true
}

// Entering returns, of these people, those whom a change of the mapping reaches: with a share, who is in it; else all.
func Entering(c *audit.Change, persons []uuid.UUID) ([]uuid.UUID, error) {
	if c.Act != audit.MappingApplied && c.Act != audit.MappingRolled || len(c.Detail) == 0 {
		return persons, nil
	}
	var told applied
	if err := json.Unmarshal(c.Detail, &told); err != nil {
		return nil, fmt.Errorf("read whom the change %s reaches: %w", c.ID, err)
	}
	if told.Ring == nil || told.Ring.Share == 0 || told.Ring.Share >= mapping.Whole {
		return persons, nil
	}
	var in []uuid.UUID
	for _, p := range persons {
		if mapping.InShare(p, told.Ring.Share) {
			in = append(in, p)
		}
	}
	return in, nil
}

// begin checks that a document may be rolled out after the one in force, and finds the ring's group.
func (v *Versions) begin(r store.Reader, n *next, doc *mapping.Document, ring string) (mapping.Ring, error) {
	var in mapping.Ring
	if n.current.Version == 0 {
		return in, refuse("the first version of the mapping is for everybody: there is none that the others could follow")
	}
	if ro := n.current.Rollout; ro != nil {
		return in, refuse("version %d is being rolled out (%s): give it to all (usher rollout all) or take it back (usher rollback) first", ro.Version, ro.Ring)
	}
	rec, err := v.recordIn(r, n.current.Version)
	if err != nil {
		return in, err
	}
	now, err := mapping.Parse([]byte(rec.Text))
	if err != nil {
		return in, err
	}
	if why := mapping.Rollable(now, doc); why != "" {
		return in, refuse("this version cannot be rolled out in rings: %s. Apply that for everybody first, and the rest in rings", why)
	}
	if strings.HasSuffix(ring, "%") {
		if in.Share, err = mapping.ParseShare(ring); err != nil {
			return in, refuse("--ring: %v", err)
		}
		return in, nil
	}
	sources, err := v.directory.SourcesIn(r)
	if err != nil {
		return in, err
	}
	ref, err := mapping.FindGroup(ring, sources)
	if err != nil {
		return in, refuse("--ring: %v", err)
	}
	group, err := v.directory.GroupByNameIn(r, ref.Source, ref.Group)
	if directory.CodeOf(err) == directory.NotFound {
		return in, refuse("--ring: no group is called %q; a share of everybody is written as 5%%", ring)
	}
	in.Group, in.Name = group.ID, ring
	return in, err
}

// withdraw notes on a version that is being rolled out that it was taken back; nil is nothing to note.
func (v *Versions) withdraw(tx store.Tx, ro *Rollout) error {
	if ro == nil {
		return nil
	}
	rec, err := v.recordIn(tx, ro.Version)
	if err != nil {
		return err
	}
	ring := ro.Ring
	rec.Withdrawn = &ring
	return v.records.Put(tx, rec)
}

// rolloutOf returns the rollout of a version, nil for none.
func (v *Versions) rolloutOf(r store.Reader, number int) (*Rollout, error) {
	s, err := v.stateIn(r)
	if err != nil || s.Rollout == nil || s.Rollout.Version != number {
		return nil, err
	}
	return s.Rollout, nil
}

// Rollout returns what is being rolled out, nil for nothing.
func (v *Versions) Rollout(ctx context.Context) (*Rollout, error) {
	var ro *Rollout
	err := v.store.View(ctx, func(r store.Reader) error {
		s, err := v.stateIn(r)
		ro = s.Rollout
		return err
	})
	return ro, wrap("read the rollout", err)
}

// widened returns the ring as it would be with a share; mapping.Whole is everybody.
func (ro *Rollout) widened(share int) (mapping.Ring, error) {
	in := ro.Ring
	switch {
	case ro.Stopped != nil:
		return in, refuse("the rollout of version %d is stopped (%s): let it go on (usher rollout resume) or take it back (usher rollback)", ro.Version, ro.Stopped.Why)
	case share <= in.Share:
		return in, refuse("version %d is with %s already: a ring only grows; usher rollback takes the version back", ro.Version, in)
	case len(ro.Changes) >= maxWidened:
		return in, refuse("version %d was widened %d times: give it to all now, or take it back", ro.Version, maxWidened)
	}
	in.Share = share
	return in, nil
}

// CheckWiden returns the mapping as it would be if what is rolled out reached a share of everybody, mapping.Whole for all. It writes nothing.
// What cannot be is a *RolloutError.
func (v *Versions) CheckWiden(ctx context.Context, share int) (*mapping.Mapping, error) {
	var m *mapping.Mapping
	err := v.store.View(ctx, func(r store.Reader) error {
		s, err := v.stateIn(r)
		if err != nil {
			return err
		}
		if s.Rollout == nil {
			return refuse(noRollout)
		}
		in, err := s.Rollout.widened(share)
		if err != nil {
			return err
		}
		now, err := v.CurrentIn(r)
		if err != nil {
			return err
		}
		next, _ := now.RollsOut()
		if m = next; share < mapping.Whole {
			m = now.InForce().Rolling(next, in)
		}
		return nil
	})
	return m, wrap("check the rollout", err)
}

// Widen lets what is rolled out reach a share of everybody, beside its group; with mapping.Whole the version is in force for all, and the
// rollout over. One transaction writes that and one change (audit.MappingRolled) by which those who come in get a look. Of the options only
// the confirmations count. What cannot be done is a *RolloutError.
func (v *Versions) Widen(ctx context.Context, actor audit.Actor, share int, o ApplyOptions) (Rollout, error) {
	at, change, stamp := v.moment(), v.newID(), v.newID()
	var widened Rollout
	err := v.store.Update(ctx, func(tx store.Tx) error {
		s, err := v.stateIn(tx)
		if err != nil {
			return err
		}
		if s.Rollout == nil {
			return refuse(noRollout)
		}
		widened = *s.Rollout
		if widened.Ring, err = s.Rollout.widened(share); err != nil {
			return err
		}
		widened.Changes = append(append([]uuid.UUID(nil), widened.Changes...), change)
		s.Stamp, s.Rollout = stamp, &widened
		if share >= mapping.Whole {
			s.Version, s.Rollout = widened.Version, nil
		}
		if err := v.state.Put(tx, &s); err != nil {
			return err
		}
		detail, err := json.Marshal(applied{Version: widened.Version, Confirmed: o.Confirmed, Exceeding: o.Exceeding, Ring: &widened.Ring})
		if err != nil {
			return err
		}
		return audit.Append(tx, audit.Change{
			ID: change, At: at, Actor: actor, Act: audit.MappingRolled, Everybody: true,
			Confirmed: o.Confirmed > 0, Exceeding: o.Exceeding > 0, Detail: detail,
		})
	})
	if err != nil {
		return Rollout{}, wrap("widen the rollout", err)
	}
	return widened, nil
}

// StopRollout keeps what is rolled out from reaching more people; who follows it goes on following it. Stopping what is stopped, or of
// another version than number (0 for any), changes nothing; with nothing to stop it is a *RolloutError.
func (v *Versions) StopRollout(ctx context.Context, actor audit.Actor, number int, why string) (Rollout, error) {
	why = strings.TrimSpace(why)
	if why == "" || len(why) > MaxStopReason {
		return Rollout{}, refuse("a stop needs a reason of at most %d bytes: it is what status and audit show", MaxStopReason)
	}
	return v.turn(ctx, actor, audit.RolloutStopped, func(ro *Rollout, at time.Time) bool {
		if ro.Stopped != nil || number != 0 && ro.Version != number {
			return false
		}
		ro.Stopped = &Stop{At: at, By: actor, Why: why}
		return true
	})
}

// ResumeRollout lets a stopped rollout go on. Forgiven is how many people in trouble were seen then: it stops by itself again only for more.
// What is not stopped is a *RolloutError.
func (v *Versions) ResumeRollout(ctx context.Context, actor audit.Actor, forgiven int) (Rollout, error) {
	running := false
	ro, err := v.turn(ctx, actor, audit.RolloutResumed, func(ro *Rollout, _ time.Time) bool {
		if running = ro.Stopped == nil; running {
			return false
		}
		ro.Stopped, ro.Forgiven = nil, forgiven
		return true
	})
	if err == nil && running {
		err = refuse("the rollout of version %d is not stopped", ro.Version)
	}
	return ro, err
}

// turn changes the rollout and tells the audit, if change says that it did.
func (v *Versions) turn(ctx context.Context, actor audit.Actor, act audit.Act, change func(*Rollout, time.Time) bool) (Rollout, error) {
	at, id, stamp := v.moment(), v.newID(), v.newID()
	var turned Rollout
	err := v.store.Update(ctx, func(tx store.Tx) error {
		s, err := v.stateIn(tx)
		if err != nil {
			return err
		}
		if s.Rollout == nil {
			return refuse(noRollout)
		}
		turned = *s.Rollout
		if !change(&turned, at) {
			return nil
		}
		s.Stamp, s.Rollout = stamp, &turned
		if err := v.state.Put(tx, &s); err != nil {
			return err
		}
		told := struct {
			Version int    `json:"version"`
			Reason  string `json:"reason,omitempty"`
		}{Version: turned.Version}
		if turned.Stopped != nil {
			told.Reason = turned.Stopped.Why
		}
		detail, err := json.Marshal(told)
		if err != nil {
			return err
		}
		return audit.Record(tx, audit.Change{ID: id, At: at, Actor: actor, Act: act, Detail: detail})
	})
	return turned, wrap("turn the rollout", err)
}
