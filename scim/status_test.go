package scim_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/usher-scim/usher/directory"
	"github.com/usher-scim/usher/scim"
)

// withStatus makes each user fail in one app and be active in another, and counts who asks.
func withStatus(asked *atomic.Int32, fails error) func(*scim.Options) {
	return func(o *scim.Options) {
		o.Status = func(_ context.Context, person uuid.UUID) ([]scim.AppStatus, error) {
			asked.Add(1)
			return []scim.AppStatus{
				{App: "desk", State: "failed", Since: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), Error: "no seat is left"},
				{App: "zoom", State: "active", AccountID: "z-" + person.String(), Since: time.Date(2026, 1, 2, 3, 4, 5, 0, time.FixedZone("", 3600))},
			}, fails
		}
	}
}

func TestTheStatusIsToldToWhoAsks(t *testing.T) {
	t.Parallel()
	var asked atomic.Int32
	h := newHouse(t, withStatus(&asked, nil))
	token := h.source(t, "okta", directory.Okta, true)
	id := h.id(t, token, "/Users", `{"userName":"x","title":"t","`+scim.StatusURN+`":{"apps":[{"app":"mine"}]}}`)
	whole := []any{
		map[string]any{"app": "desk", "state": "failed", "since": "2026-01-02T03:04:05.000Z", "error": "no seat is left"},
		map[string]any{"app": "zoom", "state": "active", "accountId": "z-" + id, "since": "2026-01-02T02:04:05.000Z"},
	}
	for _, test := range []struct {
		target string
		want   any
	}{
		{"/Users/" + id + "?attributes=" + scim.StatusURN, whole},
		{"/Users/" + id + "?attributes=userName," + scim.StatusURN + ":apps", whole},
		{"/Users/" + id + "?attributes=" + scim.StatusURN + ":apps.state", []any{map[string]any{"state": "failed"}, map[string]any{"state": "active"}}},
	} {
		reply := h.ask(t, token, get, test.target, "", 200)
		if diff := cmp.Diff(at(reply, scim.StatusURN, "apps"), test.want); diff != "" {
			t.Errorf("%s (-got +want):\n%s", test.target, diff)
		}
		if got, want := fmt.Sprint(reply["schemas"]), "[urn:ietf:params:scim:schemas:core:2.0:User "+scim.StatusURN+"]"; got != want {
			t.Errorf("%s: schemas: got %s, want %s", test.target, got, want)
		}
	}
	listed := at(h.ask(t, token, get, "/Users?attributes=userName,"+scim.StatusURN, "", 200), "Resources", 0)
	if diff := cmp.Diff(at(listed, scim.StatusURN, "apps"), any(whole)); diff != "" || at(listed, "userName") != "x" {
		t.Errorf("in a list: %v (-got +want):\n%s", listed, diff)
	}
}

func TestTheStatusCostsNobodyElse(t *testing.T) {
	t.Parallel()
	var asked atomic.Int32
	h := newHouse(t, withStatus(&asked, nil))
	token := h.source(t, "okta", directory.Okta, false)
	id := h.id(t, token, "/Users", `{"userName":"x"}`)
	h.ask(t, token, change, "/Users/"+id, patchOf(`{"op":"add","path":"title","value":"t"},{"op":"remove","path":"`+scim.StatusURN+`"}`), 200)
	h.ask(t, token, put, "/Users/"+id, `{"userName":"x"}`, 200)
	for _, target := range []string{"/Users/" + id, "/Users", `/Users?filter=title eq "t"`, "/Users?excludedAttributes=userName", "/Users?sortBy=title", "/Users/" + id + "?attributes=userName"} {
		h.ask(t, token, get, target, "", 200)
	}
	if got := asked.Load(); got != 0 {
		t.Errorf("the status was read %d times for clients that did not ask for it", got)
	}
}

func TestTheStatusCanBeFilteredBy(t *testing.T) {
	t.Parallel()
	var asked atomic.Int32
	h := newHouse(t, withStatus(&asked, nil))
	token := h.source(t, "okta", directory.Okta, false)
	h.id(t, token, "/Users", `{"userName":"x"}`)
	for filter, want := range map[string]float64{
		scim.StatusURN + `:apps[app eq "desk" and state eq "failed"]`: 1, scim.StatusURN + `:apps[app eq "zoom" and state eq "failed"]`: 0,
		scim.StatusURN + `:apps.state eq "active"`: 1, scim.StatusURN + `:apps.since gt "2026-01-02T00:00:00Z"`: 1, scim.StatusURN + `:apps.state eq "lost"`: 0,
	} {
		if got := at(h.ask(t, token, get, "/Users?filter="+filter, "", 200), "totalResults"); got != want {
			t.Errorf("%s: got %v, want %v", filter, got, want)
		}
	}
}

func TestTheStatusIsAdvertisedWhereItIs(t *testing.T) {
	t.Parallel()
	var asked atomic.Int32
	h := newHouse(t, withStatus(&asked, nil))
	token := h.source(t, "okta", directory.Okta, false)
	apps := at(h.ask(t, token, get, "/Schemas/"+scim.StatusURN, "", 200), "attributes", 0)
	if at(apps, "name") != "apps" || at(apps, "returned") != "request" || at(apps, "mutability") != "readOnly" || at(apps, "multiValued") != true {
		t.Errorf("got %v", apps)
	}
	extensions := h.ask(t, token, get, "/ResourceTypes/User", "", 200)["schemaExtensions"].([]any)
	if got, want := at(extensions[len(extensions)-1], "schema"), any(scim.StatusURN); got != want {
		t.Errorf("got %v, want %v", got, want)
	}
	without := newHouse(t)
	without.refused(t, without.source(t, "okta", directory.Okta, false), get, "/Schemas/"+scim.StatusURN, "", 404)
}

func TestAStatusThatCannotBeReadIsNotLeftOut(t *testing.T) {
	t.Parallel()
	var asked atomic.Int32
	h := newHouse(t, withStatus(&asked, errors.New("input/output error")))
	token := h.source(t, "okta", directory.Okta, false)
	id := h.id(t, token, "/Users", `{"userName":"x"}`)
	h.refused(t, token, get, "/Users/"+id+"?attributes="+scim.StatusURN, "", 500)
	h.refused(t, token, get, `/Users?filter=`+scim.StatusURN+`:apps.state eq "x"`, "", 500)
	h.ask(t, token, get, "/Users/"+id, "", 200)
}
