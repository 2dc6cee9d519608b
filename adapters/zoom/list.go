package zoom

import (
	"context"
	"iter"
	"maps"

	"github.com/usher-scim/usher/adapters"
)

// passes are the statuses GET /users takes, one a call. The order lets the usual changes of
// status during a listing be seen twice, not missed: an invitation is accepted, a user is
// deactivated.
var passes = []string{statusPending, statusActive, statusInactive}

// passTries bounds how often one pass begins anew because its page token ended.
const passTries = 3

// List yields every user: the invitations, then the active, then the inactive ones. A user
// whose status changes meanwhile may come twice, and then the later is right; one who is
// reactivated between two passes may not come at all, so absence from one List proves nothing.
//
// Of the attributes it shows those that Zoom's list holds; the others are absent from
// Account.Attributes, and Extra is empty.
func (z *Adapter) List(ctx context.Context) iter.Seq2[adapters.Account, error] {
	return func(yield func(adapters.Account, error) bool) {
		const op = "list users"
		roles, err := z.roles.names(ctx)
		if err != nil {
			// Without the roles' names the owner could not be told apart.
			yield(adapters.Account{}, asError(op, err))
			return
		}
		groups, err := z.groupNames(ctx)
		if err != nil {
			yield(adapters.Account{}, asError(op, err))
			return
		}
		for _, status := range passes {
			for u, err := range z.pass(ctx, status) {
				if err != nil {
					yield(adapters.Account{}, asError(op, err))
					return
				}
				if name, ok := roles[u.RoleID]; ok {
					u.RoleName = name
				}
				if !yield(z.account(u, false, groups), nil) {
					return
				}
			}
		}
	}
}

// pass yields the users of one status, each once. When its page token has ended it begins anew
// and leaves out those it has shown.
func (z *Adapter) pass(ctx context.Context, status string) iter.Seq2[user, error] {
	return func(yield func(user, error) bool) {
		shown := map[string]bool{}
		for try := 1; ; try++ {
			more, err := z.pages(ctx, status, shown, yield)
			switch {
			case !more:
				return
			case err == nil:
				return
			case adapters.IsKind(err, adapters.Retry) && codeOf(err) == codeInvalid && try < passTries:
			default:
				yield(user{}, err)
				return
			}
		}
	}
}

// pages reads one pass to its end. It reports false when the consumer has enough.
func (z *Adapter) pages(ctx context.Context, status string, shown map[string]bool, yield func(user, error) bool) (more bool, err error) {
	token := ""
	for range maxPages {
		page, err := z.api.listUsers(ctx, status, token, userPageSize)
		if err != nil {
			return true, err
		}
		fresh := map[string]bool{}
		for _, u := range page.Users {
			if u.Status == "" {
				u.Status = status
			}
			key := u.handle()
			if key == "" || shown[key] || fresh[key] {
				continue
			}
			fresh[key] = true
			if !yield(u, nil) {
				return false, nil
			}
		}
		maps.Copy(shown, fresh)
		if page.Next == "" {
			return true, nil
		}
		token = page.Next
	}
	return true, endless("list users")
}
