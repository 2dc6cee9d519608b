package directory

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/usher-scim/usher/audit"
	"github.com/usher-scim/usher/store"
)

// A token is tokenPrefix and the base64url form, without padding, of tokenBytes random bytes.
const (
	tokenPrefix = "usher_"
	tokenBytes  = 32
	tokenLength = (tokenBytes*8 + 5) / 6 // in base64
)

// newToken makes a token: the text for its user, and what is kept of it.
func (d *Directory) newToken(at time.Time) (string, Token, error) {
	secret := make([]byte, tokenBytes)
	if _, err := io.ReadFull(d.random, secret); err != nil {
		return "", Token{}, fmt.Errorf("make a token: %w", err)
	}
	text := tokenPrefix + base64.RawURLEncoding.EncodeToString(secret)
	hash := sha256.Sum256([]byte(text))
	return text, Token{ID: d.newID(), Hash: hash[:], Created: at}, nil
}

// Authenticate returns the source whose token this is, and what is kept of the
// token; else Unauthorized, also once it has expired. It is two reads by the token's hash, so its time tells
// nothing of how near a guess was. The list of tokens in the source is not the caller's to change.
func (d *Directory) Authenticate(ctx context.Context, token string) (Source, Token, error) {
	if len(token) != len(tokenPrefix)+tokenLength || !strings.HasPrefix(token, tokenPrefix) {
		return Source{}, Token{}, badToken()
	}
	hash := sha256.Sum256([]byte(token))
	var source *Source
	err := d.store.View(ctx, func(r store.Reader) error {
		id, err := d.sources.LookupKey(r, byToken, hash[:])
		if err == nil {
			source, err = d.sharedSource(r, uuid.UUID(id))
		}
		return err
	})
	if errors.Is(err, store.ErrNotFound) {
		return Source{}, Token{}, badToken()
	}
	if err != nil {
		return Source{}, Token{}, wrap("check a token", err)
	}
	for i := range source.Tokens {
		if subtle.ConstantTimeCompare(source.Tokens[i].Hash, hash[:]) != 1 {
			continue
		}
		if source.Tokens[i].expired(d.now) {
			return Source{}, Token{}, &Error{Code: Unauthorized, Message: "the bearer token has expired"}
		}
		return *source, source.Tokens[i], nil
	}
	return Source{}, Token{}, badToken()
}

// expired asks the clock only for a token that can expire.
func (t Token) expired(now func() time.Time) bool {
	return !t.Expires.IsZero() && !now().Before(t.Expires)
}

// AddToken gives a source a further token and returns it, to be shown this once. The others stay valid; those that have
// expired are dropped, and a source has at most MaxTokens. Terms of a time that is negative or beyond MaxTokenLife are Invalid.
func (d *Directory) AddToken(ctx context.Context, actor audit.Actor, name string, terms TokenTerms) (Source, string, error) {
	if terms.Lasts < 0 || terms.Lasts > MaxTokenLife {
		return Source{}, "", &Error{Code: Invalid, Field: "expires", Message: fmt.Sprintf(
			"a token can last up to %d days, not %s", int(MaxTokenLife.Hours()/24), terms.Lasts)}
	}
	a := d.act(actor, "")
	text, token, err := d.newToken(a.at)
	if err != nil {
		return Source{}, "", err
	}
	token.ReadOnly = terms.ReadOnly
	if terms.Lasts > 0 {
		token.Expires = a.at.Add(terms.Lasts)
	}
	source, err := d.changeTokens(ctx, a, name, func(tokens []Token) []Token {
		tokens = slices.DeleteFunc(tokens, func(t Token) bool { return t.expired(func() time.Time { return a.at }) })
		return append(tokens, token)
	})
	if err != nil {
		return Source{}, "", wrap("add a token to a source", err)
	}
	return source, text, nil
}

// changeTokens writes what change makes of a source's tokens.
func (d *Directory) changeTokens(ctx context.Context, a act, name string, change func([]Token) []Token) (Source, error) {
	var source Source
	err := d.store.Update(ctx, func(tx store.Tx) (failed error) {
		if source, failed = d.SourceByNameIn(tx, name); failed != nil {
			return failed
		}
		if source.Tokens = change(source.Tokens); len(source.Tokens) > MaxTokens {
			return &Error{Code: TooMany, Field: "tokens", Message: fmt.Sprintf(
				"the source %s has %d tokens, the most there can be; rotate without keeping the old ones", source.Name, MaxTokens)}
		}
		if failed = d.sources.Put(tx, &source); failed != nil {
			return failed
		}
		return d.appendSource(tx, a, audit.SourceRotated, source)
	})
	return source, err
}

func badToken() error {
	return &Error{Code: Unauthorized, Message: "the bearer token is missing or not valid"}
}
