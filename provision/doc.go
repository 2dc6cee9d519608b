// Package provision makes the apps agree with the directory.
//
// It takes changes from the outbox and turns each into marks ("this app and
// this person need a look"), asks mapping what the account should be, compares
// that with the account ledger, and carries out the difference through the app's
// adapter: durably intended before each call, recorded after it.
//
// Reading order: ledger.go (what we know of accounts), item.go (the queue and
// its states), hold.go (what waits for a person), plan.go (the pure planner, with planwanted.go, planalign.go, planending.go),
// then the engine's steps in the order in which work passes through them:
// expand.go, triage.go, admit.go, execute.go, stale.go (is it still to be done?), outcome.go, teams.go. engine.go is the shell of
// goroutines around those steps, pace.go its rests; none of them needs it, so tests can take one step at a time.
//
// Beside that way stand, each with files of its own: what bounds it (kind.go,
// budget.go, lastadmin.go, switches.go), what goes before everything
// (terminate.go), a clock that is set back (clock.go, clockback.go), what compares the ledger with the vendors' lists
// (reconcile.go names its files), what an edit of the mapping would do
// (preview.go), a version that some follow first (rollout.go), what one change
// took brought back (undo.go), what a restore asks for (restored.go), and what
// people are told (report.go, failures.go, late.go).
//
// The state machines of items and accounts are drawn in docs/provisioning.md.
// What a vendor's API looks like is the business of package adapters; who should
// have what is the business of package mapping.
package provision
