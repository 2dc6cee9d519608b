package directory_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/usher-scim/usher/audit"
	"github.com/usher-scim/usher/directory"
	"github.com/usher-scim/usher/store/storetest"
)

func TestSourceNames(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	for name, want := range map[string]directory.Code{
		"okta":                  "",
		"okta-eu.2_b":           "",
		"0":                     "",
		strings.Repeat("a", 64): "",
		strings.Repeat("a", 65): directory.Invalid,
		"":                      directory.Invalid,
		"Okta":                  directory.Invalid,
		"-okta":                 directory.Invalid,
		"okta/eu":               directory.Invalid,
		"okta eu":               directory.Invalid,
		"okta\n":                directory.Invalid,
	} {
		_, _, err := h.d.AddSource(context.Background(), admin(), directory.NewSource{Name: name})
		wantCode(t, "add source "+name, err, want)
	}
	_, _, err := h.d.AddSource(context.Background(), admin(), directory.NewSource{Name: "okta"})
	wantCode(t, "add a second source of the name", err, directory.Uniqueness)
}

func TestTokens(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	h := newHouse(t)
	added, first, err := h.d.AddSource(ctx, admin(), directory.NewSource{Name: "okta", Kind: directory.Okta, Rank: 3, Strict: true})
	h.must(err)

	valid := func(token string) bool {
		t.Helper()
		source, tok, refused := h.d.Authenticate(ctx, token)
		if refused != nil {
			wantCode(t, "authenticate", refused, directory.Unauthorized)
			return false
		}
		if source.ID != added.ID || source.Name != "okta" || tok.Created.IsZero() {
			t.Errorf("authenticate: got source %v with token %v", source, tok)
		}
		return true
	}
	if !valid(first) {
		t.Error("the first token is refused")
	}
	if secret, ok := strings.CutPrefix(first, "usher_"); !ok {
		t.Errorf("a token without its prefix: %q", first)
	} else if raw, wrong := base64.RawURLEncoding.DecodeString(secret); wrong != nil || len(raw) != 32 {
		t.Errorf("a token of %d bytes, %v; want 32", len(raw), wrong)
	}
	for _, bad := range []string{"", "usher_", first[:len(first)-1], first + "A", strings.ToLower(first), "Bearer " + first, strings.Repeat("x", 1<<20)} {
		if valid(bad) {
			t.Errorf("the token %.60q is accepted", bad)
		}
	}

	_, second, err := h.d.RotateToken(ctx, admin(), "OKTA", true)
	h.must(err)
	if !valid(first) || !valid(second) {
		t.Error("a rotation that keeps the old token: both must be valid")
	}
	for range directory.MaxTokens - 2 {
		_, _, err = h.d.RotateToken(ctx, admin(), "okta", true)
		h.must(err)
	}
	_, _, err = h.d.RotateToken(ctx, admin(), "okta", true)
	wantCode(t, "one token too many", err, directory.TooMany)
	_, last, err := h.d.RotateToken(ctx, admin(), "okta", false)
	h.must(err)
	if valid(first) || valid(second) || !valid(last) {
		t.Error("a rotation that drops the old tokens: only the new one must be valid")
	}

	h.must(h.d.RemoveSource(ctx, admin(), "okta"))
	if valid(last) {
		t.Error("the token of a removed source is accepted")
	}
	_, _, err = h.d.RotateToken(ctx, admin(), "okta", false)
	wantCode(t, "rotate a removed source", err, directory.NotFound)
}

func TestOnlyTheHashOfATokenIsKept(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	source, token, err := h.d.AddSource(context.Background(), admin(), directory.NewSource{Name: "okta"})
	h.must(err)
	secret := strings.TrimPrefix(token, "usher_")
	if len(source.Tokens) != 1 || bytes.Contains(source.Tokens[0].Hash, []byte(secret)) || len(source.Tokens[0].Hash) != 32 {
		t.Errorf("got tokens %v, want one SHA-256", source.Tokens)
	}
	c := h.lastChange("add source")
	if strings.Contains(string(c.Detail), secret) || c.Act != audit.SourceAdded || c.Actor != admin() {
		t.Errorf("got change %s by %v with detail %s", c.Act, c.Actor, c.Detail)
	}
}

func TestNoTokenWithoutRandomness(t *testing.T) {
	t.Parallel()
	now := func() time.Time { return begin() }
	d := directory.New(storetest.New(t), now, audit.IDs(now), directory.Random(iotest.ErrReader(bytes.ErrTooLarge)))
	if _, _, err := d.AddSource(context.Background(), admin(), directory.NewSource{Name: "okta"}); err == nil {
		t.Error("a source was added with no random token")
	}
	if sources, err := d.Sources(context.Background()); err != nil || len(sources) > 0 {
		t.Errorf("got %v, %v; want no source", sources, err)
	}
}

func TestRemoveSourceRemovesNobody(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	h := newHouse(t)
	okta, hr := h.source("okta", 1), h.source("hr", 2)
	kim, lee, sam := h.create(okta, user("kim")), h.create(okta, user("lee")), h.create(okta, user("sam"))
	h.create(hr, user("lee"))
	h.create(hr, user("sam"))
	h.put(okta, lee.Person, inactive(user("lee")))
	h.delete(okta, sam.Person)
	team := h.group(okta, "Team", kim.Person, lee.Person)
	h.changes()

	h.must(h.d.RemoveSource(ctx, admin(), "okta"))
	c := h.lastChange("remove source")
	if c.Act != audit.SourceRemoved || c.Removing || len(c.Persons) > 0 {
		t.Errorf("got change %+v, want one that touches nobody", c)
	}
	h.wantAccess("held by the removed source", kim.Person, "")
	h.wantAccess("inactive there", lee.Person, "okta (removed) says active: false")
	h.wantAccess("denied there", sam.Person, "okta (removed) deleted the user on 2026-11-21")
	h.wantMembers("its group", team.ID, kim.Person, lee.Person)

	_, err := h.d.CreateUser(ctx, okta, "req", user("ann"), directory.CreateOptions{})
	wantCode(t, "a write that was under way", err, directory.Unauthorized)
	_, err = h.d.SourceByName(ctx, "okta")
	wantCode(t, "look it up", err, directory.NotFound)
	again := h.source("okta", 1)
	found, err := h.d.SourceByName(ctx, "Okta")
	h.must(err)
	equal(t, "the name is free", found.ID, again.ID)
	all, err := h.d.Sources(ctx)
	h.must(err)
	if len(all) != 3 || all[1].ID != again.ID || all[2].ID != okta.ID {
		t.Errorf("got sources %v, want hr, the new okta, the removed okta", all)
	}
}
