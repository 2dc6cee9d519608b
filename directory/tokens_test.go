package directory_test

import (
	"context"
	"testing"
	"time"

	"github.com/usher-scim/usher/directory"
)

func TestFurtherTokens(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	h := newHouse(t)
	_, first, err := h.d.AddSource(ctx, admin(), directory.NewSource{Name: "hr"})
	h.must(err)
	_, reader, err := h.d.AddToken(ctx, admin(), "HR", directory.TokenTerms{ReadOnly: true})
	h.must(err)
	source, brief, err := h.d.AddToken(ctx, admin(), "hr", directory.TokenTerms{Lasts: 24 * time.Hour})
	h.must(err)
	equal(t, "tokens", len(source.Tokens), 3)
	equal(t, "how long the third lasts", source.Tokens[2].Expires.Sub(source.Tokens[2].Created), 24*time.Hour)
	for token, readOnly := range map[string]bool{first: false, reader: true, brief: false} {
		_, kept, err := h.d.Authenticate(ctx, token)
		h.must(err)
		equal(t, "read-only", kept.ReadOnly, readOnly)
	}
	h.pass(24 * time.Hour)
	_, _, err = h.d.Authenticate(ctx, brief)
	wantCode(t, "an expired token", err, directory.Unauthorized)
	equal(t, "what is said", err.Error(), "the bearer token has expired")
	_, _, err = h.d.Authenticate(ctx, reader)
	h.must(err)
	for range directory.MaxTokens - 2 { // the expired one makes room
		_, _, err = h.d.AddToken(ctx, admin(), "hr", directory.TokenTerms{})
		h.must(err)
	}
	_, _, err = h.d.AddToken(ctx, admin(), "hr", directory.TokenTerms{})
	wantCode(t, "one token too many", err, directory.TooMany)
	for _, lasts := range []time.Duration{-1, directory.MaxTokenLife + 1} {
		_, _, err = h.d.AddToken(ctx, admin(), "hr", directory.TokenTerms{Lasts: lasts})
		wantCode(t, lasts.String(), err, directory.Invalid)
	}
	_, _, err = h.d.AddToken(ctx, admin(), "nobody", directory.TokenTerms{})
	wantCode(t, "no source", err, directory.NotFound)
}
