package zoom

import (
	"context"
	"net/http"

	"github.com/usher-scim/usher/adapters"
	"github.com/usher-scim/usher/adapters/vendorhttp"
)

// planUsage is the part of GET /accounts/me/plans/usage that is about the user type Licensed.
type planUsage struct {
	Base *struct {
		Hosts   int `json:"hosts"`
		Usage   int `json:"usage"`
		Pending int `json:"pending"`
	} `json:"plan_base"`
}

// Seats tells how many licensed users the account has paid for. Zoom does not say whether usage counts invitations that nobody has accepted
// yet (pending); they are counted here, so that the answer is rather too few than too many. Basic users are not counted by Zoom. It takes the
// permission billing:read:plan_usage:admin, which nothing else does. Zoom counts the call as heavy; there is one for each plan of a mapping,
// far below that limit, so it is paced like the medium ones.
func (z *Adapter) Seats(ctx context.Context) ([]adapters.Seats, error) {
	var u planUsage
	_, err := z.api.client.JSON(ctx, vendorhttp.Request{
		Op: "read the seats", Method: http.MethodGet, Path: "/accounts/me/plans/usage", Class: medium,
	}, &u)
	if err != nil || u.Base == nil {
		return nil, err
	}
	return []adapters.Seats{{Licence: Licensed, Bought: u.Base.Hosts, Used: u.Base.Usage + u.Base.Pending}}, nil
}
