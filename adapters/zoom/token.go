package zoom

import (
	"net/http"
	"strings"

	"github.com/usher-scim/usher/adapters"
	"github.com/usher-scim/usher/adapters/vendorhttp"
)

// tokenRules is what the token endpoint refuses with, by its `error` word and a part of
// its reason, in lower case (https://developers.zoom.us/docs/internal-apps/s2s-oauth/ and
// public reports of its replies; all of them with status 400 or 401).
var tokenRules = []struct{ word, reason, says, fix string }{
	{"invalid_client", "", "Zoom does not know the client id, or the client secret is wrong",
		"copy client_id and client_secret again from the App Credentials page of the Server-to-Server OAuth app"},
	{"unsupported_grant_type", "", "the Zoom app is not a Server-to-Server OAuth app",
		"make an app of the type Server-to-Server OAuth in the Zoom App Marketplace and use its credentials"},
	{"invalid_request", "account does not exist", "Zoom does not know the account id",
		"copy account_id again from the App Credentials page of the Server-to-Server OAuth app"},
	{"invalid_request", "not enabled", "the Zoom account does not allow this type of app",
		"let the account owner allow Server-to-Server OAuth apps, or activate the app"},
}

// classifyToken is the client's hook for refusals of the token endpoint: every 4xx but a
// rate limit means that the settings or the app need a person.
func classifyToken(_ vendorhttp.Request, resp *vendorhttp.Response, def *adapters.Error) *adapters.Error {
	if resp.Status < 400 || resp.Status >= 500 || resp.Status == http.StatusTooManyRequests {
		return def
	}
	var word, reason string
	if p, ok := decodeProblem(resp.Body); ok {
		word, reason = strings.ToLower(p.Error), strings.ToLower(p.Reason)
		if p.Code != 0 {
			return explain(actAny, resp.Status, resp.Body, def)
		}
	}
	e := *def
	e.Code = word
	for _, r := range tokenRules {
		if word == r.word && strings.Contains(reason, r.reason) {
			e.Kind, e.Scope, e.Message, e.Fix = adapters.Unauthorized, adapters.WholeApp, r.says, r.fix
			return &e
		}
	}
	if word == "" {
		return def // none of the endpoint's own replies
	}
	e.Kind, e.Scope, e.Message, e.Fix = adapters.Unauthorized, adapters.WholeApp, "Zoom gives no access token: "+problem{Message: reason}.text(), fixApp
	return &e
}
