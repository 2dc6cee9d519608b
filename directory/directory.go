package directory

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/google/uuid"

	"github.com/usher-scim/usher/audit"
	"github.com/usher-scim/usher/store"
)

// Directory is the only code that writes sources, records, groups and memberships.
// Each of its acts is one store transaction that also appends one change; an act that
// changes nothing writes nothing. It is safe for concurrent use and holds no data of its own.
type Directory struct {
	store  store.Store
	now    func() time.Time
	newID  func() uuid.UUID
	random io.Reader
	tables
}

// Option sets something that New leaves at its default.
type Option func(*Directory)

// Random makes tokens from r instead of the system's randomness.
func Random(r io.Reader) Option { return func(d *Directory) { d.random = r } }

// New returns the directory that s holds. newID makes UUIDv7 whose time is that of
// now (audit.IDs does).
func New(s store.Store, now func() time.Time, newID func() uuid.UUID, options ...Option) *Directory {
	d := &Directory{store: s, now: now, newID: newID, random: rand.Reader, tables: newTables()}
	for _, set := range options {
		set(d)
	}
	return d
}

// act is what is decided once about an act, outside its transaction, which may run more than once.
type act struct {
	actor   audit.Actor
	request string
	at      time.Time // UTC, milliseconds
	change  uuid.UUID // id of the change
}

func (d *Directory) act(actor audit.Actor, request string) act {
	return act{actor: actor, request: request, at: d.now().UTC().Truncate(time.Millisecond), change: d.newID()}
}

// bySource is an act of a source's client.
func (d *Directory) bySource(src Source, request string) act {
	return d.act(audit.Actor{Kind: audit.BySource, ID: src.ID.String(), Name: src.Name}, request)
}

// begin fills what every change of the act has.
func (a act) begin(name audit.Act) audit.Change {
	return audit.Change{ID: a.change, At: a.at, Actor: a.actor, Request: a.request, Act: name}
}

// write runs fn in a transaction for a source that must still be there: what its
// client sent just before the source was removed is refused.
func (d *Directory) write(ctx context.Context, src Source, doing string, fn func(store.Tx) error) error {
	return wrap(doing, d.store.Update(ctx, func(tx store.Tx) error {
		current, err := d.sharedSource(tx, src.ID)
		if err != nil {
			return err
		}
		if !current.Removed.IsZero() {
			return &Error{Code: Unauthorized, Message: fmt.Sprintf("the source %s was removed", current.Name)}
		}
		return fn(tx)
	}))
}

// edited carries an error of a caller's edit function through a transaction, to be returned as it is.
type edited struct{ err error }

func (e edited) Error() string { return e.err.Error() }

// wrap says what was being done where the error is not for the caller's own use.
func wrap(doing string, err error) error {
	if err == nil {
		return nil
	}
	var asIs edited
	var known *Error
	switch {
	case errors.As(err, &asIs):
		return asIs.err
	case errors.As(err, &known):
		return known
	}
	return fmt.Errorf("%s: %w", doing, err)
}
