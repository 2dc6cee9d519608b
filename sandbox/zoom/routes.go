package zoom

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/usher-scim/usher/sandbox/wire"
)

// route is one call of the API.
type route struct {
	method  string
	pattern []string // "*" is a parameter
	class   class
	scope   string   // granular
	classic []string // scopes of older apps that allow the same
	do      func(b backend, c *call) wire.Reply
}

// call is a request on its way through a route.
type call struct {
	*wire.Request
	params  []string
	header  http.Header // rate headers, for handlers that answer 429 themselves
	later   *later
	ignored []string
}

// later is the rest of a call that takes time.
type later struct {
	takes time.Duration
	do    func() wire.Reply
}

// routes lists the API. The first that fits is taken, so fixed names stand before parameters.
func routes() []route {
	userRead, userWrite := []string{"user:read:admin", "user:write:admin"}, []string{"user:write:admin"}
	groupRead, groupWrite := []string{"group:read:admin", "group:write:admin"}, []string{"group:write:admin"}
	roleRead, roleWrite := []string{"role:read:admin", "role:write:admin"}, []string{"role:write:admin"}
	r := func(method, pattern string, c class, scope string, classic []string, do func(backend, *call) wire.Reply) route {
		return route{method, strings.Split(pattern, "/"), c, scope + ":admin", classic, do}
	}
	return []route{
		r("GET", "users", medium, "user:read:list_users", userRead, backend.listUsers),
		r("POST", "users", light, "user:write:user", userWrite, backend.createUser),
		r("GET", "users/email", light, "user:read:email", userRead, backend.checkEmail),
		r("GET", "users/summary", medium, "user:read:summary", userRead, backend.summary),
		r("POST", "users/features", medium, "user:write:feature", userWrite, backend.bulkFeatures),
		r("GET", "users/*", light, "user:read:user", userRead, backend.readUser),
		r("PATCH", "users/*", light, "user:update:user", userWrite, backend.updateUser),
		r("DELETE", "users/*", light, "user:delete:user", userWrite, backend.deleteUser),
		r("PUT", "users/*/email", light, "user:update:email", userWrite, backend.changeEmail),
		r("PUT", "users/*/status", light, "user:update:status", userWrite, backend.changeStatus),
		r("PUT", "users/*/password", medium, "user:update:password", userWrite, backend.changePassword),
		r("DELETE", "users/*/token", light, "user:delete:token", userWrite, backend.signOut),
		r("GET", "users/*/settings", medium, "user:read:settings", userRead, backend.readSettings),
		r("PATCH", "users/*/settings", medium, "user:update:settings", userWrite, backend.updateSettings),
		r("GET", "users/*/permissions", light, "user:read:list_permissions", userRead, backend.permissions),
		r("GET", "users/*/assistants", medium, "user:read:list_assistants", userRead, backend.listAssistants),
		r("POST", "users/*/assistants", medium, "user:write:assistant", userWrite, backend.addAssistants),
		r("DELETE", "users/*/assistants", light, "user:delete:assistant", userWrite, backend.removeAssistants),
		r("DELETE", "users/*/assistants/*", light, "user:delete:assistant", userWrite, backend.removeAssistants),
		r("GET", "users/*/schedulers", medium, "user:read:list_schedulers", userRead, backend.listSchedulers),
		r("DELETE", "users/*/schedulers", light, "user:delete:scheduler", userWrite, backend.removeSchedulers),
		r("DELETE", "users/*/schedulers/*", light, "user:delete:scheduler", userWrite, backend.removeSchedulers),
		r("GET", "groups", medium, "group:read:list_groups", groupRead, backend.listGroups),
		r("POST", "groups", light, "group:write:group", groupWrite, backend.createGroup),
		r("GET", "groups/*", light, "group:read:group", groupRead, backend.readGroup),
		r("PATCH", "groups/*", light, "group:update:group", groupWrite, backend.renameGroup),
		r("DELETE", "groups/*", light, "group:delete:group", groupWrite, backend.deleteGroup),
		r("GET", "groups/*/members", medium, "group:read:list_members", groupRead, backend.listMembers),
		r("POST", "groups/*/members", medium, "group:write:member", groupWrite, backend.addMembers),
		r("PATCH", "groups/*/members/*", medium, "group:update:member", groupWrite, backend.updateMember),
		r("DELETE", "groups/*/members/*", light, "group:delete:member", groupWrite, backend.removeMember),
		r("GET", "roles", medium, "role:read:list_roles", roleRead, backend.listRoles),
		r("GET", "roles/*", light, "role:read:role", roleRead, backend.readRole),
		r("GET", "roles/*/members", medium, "role:read:list_members", roleRead, backend.listRoleMembers),
		r("POST", "roles/*/members", medium, "role:write:member", roleWrite, backend.giveRole),
		r("DELETE", "roles/*/members/*", light, "role:delete:member", roleWrite, backend.takeRole),
		r("GET", "accounts/*/plans/usage", heavy, "billing:read:plan_usage", []string{"account:read:admin", "billing:master", "account:master"}, backend.usage),
		r("GET", "accounts/*/managed_domains", light, "account:read:managed_domains", []string{"account:read:admin", "account:read:managed_domains:master"}, backend.domains),
	}
}

// allScopes are the granular scopes of all calls.
func (b backend) allScopes() []string {
	var all []string
	for _, ro := range b.routes {
		if !slices.Contains(all, ro.scope) {
			all = append(all, ro.scope)
		}
	}
	slices.Sort(all)
	return all
}

// answer takes a call through credentials, route, scope and limits to its handler.
func (b backend) answer(r *wire.Request) (wire.Reply, *later) {
	if !r.API {
		return b.oauth(r), nil
	}
	t, refused := b.authenticate(r)
	if refused != nil {
		return *refused, nil
	}
	if b.set.APIClosed {
		return refuse(http.StatusForbidden, http.StatusForbidden, "The REST API is not enabled for this account."), nil
	}
	ro, params := b.find(r)
	if ro == nil {
		return bad(2300, "This API endpoint is not recognized."), nil
	}
	if refused = b.lacks(t, ro); refused != nil {
		return *refused, nil
	}
	h, full := b.limit(ro.class, r.Now)
	if full != nil {
		return *full, nil
	}
	c := &call{Request: r, params: params, header: h}
	reply := ro.do(b, c)
	if reply.Header == nil {
		reply.Header = h
	}
	reply.Ignored = append(reply.Ignored, c.ignored...)
	return reply, c.later
}

func (b backend) find(r *wire.Request) (*route, []string) {
	for _, ro := range b.routes {
		if ro.method != r.Method || len(ro.pattern) != len(r.Segments) {
			continue
		}
		var params []string
		fits := true
		for i, p := range ro.pattern {
			if p == "*" {
				params = append(params, r.Segments[i])
			} else if p != r.Segments[i] {
				fits = false
			}
		}
		if fits {
			return &ro, params
		}
	}
	return nil, nil
}

// query notes the parameters that Zoom does not know.
func (c *call) query(known ...string) {
	for k := range c.Query {
		if !slices.Contains(known, k) {
			c.ignored = append(c.ignored, k)
		}
	}
	slices.Sort(c.ignored)
}

// open reads the call's body as a form.
func (c *call) open() (*form, *wire.Reply) { return open(c.Body) }

// close ends the reading of a form and returns what is wrong with it.
func (c *call) close(f *form) *wire.Reply {
	f.close()
	c.ignored = append(c.ignored, *f.lost...)
	return f.wrong()
}
