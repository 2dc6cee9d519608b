package gorgias

import (
	"cmp"
	"encoding/json"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"github.com/usher-scim/usher/adapters"
	"github.com/usher-scim/usher/adapters/vendorhttp"
)

// problem is the vendor's error body.
type problem struct {
	Error struct {
		Msg  string          `json:"msg"`
		Data json.RawMessage `json:"data"` // texts by field, as a rule
	} `json:"error"`
}

// seats matches refusals of a creation for want of a seat. No text is documented; these are
// the words such a text can hardly do without.
var seats = regexp.MustCompile(`(?i)\b(seats?|licen[cs]es?|your plan|maximum number of (users|agents))\b`)

// classify turns the error table of docs/apps/gorgias.md into kinds.
func classify(req vendorhttp.Request, resp *vendorhttp.Response, def *adapters.Error) *adapters.Error {
	var p problem
	own := resp.IsJSON() && resp.Decode(&p) == nil && p.Error.Msg != ""
	if !own {
		if resp.Status == http.StatusNotFound && !resp.IsJSON() {
			def.Kind, def.Scope = adapters.Unauthorized, adapters.WholeApp
			def.Message = "no such Gorgias subdomain: the address answers with a web page"
			def.Fix = "check the subdomain in the connection's settings"
		}
		return def
	}
	def.Message = title + " says: " + p.text()
	onUsers := req.Method == http.MethodPost && req.Path == "/users"
	switch resp.Status {
	case http.StatusNotFound:
		// Of a list the same words would mean that the address is wrong, and prove nobody gone.
		if strings.HasSuffix(req.Path, "/{id}") {
			def.Kind, def.Scope, def.Fix = adapters.NotFound, adapters.OneAccount, ""
		}
	case http.StatusConflict:
		if onUsers {
			def.Kind = adapters.AlreadyExists
		}
	case http.StatusUnauthorized:
		def.Fix = "enter valid credentials of a user with the role admin"
	case http.StatusForbidden:
		def.Fix = "the credentials need the role admin and, with OAuth2, the scopes users:read and users:write"
	}
	refused := resp.Status >= 400 && resp.Status < 500 && resp.Status != http.StatusTooManyRequests
	if onUsers && (resp.Status == http.StatusPaymentRequired || refused && seats.MatchString(p.Error.Msg)) {
		def.Kind, def.Scope = adapters.NoSeat, adapters.OneAccount
		def.Fix = "free or buy a seat in Gorgias"
	}
	return def
}

// text is the message with the texts of the fields at fault.
func (p problem) text() string {
	text := strings.TrimRight(p.Error.Msg, ". ")
	var fields map[string][]string
	if json.Unmarshal(p.Error.Data, &fields) != nil {
		return text
	}
	for i, f := range slices.Sorted(maps.Keys(fields)) {
		text += cmp.Or(map[int]string{0: ": "}[i], "; ") + f + ": " + strings.TrimRight(strings.Join(fields[f], ", "), ". ")
	}
	return text
}

// atFault reports whether the vendor's error body of a 400 names the field.
func atFault(e *adapters.Error, field string) bool {
	return e.Kind == adapters.Invalid && strings.Contains(e.Message, " "+field+": ")
}
