package provision_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/usher-scim/usher/adapters"
	"github.com/usher-scim/usher/provision"
)

func TestLinkUnlinkAndIgnore(t *testing.T) {
	t.Parallel()
	w := staffed(t, driftTeamMapping, "ann", "bob")
	w.hire("cem", "dan")
	ctx := t.Context()
	var refused *provision.DecisionError
	var unsure *provision.UnconfirmedError

	w.vendor.seed(adapters.Account{Email: "cem.old@else.example", Role: "agent"})
	w.vendor.seed(adapters.Account{Email: "boss@else.example", Role: "admin", Admin: true})
	w.vendor.seed(adapters.Account{Email: "owner@else.example", Role: "admin", Protected: "account owner"})
	w.vendor.seed(adapters.Account{Email: "zoe@else.example", Role: "agent", Attributes: map[string]string{"name": "Zoe Quill"}})
	before := w.vendor.have()

	for account, want := range map[string]any{
		"boss@else.example": &unsure, "zoe@else.example": &unsure, "owner@else.example": &refused,
		"bob@acme.example": &refused, "nobody@else.example": &refused,
	} {
		if _, err := w.engine.Link(ctx, admin, "desk", account, w.users["dan"], false); !errors.As(err, want) {
			t.Errorf("link %s: got %v", account, err)
		}
	}
	if _, err := w.engine.Link(ctx, admin, "desk", "cem.old@else.example", w.users["ann"], true); !errors.As(err, &refused) || !strings.Contains(err.Error(), "has the account ann@acme.example") {
		t.Errorf("a second account was linked: %v", err)
	}
	a, err := w.engine.Link(ctx, admin, "desk", "cem.old@else.example", w.users["cem"], false)
	w.must(err)
	again, err := w.engine.Link(ctx, admin, "desk", "cem.old@else.example", w.users["cem"], false)
	w.must(err)
	if a.ID != again.ID || a.Origin != provision.Linked {
		t.Errorf("linked %+v, then %+v", a, again)
	}
	w.pass(time.Hour)
	w.wantHolds(provision.HoldReduction) // cem is not entitled; nothing is taken before somebody says so

	w.must(func() error { _, err := w.engine.Unlink(ctx, admin, "desk", "cem.old@else.example"); return err }())
	w.must(func() error { _, err := w.engine.Unlink(ctx, admin, "desk", "ann@acme.example"); return err }())
	w.must(func() error { _, err := w.engine.Ignore(ctx, admin, "desk", "zoe@else.example", false); return err }())
	w.reconcile()
	w.wantDrift("foreign reported boss@else.example", "foreign reported owner@else.example")
	w.wantHolds(provision.HoldForeign) // ann is entitled, and the account under her address is to be left alone
	w.activate("ann", false)
	w.pass(time.Hour)
	before["ann@acme.example"] = "active agent in Tier 1"
	if got := w.vendor.have(); got["ann@acme.example"] != before["ann@acme.example"] || len(got) != len(before) {
		t.Errorf("an unlinked account was touched: %v", got)
	}
	w.must(func() error { _, err := w.engine.Ignore(ctx, admin, "desk", "zoe@else.example", true); return err }())
	w.reconcile()
	w.wantDrift("foreign reported boss@else.example", "foreign reported owner@else.example", "foreign reported zoe@else.example")
	if _, err := w.engine.Unlink(ctx, admin, "desk", "ann@acme.example"); !errors.As(err, &refused) {
		t.Errorf("unlinked twice: %v", err)
	}
}
