package adapters

import "context"

// Lane says how urgent a vendor call is. When calls of one connection wait for
// the same rate limit, a lower lane is served first; within a lane, first come
// first served.
type Lane int

const (
	LaneRemoval Lane = iota // access that must end
	LaneUpdate              // repairs and changes of accounts that stay
	LaneJoiner              // accounts to be made
)

// Lanes is the number of lanes.
const Lanes = int(LaneJoiner) + 1

func (l Lane) String() string {
	switch l {
	case LaneRemoval:
		return "removal"
	case LaneUpdate:
		return "update"
	case LaneJoiner:
		return "joiner"
	}
	return "unknown"
}

type laneKey struct{}

// WithLane returns a context whose vendor calls travel in lane l.
func WithLane(ctx context.Context, l Lane) context.Context {
	return context.WithValue(ctx, laneKey{}, l)
}

// LaneOf returns the lane of ctx: LaneUpdate where none, or one that does not exist, was set.
func LaneOf(ctx context.Context) Lane {
	if l, ok := ctx.Value(laneKey{}).(Lane); ok && l >= LaneRemoval && l <= LaneJoiner {
		return l
	}
	return LaneUpdate
}
