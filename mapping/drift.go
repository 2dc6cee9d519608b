package mapping

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// DriftPolicy says what follows, per kind of drift, when an app's own list shows something else than the ledger.
type DriftPolicy struct {
	Changed   DriftAct // role, licence, e-mail, a field or a team was changed at the app: Report or Correct
	Missing   DriftAct // an account of somebody entitled is not there any more: Report or Correct
	Suspended DriftAct // an account of somebody entitled was suspended at the app: Report or Correct, which asks before it reactivates
	Unlinked  DriftAct // an account of somebody entitled that Usher does not keep yet: Report or Adopt
	Extra     DriftAct // an account of somebody in the directory who is not entitled: Report or Adopt
}

// DriftAct is what follows from a drift.
type DriftAct string

const (
	Report  DriftAct = "report"  // it is listed, and nothing is done
	Correct DriftAct = "correct" // the ordinary queue makes the account as it should be
	Adopt   DriftAct = "adopt"   // the account is taken into the ledger as it is
)

// DefaultDrift holds where an app's `drift` leaves something out.
func DefaultDrift() DriftPolicy {
	return DriftPolicy{Changed: Report, Missing: Correct, Suspended: Correct, Unlinked: Adopt, Extra: Report}
}

// DefaultReconcile is how often an app is compared with its own list where `reconcile` says nothing.
const DefaultReconcile = 24 * time.Hour

// The bounds of `reconcile.every`.
const (
	minReconcile = 15 * time.Minute
	maxReconcile = 30 * 24 * time.Hour
)

func (r *reader) drift(n *yaml.Node, path string) DriftPolicy {
	p := DefaultDrift()
	if n == nil {
		return p
	}
	f := r.fields(n, path, "changed", "missing", "suspended", "unlinked", "extra")
	for _, kind := range []struct {
		name string
		into *DriftAct
		acts []DriftAct
	}{
		{"changed", &p.Changed, []DriftAct{Report, Correct}},
		{"missing", &p.Missing, []DriftAct{Report, Correct}},
		{"suspended", &p.Suspended, []DriftAct{Report, Correct}},
		{"unlinked", &p.Unlinked, []DriftAct{Report, Adopt}},
		{"extra", &p.Extra, []DriftAct{Report, Adopt}},
	} {
		text := r.text(f[kind.name], path+"."+kind.name)
		if text.Value == "" {
			continue
		}
		if *kind.into = DriftAct(text.Value); !slices.Contains(kind.acts, *kind.into) {
			r.add(text.Pos, path+"."+kind.name, "must be %s or %s, but is %s", kind.acts[0], kind.acts[1], clip(text.Value))
		}
	}
	return p
}

func (r *reader) reconcile(n *yaml.Node, path string) time.Duration {
	if n == nil {
		return DefaultReconcile
	}
	f := r.fields(n, path, "every")
	if f["every"] == nil {
		return DefaultReconcile
	}
	every := r.duration(f["every"], path+".every")
	if every > 0 && every < minReconcile || every > maxReconcile || f["every"].Value == "0s" {
		r.add(at(f["every"]), path+".every", "must be from 15m to 30d")
	}
	return every
}

// String writes the policy as the document would.
func (p DriftPolicy) String() string {
	return "{" + strings.Join([]string{
		fmt.Sprintf("changed: %s", p.Changed), fmt.Sprintf("missing: %s", p.Missing), fmt.Sprintf("suspended: %s", p.Suspended),
		fmt.Sprintf("unlinked: %s", p.Unlinked), fmt.Sprintf("extra: %s", p.Extra),
	}, ", ") + "}"
}
