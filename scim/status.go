package scim

import (
	"context"
	"fmt"
	"iter"
	"time"

	"github.com/elimity-com/scim/optional"
	definition "github.com/elimity-com/scim/schema"
	"github.com/google/uuid"
)

// StatusURN is our extension of users: what became of them in each app.
const StatusURN = "urn:ietf:params:scim:schemas:extension:usher:2.0:User"

// AppStatus is what became of a person in one app.
type AppStatus struct {
	App       string
	State     string    // in a word or a few: "active", "waiting", "held for a decision"
	AccountID string    // the app's own id of the account, "" while there is none
	Since     time.Time // when it came into this state; zero: not known
	Error     string    // what went wrong last, or what is waited for; "" for nothing
}

// StatusFunc tells what became of a person in every app that concerns them, in the order of the apps' names.
type StatusFunc func(ctx context.Context, person uuid.UUID) ([]AppStatus, error)

// statusSchema is read-only, and returned to those alone who ask for it (RFC 7643 section 7, "request"): it is read from another room than the user.
func statusSchema() definition.Schema {
	text := func(name, description string) definition.SimpleParams {
		return definition.SimpleStringParams(definition.StringParams{
			Name: name, Description: optional.NewString(description), CaseExact: true,
			Mutability: definition.AttributeMutabilityReadOnly(), Returned: definition.AttributeReturnedRequest(),
		})
	}
	return definition.Schema{
		ID: StatusURN, Name: optional.NewString("Provisioning status"),
		Description: optional.NewString("What became of the user in each app. Returned when it is asked for in attributes."),
		Attributes: []definition.CoreAttribute{definition.ComplexCoreAttribute(definition.ComplexParams{
			Name: "apps", MultiValued: true, Description: optional.NewString("One element for each app that concerns the user."),
			Mutability: definition.AttributeMutabilityReadOnly(), Returned: definition.AttributeReturnedRequest(),
			SubAttributes: []definition.SimpleParams{
				text("app", "The key of the app in the mapping."),
				text("state", "What the account is, or what is waited for."),
				text("accountId", "The app's own id of the account."),
				definition.SimpleDateTimeParams(definition.DateTimeParams{
					Name: "since", Description: optional.NewString("When it came into this state."),
					Mutability: definition.AttributeMutabilityReadOnly(), Returned: definition.AttributeReturnedRequest(),
				}),
				text("error", "What went wrong last, or what is waited for."),
			},
		})},
	}
}

// withStatus adds the extension to the attributes of a user, which are a JSON object, as far as it is wanted. Nobody else pays for it.
func (x *exchange) withStatus(attributes []byte, person uuid.UUID, wanted *shape) ([]byte, error) {
	all, err := x.status(x.ctx(), person)
	if err != nil {
		return nil, fmt.Errorf("read the status of a user: %w", err)
	}
	whole := x.users.Append(nil, map[string]any{StatusURN: map[string]any{"apps": apps(all)}})
	projected, some := (&shape{parts: map[string]*shape{StatusURN: wanted}}).append(nil, whole)
	if !some || len(all) == 0 {
		return attributes, nil
	}
	return splice(attributes, projected), nil
}

// splice joins the members of two JSON objects, of which the second has some.
func splice(first, second []byte) []byte {
	if len(first) <= len("{}") {
		return second
	}
	joined := append(make([]byte, 0, len(first)+len(second)), first[:len(first)-1]...)
	return append(append(joined, ','), second[1:]...)
}

// filterStatus is the extension as filters see it: read when a filter comes to it.
func (x *exchange) filterStatus(person uuid.UUID, failed *error) map[string]any {
	return map[string]any{"apps": iter.Seq[any](func(yield func(any) bool) {
		all, err := x.status(x.ctx(), person)
		if err != nil {
			*failed = fmt.Errorf("read the status of a user: %w", err)
			return
		}
		for _, app := range apps(all) {
			if !yield(app) {
				return
			}
		}
	})}
}

// apps is the status as the value of the extension's attribute.
func apps(all []AppStatus) []any {
	list := make([]any, 0, len(all))
	for _, s := range all {
		element := map[string]any{"app": s.App, "state": s.State}
		for name, text := range map[string]string{"accountId": s.AccountID, "error": s.Error} {
			if text != "" {
				element[name] = text
			}
		}
		if !s.Since.IsZero() {
			element["since"] = s.Since.UTC().Format(timeFormat)
		}
		list = append(list, element)
	}
	return list
}
