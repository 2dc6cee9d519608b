package mapping_test

import (
	"strings"
	"testing"
	"time"

	"github.com/usher-scim/usher/mapping"
)

func driftDoc(lines string) string {
	return "version: 1\napps:\n  zoom:\n    connection: zoom-prod\n" + lines
}

func TestDriftAndReconcileHaveDefaults(t *testing.T) {
	t.Parallel()
	app, _ := parse(t, driftDoc("")).App("zoom")
	if app.Drift != mapping.DefaultDrift() || app.Reconcile != 24*time.Hour {
		t.Errorf("got %v every %s", app.Drift, app.Reconcile)
	}
	app, _ = parse(t, driftDoc("    drift: {changed: correct, extra: adopt}\n    reconcile: {every: 6h}\n")).App("zoom")
	want := mapping.DriftPolicy{Changed: mapping.Correct, Missing: mapping.Correct, Suspended: mapping.Correct, Unlinked: mapping.Adopt, Extra: mapping.Adopt}
	if app.Drift != want || app.Reconcile != 6*time.Hour {
		t.Errorf("got %v every %s", app.Drift, app.Reconcile)
	}
}

func TestDriftAndReconcileRefuse(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]string{
		"drift: {extra: correct}":  "apps.zoom.drift.extra: must be report or adopt, but is correct",
		"drift: {changed: adopt}":  "apps.zoom.drift.changed: must be report or correct, but is adopt",
		"drift: {changes: report}": "did you mean changed?",
		"reconcile: {every: 0s}":   "apps.zoom.reconcile.every: must be from 15m to 30d",
		"reconcile: {every: 5m}":   "apps.zoom.reconcile.every: must be from 15m to 30d",
		"reconcile: {every: 90d}":  "apps.zoom.reconcile.every: must be from 15m to 30d",
		"reconcile: {every: soon}": "apps.zoom.reconcile.every: must be a length of time",
		"reconcile: daily":         "apps.zoom.reconcile",
		"drift: [report]":          "apps.zoom.drift",
	} {
		_, err := mapping.Parse([]byte(driftDoc("    " + line + "\n")))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", line, err, want)
		}
	}
}

func TestDiffShowsDriftAndReconcile(t *testing.T) {
	t.Parallel()
	lines := mapping.Diff(parse(t, driftDoc("")), parse(t, driftDoc("    drift: {changed: correct}\n    reconcile: {every: 12h}\n")))
	if len(lines) != 2 || lines[0].What != "drift" || lines[1].String() != "~ zoom: reconcile.every 1d → 12h" {
		t.Errorf("got %v", lines)
	}
}
