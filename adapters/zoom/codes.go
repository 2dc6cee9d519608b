package zoom

import (
	"time"

	"github.com/usher-scim/usher/adapters"
)

// act is what a call does, as far as the meaning of an error code depends on it.
type act string

const (
	actAny      act = ""
	actRead     act = "read"
	actList     act = "list"
	actCreate   act = "create"
	actPatch    act = "patch"
	actEmail    act = "email"
	actStatus   act = "status"
	actDelete   act = "delete"
	actSettings act = "settings"
	actGroup    act = "group"
	actRole     act = "role"
)

// rule says what one of Zoom's error codes means. An empty act matches every call,
// an empty text every message; the first rule that matches wins.
type rule struct {
	Code int
	Act  act
	Text string // part of Zoom's message, in lower case

	Kind  adapters.Kind
	Whole bool   // the failure reaches the whole app
	Says  string // our sentence; "" takes Zoom's own message
	Fix   string
	After time.Duration // how long to wait, where the code itself says more than the headers
}

const (
	codeToken   = 124  // the access token is bad or has ended
	codeInvalid = 300  // a value is refused; to a listing, its page token
	codeNoGroup = 4130 // the group does not exist
)

const (
	fixScopes = "add the scopes to the Server-to-Server OAuth app in the Zoom App Marketplace, save it, and check the connection again"
	fixApp    = "open the Server-to-Server OAuth app in the Zoom App Marketplace, see that it is activated, and connect again with its account id, client id and client secret"
	fixAdmin  = "let a Zoom administrator do this in the Zoom web portal"
	fixSeat   = "free a licence or buy one in Zoom, then retry"
	fixText   = "correct the value in the mapping or the directory"
	fixSSO    = "turn on pre-provisioning of SSO users at Zoom, or set create_action of the connection to create"
)

// rules is every code of Zoom's Users, Groups, Roles and OAuth references that the
// calls of this package can meet (https://developers.zoom.us/docs/api/users/,
// …/accounts/, …/docs/integrations/oauth/). Codes 200 and 300 are used for dozens of
// things that only the message tells apart. A code that is not here is Invalid with
// 400 and 409, and never NotFound.
var rules = []rule{
	// The token and the app's permissions.
	{Code: codeToken, Kind: adapters.Unauthorized, Whole: true, Says: "Zoom does not accept the access token", Fix: fixApp},
	{Code: 200, Text: "does not contain", Kind: adapters.Unauthorized, Whole: true, Fix: fixScopes},
	{Code: 4700, Text: "does not contain", Kind: adapters.Unauthorized, Whole: true, Fix: fixScopes},
	{Code: 4711, Text: "does not contain", Kind: adapters.Unauthorized, Whole: true, Fix: fixScopes},
	{Code: 4700, Kind: adapters.Unauthorized, Whole: true, Says: "Zoom refuses the access token", Fix: fixApp},
	{Code: 4711, Kind: adapters.Unauthorized, Whole: true, Says: "the access token's scopes do not fit", Fix: fixScopes},
	{Code: 4702, Kind: adapters.Unauthorized, Whole: true, Says: "Zoom does not know the client id", Fix: fixApp},
	{Code: 4704, Kind: adapters.Unauthorized, Whole: true, Says: "Zoom refuses the client id or secret", Fix: fixApp},
	{Code: 4705, Kind: adapters.Unauthorized, Whole: true, Says: "the app is not a Server-to-Server OAuth app", Fix: fixApp},
	{Code: 4706, Kind: adapters.Unauthorized, Whole: true, Says: "the client id, the secret or the grant type is missing", Fix: fixApp},
	{Code: 4709, Kind: adapters.Unauthorized, Whole: true, Says: "the app's redirect address does not match", Fix: fixApp},
	{Code: 4717, Kind: adapters.Unauthorized, Whole: true, Says: "the Zoom app is disabled", Fix: fixApp},
	{Code: 4733, Kind: adapters.Unauthorized, Whole: true, Says: "the authorization code has expired", Fix: fixApp},
	{Code: 4734, Kind: adapters.Unauthorized, Whole: true, Says: "the authorization code is bad", Fix: fixApp},
	{Code: 4735, Kind: adapters.Unauthorized, Whole: true, Says: "the owner of the access token no longer exists", Fix: fixApp},
	{Code: 4737, Kind: adapters.Unauthorized, Whole: true, Says: "the refresh token is not known any more", Fix: fixApp},
	{Code: 4738, Kind: adapters.Unauthorized, Whole: true, Says: "a Zoom administrator withdrew the approval of the app", Fix: fixApp},
	{Code: 4740, Kind: adapters.Unauthorized, Whole: true, Says: "the refresh token was used too often", Fix: fixApp},
	{Code: 4741, Kind: adapters.Unauthorized, Whole: true, Says: "the access token was revoked", Fix: fixApp},
	{Code: 2001, Kind: adapters.Unauthorized, Whole: true, Says: "Zoom does not know the account", Fix: "compare account_id of the connection with the App Credentials page of the Zoom app"},
	{Code: 2300, Kind: adapters.Unsupported, Whole: true, Says: "Zoom does not know this address", Fix: "check base_url of the connection; it ends in /v2"},
	{Code: 200, Text: "no privilege", Kind: adapters.Unauthorized, Whole: true, Says: "the Zoom app has no privilege for this", Fix: "let the account owner or an administrator with the user management privilege own the Zoom app"},
	{Code: 200, Text: "no permission", Kind: adapters.Unauthorized, Whole: true, Says: "the Zoom app has no permission for this", Fix: "let the account owner or an administrator with the user management privilege own the Zoom app"},

	// There or not there.
	{Code: 1001, Kind: adapters.NotFound, Says: "the user is not in this Zoom account"},
	{Code: 1120, Kind: adapters.NotFound, Says: "there is no valid invitation for this user"},
	{Code: 1010, Act: actGroup, Kind: adapters.Conflict, Says: "the group belongs to another Zoom account", Fix: fixAdmin},
	{Code: 1010, Kind: adapters.NotFound, Says: "the user is not in this Zoom account"}, // older replies
	{Code: codeNoGroup, Act: actGroup, Kind: adapters.NotFound, Says: "the group does not exist"},
	{Code: codeNoGroup, Kind: adapters.Invalid, Says: "the group does not exist", Fix: fixText},
	{Code: 4131, Kind: adapters.NotFound, Says: "the user is not in the group"},
	{Code: 4132, Kind: adapters.AlreadyExists, Says: "a group of that name exists"},
	{Code: 1034, Kind: adapters.Invalid, Says: "the role does not exist", Fix: "name a role of the Zoom account in the mapping"},

	// Making a user.
	{Code: 1005, Act: actEmail, Kind: adapters.Conflict, Says: "the new e-mail address is used already", Fix: "free the address at Zoom, or correct it in the directory"},
	{Code: 1005, Kind: adapters.AlreadyExists, Says: "the e-mail address is used already"},
	{Code: 1009, Kind: adapters.Conflict, Says: "the e-mail address has an active account in another Zoom account", Fix: "ask that account's administrator, or Zoom support, to release the user"},
	{Code: 1107, Act: actCreate, Kind: adapters.Invalid, Says: "Zoom blocks the domain of the e-mail address", Fix: fixText},
	{Code: 1116, Kind: adapters.Invalid, Says: "the e-mail address is outside the domains this Zoom account permits", Fix: "correct the address, or permit the domain at Zoom"},
	{Code: 2002, Kind: adapters.Unsupported, Says: "single sign-on is not enabled for this Zoom account", Fix: fixSSO},
	{Code: 2032, Kind: adapters.Unsupported, Says: "this Zoom account may not pre-provision SSO users", Fix: fixSSO},
	{Code: 2033, Kind: adapters.NoSeat, Says: "no Basic seat is free", Fix: fixSeat},
	{Code: 2034, Kind: adapters.NoSeat, Says: "no paid licence is free", Fix: fixSeat},
	{Code: 3412, Kind: adapters.NoSeat, Says: "the account has no free seat of this kind", Fix: fixSeat},
	{Code: 1102, Kind: adapters.NoSeat, Says: "no Zoom Phone licence is free", Fix: fixSeat},
	{Code: 2016, Kind: adapters.Invalid, Fix: fixAdmin},
	{Code: 2035, Kind: adapters.Invalid, Fix: fixAdmin},
	{Code: 2036, Kind: adapters.Invalid, Fix: fixAdmin},
	{Code: 2037, Kind: adapters.Invalid, Fix: fixAdmin},
	{Code: 2038, Kind: adapters.Invalid, Fix: fixAdmin},
	{Code: 11321, Kind: adapters.Invalid, Says: "Zoom's Trust and Safety team blocks the domain of the e-mail address", Fix: "ask Zoom support"},

	// Changing a user and licences.
	{Code: 1000, Act: actEmail, Kind: adapters.Conflict, Says: "an administrator's e-mail address can be changed only by that administrator", Fix: "let the person change it in Zoom, or take the admin role away first"},
	{Code: 1000, Act: actSettings, Kind: adapters.Conflict, Says: "the settings of an invited user cannot be reached", Fix: "wait until the person has accepted the invitation"},
	{Code: 1000, Kind: adapters.Conflict, Says: "the user is a call-queue manager or auto-receptionist operator", Fix: "take the user out of the Zoom Phone call queues and receptionists first"},
	{Code: 1108, Act: actSettings, Kind: adapters.Conflict, Says: "large meetings are only for licensed users", Fix: "give the user the licence licensed"},
	{Code: 1108, Kind: adapters.Invalid, Says: "the user's type may not be changed", Fix: fixAdmin},
	{Code: 1109, Kind: adapters.Invalid, Says: "the user is not a paid user", Fix: "give the user the licence licensed"},
	{Code: 1122, Kind: adapters.Conflict, Says: "webinars are only for licensed users", Fix: "give the user the licence licensed"},
	{Code: 1204, Kind: adapters.Conflict, Says: "the user has Zoom Events, which excludes a webinar licence", Fix: fixAdmin},
	{Code: 1205, Kind: adapters.Conflict, Says: "the user has a webinar licence, which excludes Zoom Events", Fix: fixAdmin},
	{Code: 1206, Kind: adapters.Conflict, Says: "Zoom Events is only for licensed users", Fix: "give the user the licence licensed"},
	{Code: 200, Text: "you can add max", Kind: adapters.NoSeat, Says: "no licence of this kind is free", Fix: fixSeat},
	{Code: 200, Text: "can't add paid users", Kind: adapters.NoSeat, Says: "no paid licence is free", Fix: fixSeat},
	{Code: 200, Act: actEmail, Text: "only an account administrator", Kind: adapters.Conflict, Says: "the e-mail address can be changed only for users of a managed domain and by an administrator", Fix: "add the domain to the managed domains of the Zoom account, or let an administrator change the address"},
	{Code: 200, Text: "only an account administrator", Kind: adapters.Conflict, Says: "only an account administrator can change this", Fix: "let an administrator own the Zoom app"},
	{Code: 200, Act: actStatus, Text: "zoom room and admin", Kind: adapters.Conflict, Says: "administrators and Zoom Rooms can be neither suspended nor resumed", Fix: "take the role away in Zoom; a Zoom Room is managed in the Zoom web portal"},
	{Code: 200, Text: "zoom room", Kind: adapters.Protected, Says: "the user is a Zoom Room", Fix: "manage Zoom Rooms in the Zoom web portal"},
	{Code: 200, Text: "only available for paid account", Kind: adapters.Unsupported, Says: "Zoom offers this only to paid accounts", Fix: "use a Pro plan or higher, or take teams out of the mapping"},
	{Code: 200, Act: actDelete, Text: "deactivated user", Kind: adapters.Conflict, Says: "Zoom refuses to delete this suspended user; the account stays suspended", Fix: "ask Zoom support to delete the user, or activate it in Zoom and let the removal run again"},
	{Code: 200, Act: actDelete, Text: "out of your account", Kind: adapters.Conflict, Says: "the user is not of this Zoom account", Fix: fixAdmin},
	{Code: 200, Kind: adapters.Invalid, Fix: fixAdmin},

	// Ending a user.
	{Code: codeInvalid, Act: actDelete, Text: "cannot be the same", Kind: adapters.Conflict, Says: "the receiver of the data is the leaver", Fix: "choose another receiver"},
	{Code: codeInvalid, Act: actDelete, Text: "api user", Kind: adapters.Unsupported, Says: "an API user cannot be disassociated", Fix: "use the action delete"},
	{Code: codeInvalid, Act: actDelete, Text: "do not specify a target", Kind: adapters.Conflict, Says: "the user has published Zoom Events and nobody receives them", Fix: "name a receiver in the step's transfer"},
	{Code: codeInvalid, Act: actDelete, Text: "published events", Kind: adapters.Conflict, Says: "the user has published Zoom Events", Fix: "end or move the events in Zoom Events, or name a receiver in the step's transfer"},
	{Code: codeInvalid, Act: actDelete, Text: "zoom events license", Kind: adapters.Conflict, Says: "the receiver has no Zoom Events licence", Fix: "give the receiver the licence, or choose another receiver"},
	{Code: codeInvalid, Act: actDelete, Text: "cannot receive this data", Kind: adapters.Conflict, Says: "the receiver has not the same or a higher licence than the leaver", Fix: "give the receiver the licence, or choose another receiver"},
	{Code: codeInvalid, Act: actDelete, Text: "same or a higher license", Kind: adapters.Conflict, Says: "the receiver has not the same or a higher licence than the leaver", Fix: "give the receiver the licence, or choose another receiver"},
	{Code: 1107, Kind: adapters.Conflict, Says: "a user of a managed domain cannot be disassociated", Fix: "use the action delete"},
	{Code: 1117, Kind: adapters.Conflict, Says: "an administrator cannot be disassociated", Fix: "take the admin role away in Zoom"},
	{Code: codeInvalid, Text: "upcoming zoom events", Kind: adapters.Conflict, Says: "the user has an upcoming event in Zoom Events", Fix: "end or move the event in Zoom Events"},
	{Code: codeInvalid, Act: actRole, Text: "normal/owner roles", Kind: adapters.Invalid, Says: "nobody can be added to or taken out of the roles member and owner", Fix: fixText},
	{Code: codeInvalid, Act: actList, Kind: adapters.Retry, Says: "the page token has expired"},
	{Code: codeInvalid, Kind: adapters.Invalid, Fix: fixText},

	// Too much at once. A daily limit brings the time of its end with it.
	{Code: 429, Text: "concurrent requests", Kind: adapters.Retry, Says: "Zoom is still working on another request for this user", After: busyAfter},
	{Code: 429, Kind: adapters.Retry, Whole: true, Says: "Zoom's rate limit is reached"},
}
