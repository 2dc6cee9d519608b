package directory

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/usher-scim/usher/audit"
	"github.com/usher-scim/usher/store"
)

var sourceName = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,63}$`)

// AddSource adds a source and returns it with its first token, which is shown this
// once: only its hash is kept. A name that a living source has is Uniqueness.
func (d *Directory) AddSource(ctx context.Context, actor audit.Actor, n NewSource) (Source, string, error) {
	if !sourceName.MatchString(n.Name) {
		return Source{}, "", &Error{Code: Invalid, Field: "name", Message: fmt.Sprintf(
			"the source name %q must be 1 to 64 characters of a-z, 0-9, '.', '_' and '-', and begin with a letter or digit", n.Name)}
	}
	kind, err := ParseKind(string(n.Kind))
	if err != nil {
		return Source{}, "", err
	}
	a := d.act(actor, "")
	text, token, err := d.newToken(a.at)
	if err != nil {
		return Source{}, "", err
	}
	source := Source{
		ID: d.newID(), Name: n.Name, Kind: kind, Rank: n.Rank, Strict: n.Strict,
		Tokens: []Token{token}, Created: a.at,
	}
	err = d.store.Update(ctx, func(tx store.Tx) error {
		if taken := d.sources.Insert(tx, &source); taken != nil {
			err := uniqueness(taken, "source", map[string]string{byName: "name", byToken: "token"})
			var e *Error
			if errors.As(err, &e) && e.Field == "name" {
				e.Message = fmt.Sprintf("there is a source named %s already: choose another name, or give that one a further token", n.Name)
			}
			return err
		}
		return d.appendSource(tx, a, audit.SourceAdded, source)
	})
	if err != nil {
		return Source{}, "", wrap("add source", err)
	}
	return source, text, nil
}

// RotateToken gives a source a new token and returns it, to be shown this once. The
// earlier ones stop working at once, or with keepOld stay until the next rotation without it; a source
// has at most MaxTokens.
func (d *Directory) RotateToken(ctx context.Context, actor audit.Actor, name string, keepOld bool) (Source, string, error) {
	a := d.act(actor, "")
	text, token, err := d.newToken(a.at)
	if err != nil {
		return Source{}, "", err
	}
	source, err := d.changeTokens(ctx, a, name, func(tokens []Token) []Token {
		if !keepOld {
			tokens = nil
		}
		return append(tokens, token)
	})
	if err != nil {
		return Source{}, "", wrap("rotate the token of a source", err)
	}
	return source, text, nil
}

// RemoveSource ends a source: its tokens are void and its name is free. Its
// records and denies stay as they are and go on counting, its groups stay with their
// members: nobody is removed by it (scim.md law 16).
func (d *Directory) RemoveSource(ctx context.Context, actor audit.Actor, name string) error {
	a := d.act(actor, "")
	err := d.store.Update(ctx, func(tx store.Tx) error {
		source, err := d.SourceByNameIn(tx, name)
		if err != nil {
			return err
		}
		source.Tokens, source.Removed = nil, a.at
		if err := d.sources.Put(tx, &source); err != nil {
			return err
		}
		return d.appendSource(tx, a, audit.SourceRemoved, source)
	})
	return wrap("remove source", err)
}

// appendSource appends a change about a source; no person's access differs by it.
func (d *Directory) appendSource(tx store.Tx, a act, name audit.Act, source Source) error {
	detail, err := json.Marshal(struct {
		Source uuid.UUID `json:"source"`
		Name   string    `json:"name"`
		Kind   Kind      `json:"kind"`
		Rank   int       `json:"rank"`
		Tokens int       `json:"tokens"`
	}{source.ID, source.Name, source.Kind, source.Rank, len(source.Tokens)})
	if err != nil {
		return err
	}
	change := a.begin(name)
	change.Detail = detail
	return audit.Append(tx, change)
}

// Sources returns all sources, removed ones too, by name; of one name the living one comes first.
func (d *Directory) Sources(ctx context.Context) ([]Source, error) {
	var sources []Source
	err := d.store.View(ctx, func(r store.Reader) error {
		var err error
		sources, err = d.SourcesIn(r)
		return err
	})
	if err != nil {
		return nil, wrap("list sources", err)
	}
	slices.SortStableFunc(sources, func(a, b Source) int {
		if c := strings.Compare(a.Name, b.Name); c != 0 {
			return c
		}
		return a.Removed.Compare(b.Removed)
	})
	return sources, nil
}

// SourcesIn returns all sources, removed ones too, in the order in which they were added.
func (d *Directory) SourcesIn(r store.Reader) ([]Source, error) {
	var sources []Source
	for source, err := range d.sources.Scan(r, nil) {
		if err != nil {
			return nil, err
		}
		sources = append(sources, *source)
	}
	return sources, nil
}

// SourceIn returns a source by id, a removed one too; NotFound when there never was one.
func (d *Directory) SourceIn(r store.Reader, id uuid.UUID) (Source, error) {
	shared, err := d.sharedSource(r, id)
	if err != nil {
		return Source{}, err
	}
	source := *shared
	source.Tokens = slices.Clone(source.Tokens)
	return source, nil
}

// SourceByName returns the living source of a name, without regard to case; else NotFound.
func (d *Directory) SourceByName(ctx context.Context, name string) (Source, error) {
	var source Source
	err := d.store.View(ctx, func(r store.Reader) error {
		var err error
		source, err = d.SourceByNameIn(r, name)
		return err
	})
	return source, wrap("look up a source", err)
}

// SourceByNameIn is SourceByName inside a transaction.
func (d *Directory) SourceByNameIn(r store.Reader, name string) (Source, error) {
	source, err := d.sources.Lookup(r, byName, []byte(Fold(name)))
	if errors.Is(err, store.ErrNotFound) {
		return Source{}, &Error{Code: NotFound, Field: "name", Message: fmt.Sprintf("there is no source %q", name)}
	}
	if err != nil {
		return Source{}, err
	}
	return *source, nil
}
