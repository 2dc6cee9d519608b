package adapters

import "context"

type permitKey struct{}

// WithPermit returns a context whose vendor calls that may change something ask permit after they have waited for
// their turn, right before they are sent. With an error nothing is sent, and the call ends as kind Retry. permit must be fast
// and, as an adapter may call in parallel, safe for concurrent use. A nil permit lets everything through.
func WithPermit(ctx context.Context, permit func(context.Context) error) context.Context {
	return context.WithValue(ctx, permitKey{}, permit)
}

// Permitted asks the permit of ctx; nil where there is none.
func Permitted(ctx context.Context) error {
	if permit, ok := ctx.Value(permitKey{}).(func(context.Context) error); ok && permit != nil {
		return permit(ctx)
	}
	return nil
}
