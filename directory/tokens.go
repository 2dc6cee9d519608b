package directory

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/google/uuid"

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
// token; else Unauthorized. It is two reads by the token's hash, so its time tells
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
		if subtle.ConstantTimeCompare(source.Tokens[i].Hash, hash[:]) == 1 {
			return *source, source.Tokens[i], nil
		}
	}
	return Source{}, Token{}, badToken()
}

func badToken() error {
	return &Error{Code: Unauthorized, Message: "the bearer token is missing or not valid"}
}
