package gorgias

import (
	"context"
	"errors"
	"iter"
	"net/http"
	"net/url"

	"github.com/usher-scim/usher/adapters"
)

const (
	pageSize    = 100    // the most the vendor gives
	maxPages    = 10_000 // bounds a list that never ends
	maxRestarts = 3      // of a list whose cursor was refused
)

// List yields every user, bots and other protected ones included, oldest first, so that new ones
// come at the end. Teams are read once, before. Only the ids of those already yielded are kept.
func (a *Adapter) List(ctx context.Context) iter.Seq2[adapters.Account, error] {
	const op = "list users"
	return func(yield func(adapters.Account, error) bool) {
		me, err := a.self(ctx)
		if err != nil {
			yield(adapters.Account{}, err)
			return
		}
		teams := map[int64][]string{}
		for t, err := range records[team](ctx, a, "list teams", "/teams") {
			if err != nil {
				yield(adapters.Account{}, err)
				return
			}
			for _, m := range t.Members {
				teams[m.ID] = append(teams[m.ID], t.Name)
			}
		}
		for u, err := range records[user](ctx, a, op, "/users") {
			if err != nil {
				yield(adapters.Account{}, err)
				return
			}
			account := a.account(u, me)
			account.Teams = append([]string{}, teams[u.ID]...)
			if !yield(account, nil) {
				return
			}
		}
	}
}

// record is what a list holds.
type record interface {
	whole() bool
	number() int64
}

func (u user) number() int64 { return u.ID }
func (t team) number() int64 { return t.ID }

// records yields every record of a list once. Cursors are short-lived: a list whose cursor is
// refused is begun again, and what was yielded already is passed over.
func records[T record](ctx context.Context, a *Adapter, op, path string) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var none T
		seen := map[int64]bool{}
		cursor, restarts := "", 0
		for range maxPages {
			query := url.Values{"order_by": {"created_datetime:asc"}}
			if cursor != "" {
				query.Set("cursor", cursor)
			}
			data, next, err := page[T](ctx, a.api, op, path, query)
			if refused := cursorRefused(err); refused != nil && cursor != "" {
				if restarts < maxRestarts {
					cursor, restarts = "", restarts+1
					continue
				}
				refused.Kind = adapters.Unavailable // the next listing may be luckier
			}
			if err != nil {
				yield(none, err)
				return
			}
			for _, v := range data {
				if seen[v.number()] {
					continue
				}
				seen[v.number()] = true
				if !yield(v, nil) {
					return
				}
			}
			if next == "" {
				return
			}
			if next == cursor {
				yield(none, refusal(op, adapters.Unavailable, "the list leads back to the page it is on"))
				return
			}
			cursor = next
		}
		yield(none, refusal(op, adapters.Unavailable, "the list does not end"))
	}
}

// cursorRefused returns the error if it is a 400, which of a page after the first can only mean its cursor.
func cursorRefused(err error) *adapters.Error {
	if e, ok := errors.AsType[*adapters.Error](err); ok && e.Status == http.StatusBadRequest {
		return e
	}
	return nil
}
