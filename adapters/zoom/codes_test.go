package zoom

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/usher-scim/usher/adapters"
	"github.com/usher-scim/usher/adapters/vendorhttp"
)

// refusals are replies as Zoom's references print them (shortened where they are long), and
// what they are taken for.
var refusals = []struct {
	act     act
	status  int
	code    int
	message string

	kind  adapters.Kind
	scope adapters.Scope
	says  string // part of the error's text
}{
	{actRead, 400, 124, "Access token is expired.", adapters.Unauthorized, adapters.WholeApp, "access token"},
	{actRead, 401, 124, "Invalid access token.", adapters.Unauthorized, adapters.WholeApp, "access token"},
	{actRead, 400, 4711, "Invalid access token, does not contain scopes:[user:read:user:admin, user:read:user:master].", adapters.Unauthorized, adapters.WholeApp, "lacks the scopes user:read:user:admin, user:read:user:master"},
	{actRole, 400, 4700, "Invalid access token, does not contain role:read:admin scope.", adapters.Unauthorized, adapters.WholeApp, "lacks the scopes role:read:admin"},
	{actCreate, 400, 200, "Invalid access token. Does not contain permissions [User:Edit].", adapters.Unauthorized, adapters.WholeApp, "lacks the scopes User:Edit"},
	{actRead, 400, 4700, "Token cannot be empty.", adapters.Unauthorized, adapters.WholeApp, "refuses the access token"},
	{actRead, 400, 4711, "Refresh token or scope mismatch.", adapters.Unauthorized, adapters.WholeApp, "scopes"},
	{actAny, 400, 4702, "Invalid client.", adapters.Unauthorized, adapters.WholeApp, "client id"},
	{actAny, 400, 4704, "Invalid client secret.", adapters.Unauthorized, adapters.WholeApp, "client id or secret"},
	{actAny, 400, 4705, "Grant type not supported.", adapters.Unauthorized, adapters.WholeApp, "Server-to-Server"},
	{actAny, 400, 4706, "Client ID or client secret or grant type is missing.", adapters.Unauthorized, adapters.WholeApp, "missing"},
	{actAny, 400, 4709, "Redirect URI mismatch.", adapters.Unauthorized, adapters.WholeApp, "redirect"},
	{actAny, 400, 4717, "The app has been disabled.", adapters.Unauthorized, adapters.WholeApp, "disabled"},
	{actAny, 400, 4733, "Code is expired.", adapters.Unauthorized, adapters.WholeApp, "expired"},
	{actAny, 400, 4734, "Invalid authorization code.", adapters.Unauthorized, adapters.WholeApp, "code"},
	{actAny, 400, 4735, "The owner of the token does not exist.", adapters.Unauthorized, adapters.WholeApp, "owner"},
	{actAny, 400, 4737, "Refresh token unknown.", adapters.Unauthorized, adapters.WholeApp, "refresh token"},
	{actAny, 400, 4738, "Token disabled.", adapters.Unauthorized, adapters.WholeApp, "approval"},
	{actAny, 400, 4740, "Refresh token used too often.", adapters.Unauthorized, adapters.WholeApp, "too often"},
	{actAny, 400, 4741, "Token revoked.", adapters.Unauthorized, adapters.WholeApp, "revoked"},
	{actRead, 404, 2001, "Account does not exist.", adapters.Unauthorized, adapters.WholeApp, "account"},
	{actList, 400, 2300, "This API endpoint is not recognized.", adapters.Unsupported, adapters.WholeApp, "address"},
	{actCreate, 400, 200, "No privilege.", adapters.Unauthorized, adapters.WholeApp, "no privilege"},
	{actCreate, 400, 200, "No permission.", adapters.Unauthorized, adapters.WholeApp, "no permission"},

	{actRead, 404, 1001, "User does not exist: mara.lindt@acme.example.", adapters.NotFound, adapters.OneAccount, "not in this Zoom account"},
	{actDelete, 404, 1001, "User does not exist: Kd0Example.", adapters.NotFound, adapters.OneAccount, "not in this Zoom account"},
	{actRead, 400, 1120, "A valid invitation to join the Zoom account was not found for this user.", adapters.NotFound, adapters.OneAccount, "invitation"},
	{actDelete, 400, 1120, "A valid invitation to join the Zoom account was not found for this user.", adapters.NotFound, adapters.OneAccount, "invitation"},
	{actRead, 400, 1010, "User not found on this account", adapters.NotFound, adapters.OneAccount, "not in this Zoom account"},
	{actGroup, 400, 1010, "Group does not belong to your account.", adapters.Conflict, adapters.OneAccount, "another Zoom account"},
	{actGroup, 404, 4130, "A group with this grpExample does not exist.", adapters.NotFound, adapters.OneAccount, "group"},
	{actCreate, 404, 4130, "Group does not exist: grpExample.", adapters.Invalid, adapters.OneAccount, "group"},
	{actGroup, 404, 4131, "Member is not in the group.", adapters.NotFound, adapters.OneAccount, "not in the group"},
	{actGroup, 409, 4132, "Group name is already in use.", adapters.AlreadyExists, adapters.OneAccount, "group"},
	{actRole, 400, 1034, "Provided role_id does not exist.", adapters.Invalid, adapters.OneAccount, "role"},

	{actCreate, 409, 1005, `Email "mara.lindt@acme.example" has already been used.`, adapters.AlreadyExists, adapters.OneAccount, "used already"},
	{actEmail, 409, 1005, `Email "mara.berg@acme.example" has already been used.`, adapters.Conflict, adapters.OneAccount, "used already"},
	{actCreate, 400, 1009, "The user mara.lindt@acme.example already holds an active account.", adapters.Conflict, adapters.OneAccount, "another Zoom account"},
	{actCreate, 400, 1107, "Email domain is blocked.", adapters.Invalid, adapters.OneAccount, "blocks the domain"},
	{actCreate, 400, 1116, "Email address is outside of the permitted domains.", adapters.Invalid, adapters.OneAccount, "permits"},
	{actCreate, 400, 2002, "SSO is not enabled.", adapters.Unsupported, adapters.OneAccount, "single sign-on"},
	{actCreate, 400, 2032, "Pre-provisioning is not permitted.", adapters.Unsupported, adapters.OneAccount, "pre-provision"},
	{actCreate, 400, 2033, "You have reached the maximum basic user limit.", adapters.NoSeat, adapters.OneAccount, "Basic"},
	{actStatus, 400, 2033, `Your request to activate the "Basic" user was not approved.`, adapters.NoSeat, adapters.OneAccount, "Basic"},
	{actCreate, 400, 2034, "Your account has reached the permitted maximum number of Licensed users.", adapters.NoSeat, adapters.OneAccount, "paid"},
	{actPatch, 400, 3412, "Your account has reached the permitted maximum number.", adapters.NoSeat, adapters.OneAccount, "seat"},
	{actStatus, 400, 3412, "Your request to activate the user was not approved at this time.", adapters.NoSeat, adapters.OneAccount, "seat"},
	{actCreate, 404, 1102, "You cannot enable the Zoom Phone feature.", adapters.NoSeat, adapters.OneAccount, "Zoom Phone"},
	{actCreate, 400, 2016, "No permission for this kind of account.", adapters.Invalid, adapters.OneAccount, "kind of account"},
	{actCreate, 400, 2035, "Special account.", adapters.Invalid, adapters.OneAccount, "Special"},
	{actCreate, 400, 2036, "Forbidden user.", adapters.Invalid, adapters.OneAccount, "Forbidden"},
	{actCreate, 400, 2037, "Plan limit.", adapters.Invalid, adapters.OneAccount, "Plan"},
	{actCreate, 400, 2038, "Not allowed.", adapters.Invalid, adapters.OneAccount, "Not allowed"},
	{actCreate, 400, 11321, "Domain blocked.", adapters.Invalid, adapters.OneAccount, "Trust and Safety"},

	{actEmail, 400, 1000, "Admin can not change other admins email.", adapters.Conflict, adapters.OneAccount, "administrator"},
	{actSettings, 400, 1000, "You can not access settings of users that are still in pending state", adapters.Conflict, adapters.OneAccount, "invited"},
	{actDelete, 400, 1000, "The user cannot be changed because they are a Call-queue manager or Auto-receptionist operator.", adapters.Conflict, adapters.OneAccount, "call-queue"},
	{actCreate, 400, 1000, "The user cannot be changed because they are a Call-queue manager or Auto-receptionist operator.", adapters.Conflict, adapters.OneAccount, "call-queue"},
	{actSettings, 400, 1108, "Only Licensed or On-prem users can enable the large meeting feature.", adapters.Conflict, adapters.OneAccount, "large meetings"},
	{actPatch, 400, 1108, "You are not allowed to change the type.", adapters.Invalid, adapters.OneAccount, "type"},
	{actPatch, 400, 1109, "Not a paid user.", adapters.Invalid, adapters.OneAccount, "paid"},
	{actSettings, 400, 1122, "Webinar feature can only be enabled for Licensed or On-prem users.", adapters.Conflict, adapters.OneAccount, "webinars"},
	{actSettings, 400, 1204, "You can't enable the Webinar feature because you already have the Zoom Events feature.", adapters.Conflict, adapters.OneAccount, "excludes"},
	{actSettings, 400, 1205, "You can't enable the Zoom Events feature because you already have the Webinar feature.", adapters.Conflict, adapters.OneAccount, "excludes"},
	{actSettings, 400, 1206, "You can only enable the Zoom Events feature for Licensed or On-prem users.", adapters.Conflict, adapters.OneAccount, "Zoom Events"},
	{actSettings, 400, 200, "You can add max 5 Webinar 500 users.", adapters.NoSeat, adapters.OneAccount, "licence"},
	{actSettings, 400, 200, "You can't add paid users.", adapters.NoSeat, adapters.OneAccount, "licence"},
	{actEmail, 400, 200, "Only an account administrator can change email.", adapters.Conflict, adapters.OneAccount, "managed domain"},
	{actPatch, 400, 200, "Only an account administrator can change a user's name.", adapters.Conflict, adapters.OneAccount, "administrator"},
	{actStatus, 400, 200, "Zoom Room and Admin users' status cannot be activated or deactivated.", adapters.Conflict, adapters.OneAccount, "neither suspended nor resumed"},
	{actPatch, 400, 200, "A Zoom Room user cannot be changed to a free user type: Kd0Example", adapters.Protected, adapters.OneAccount, "Zoom Room"},
	{actDelete, 400, 200, "Cannot delete a Zoom Rooms user.", adapters.Protected, adapters.OneAccount, "Zoom Room"},
	{actGroup, 400, 200, "Only available for Paid account.", adapters.Unsupported, adapters.OneAccount, "paid accounts"},
	{actDelete, 400, 200, "Unable to delete this deactivated user. Please contact Zoom support team for more information.", adapters.Conflict, adapters.OneAccount, "stays suspended"},
	{actDelete, 400, 200, "Cannot delete a user out of your account.", adapters.Conflict, adapters.OneAccount, "not of this Zoom account"},
	{actPatch, 400, 200, "Something new for ivo@acme.example.", adapters.Invalid, adapters.OneAccount, "Something new for (address)"},

	{actDelete, 400, 300, "The transfer-to email address cannot be the same as the unlinked or deleted user's email address.", adapters.Conflict, adapters.OneAccount, "receiver"},
	{actDelete, 400, 300, "Unable to unlink API user(s).", adapters.Unsupported, adapters.OneAccount, "API user"},
	{actDelete, 400, 300, "This user has published events on Zoom Events and you do not specify a target user to transfer data.", adapters.Conflict, adapters.OneAccount, "nobody receives"},
	{actDelete, 400, 300, "This user has published events on Zoom Events and cannot be deleted or unlinked.", adapters.Conflict, adapters.OneAccount, "published"},
	{actDelete, 400, 300, "The destination user does not have a Zoom Events license and cannot receive this data.", adapters.Conflict, adapters.OneAccount, "no Zoom Events licence"},
	{actDelete, 400, 300, "The destination user does not have a Webinar500 or higher license and cannot receive this data.", adapters.Conflict, adapters.OneAccount, "same or a higher"},
	{actDelete, 400, 300, "The target has not the same or a higher license.", adapters.Conflict, adapters.OneAccount, "same or a higher"},
	{actDelete, 400, 1107, "You can not disassociate a user with managed domain.", adapters.Conflict, adapters.OneAccount, "managed domain"},
	{actDelete, 400, 1117, "You can not disassociate an Admin user.", adapters.Conflict, adapters.OneAccount, "administrator"},
	{actPatch, 400, 300, `You cannot change the user type to "Basic" because this user has an upcoming Zoom Events scheduled.`, adapters.Conflict, adapters.OneAccount, "upcoming"},
	{actStatus, 400, 300, "You cannot deactivate this user because the user has an upcoming Zoom Events scheduled.", adapters.Conflict, adapters.OneAccount, "upcoming"},
	{actRole, 400, 300, "Can't delete or add members for Normal/Owner roles.", adapters.Invalid, adapters.OneAccount, "member and owner"},
	{actList, 400, 300, "The next page token is invalid or expired.", adapters.Retry, adapters.OneAccount, "page token"},
	{actCreate, 400, 300, "Your request could not be completed because the name contains an invalid word: zoom.", adapters.Invalid, adapters.OneAccount, "invalid word"},

	{actDelete, 429, 429, "Too many concurrent requests. A request to disassociate this user has already been made.", adapters.Retry, adapters.OneAccount, "still working"},
	{actRead, 429, 429, "You have reached the maximum per-second rate limit for this API. Try again later.", adapters.Retry, adapters.WholeApp, "rate limit"},

	{actRead, 400, 77777, "A code from the future.", adapters.Invalid, adapters.OneAccount, "from the future"},
	{actRead, 404, 77777, "A code from the future.", adapters.Invalid, adapters.OneAccount, "from the future"},
}

func TestEveryCodeHasItsMeaning(t *testing.T) {
	t.Parallel()
	for _, r := range refusals {
		body := fmt.Appendf(nil, `{"code":%d,"message":%q}`, r.code, r.message)
		def := &adapters.Error{Op: "do", Kind: adapters.Unavailable, Scope: adapters.WholeApp, Status: r.status}
		got := explain(r.act, r.status, body, def)
		if got.Kind != r.kind || got.Scope != r.scope || !strings.Contains(got.Message, r.says) {
			t.Errorf("%s %d/%d %q:\n got %s %s %q\nwant %s %s …%s…", r.act, r.status, r.code, r.message,
				got.Kind, got.Scope, got.Message, r.kind, r.scope, r.says)
		}
		if got.Code != fmt.Sprint(r.code) {
			t.Errorf("%d: got code %q", r.code, got.Code)
		}
		if strings.HasSuffix(got.Message, ".") || strings.Contains(got.Message, "@") {
			t.Errorf("%d: got message %q, want no full stop and no address", r.code, got.Message)
		}
		if got.Fix == "" && got.Kind != adapters.NotFound && got.Kind != adapters.Retry && got.Kind != adapters.AlreadyExists {
			t.Errorf("%d %q: got no fix, want what a person can do", r.code, r.message)
		}
	}
}

// A rule that no row above reaches is untested, or hidden behind another.
func TestEveryRuleIsReached(t *testing.T) {
	t.Parallel()
	reached := map[rule]bool{}
	for _, r := range refusals {
		if m, ok := matchRule(r.act, r.code, r.message); ok {
			reached[m] = true
		}
	}
	for _, r := range rules {
		if !reached[r] {
			t.Errorf("rule %+v is reached by no refusal of the table", r)
		}
	}
}

func TestBodiesThatAreNotZooms(t *testing.T) {
	t.Parallel()
	for _, body := range []string{"", "<html>404</html>", "null", "[]", `{"error":{"msg":"x"}}`, `{"message":"Not found"}`, `{"code":"","message":"x"}`} {
		def := &adapters.Error{Op: "do", Kind: adapters.Unavailable, Scope: adapters.WholeApp, Status: 404, Message: "strange"}
		if got := explain(actRead, 404, []byte(body), def); got.Kind != adapters.Unavailable {
			t.Errorf("%s: got kind %s, want the default, unavailable: it proves nothing", body, got.Kind)
		}
	}
}

func TestConcurrentDeleteWaits(t *testing.T) {
	t.Parallel()
	got := explain(actDelete, 429, []byte(`{"code":429,"message":"Too many concurrent requests."}`), &adapters.Error{After: time.Hour})
	if got.After != busyAfter {
		t.Errorf("got a wait of %s, want %s", got.After, busyAfter)
	}
	got = explain(actRead, 429, []byte(`{"code":429,"message":"daily"}`), &adapters.Error{After: time.Hour})
	if got.After != time.Hour {
		t.Errorf("got a wait of %s, want what the header asks for, 1h", got.After)
	}
}

func TestFieldErrorsAreShown(t *testing.T) {
	t.Parallel()
	body := `{"code":300,"message":"Validation Failed.","errors":[{"field":"user_info.email","message":"Invalid field."}]}`
	got := explain(actCreate, 400, []byte(body), &adapters.Error{})
	if want := "Validation Failed. user_info.email: Invalid field"; got.Message != want {
		t.Errorf("got %q, want %q", got.Message, want)
	}
}

func TestExpiredIsDecidedByCode(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		status int
		body   string
		want   bool
	}{
		{400, `{"code":124,"message":"Access token is expired."}`, true},
		{401, `{"code":124,"message":"Invalid access token."}`, true},
		{401, ``, true},
		{401, `<html></html>`, true},
		{401, `{"code":4711,"message":"does not contain scopes"}`, false},
		{400, `{"code":300,"message":"Validation Failed."}`, false},
		{403, ``, false},
		{404, `{"code":1001,"message":"User does not exist."}`, false},
	} {
		if got := expired(&vendorhttp.Response{Status: c.status, Body: []byte(c.body)}); got != c.want {
			t.Errorf("%d %s: got %t, want %t", c.status, c.body, got, c.want)
		}
	}
}

func TestActOfEachRoute(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		method, path string
		want         act
	}{
		{http.MethodGet, "/users", actList},
		{http.MethodGet, "/groups", actList},
		{http.MethodGet, "/roles", actList},
		{http.MethodPost, "/users", actCreate},
		{http.MethodGet, "/users/{user}", actRead},
		{http.MethodPatch, "/users/{user}", actPatch},
		{http.MethodDelete, "/users/{user}", actDelete},
		{http.MethodPut, "/users/{user}/email", actEmail},
		{http.MethodPut, "/users/{user}/status", actStatus},
		{http.MethodGet, "/users/{user}/settings", actSettings},
		{http.MethodPatch, "/users/{user}/settings", actSettings},
		{http.MethodDelete, "/users/{user}/token", actAny},
		{http.MethodPost, "/groups", actGroup},
		{http.MethodPost, "/groups/{group}/members", actGroup},
		{http.MethodDelete, "/groups/{group}/members/{user}", actGroup},
		{http.MethodPost, "/roles/{role}/members", actRole},
		{http.MethodDelete, "/roles/{role}/members/{user}", actRole},
	} {
		if got := actOf(vendorhttp.Request{Method: c.method, Path: c.path}); got != c.want {
			t.Errorf("%s %s: got %q, want %q", c.method, c.path, got, c.want)
		}
	}
}

func TestTokenRefusals(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		status int
		body   string
		kind   adapters.Kind
		says   string
	}{
		{400, `{"reason":"Invalid client_id or client_secret","error":"invalid_client"}`, adapters.Unauthorized, "client secret is wrong"},
		{401, `{"reason":"Invalid client_id or client_secret","error":"invalid_client"}`, adapters.Unauthorized, "client secret is wrong"},
		{400, `{"reason":"unsupported grant type","error":"unsupported_grant_type"}`, adapters.Unauthorized, "Server-to-Server"},
		{400, `{"reason":"Account does not exist","error":"invalid_request"}`, adapters.Unauthorized, "account id"},
		{400, `{"reason":"Account does not enabled the OAuth app type","error":"invalid_request"}`, adapters.Unauthorized, "does not allow"},
		{400, `{"reason":"Something else","error":"invalid_scope"}`, adapters.Unauthorized, "something else"},
		{400, `{"reason":"4717 The app is disabled","error":"invalid_request"}`, adapters.Unauthorized, "disabled"},
		{404, `<html></html>`, adapters.Unavailable, "default"},
		{503, ``, adapters.Unavailable, "default"},
		{429, `{"error":"too_many","reason":"x"}`, adapters.Unavailable, "default"},
	} {
		def := &adapters.Error{Op: "get access token", Kind: adapters.Unavailable, Scope: adapters.WholeApp, Message: "default"}
		got := classifyToken(vendorhttp.Request{}, &vendorhttp.Response{Status: c.status, Body: []byte(c.body)}, def)
		if got.Kind != c.kind || got.Scope != adapters.WholeApp || !strings.Contains(got.Message, c.says) {
			t.Errorf("%d %s: got %s %q, want %s …%s…", c.status, c.body, got.Kind, got.Message, c.kind, c.says)
		}
		if c.kind == adapters.Unauthorized && got.Fix == "" {
			t.Errorf("%s: got no fix", c.body)
		}
	}
}
