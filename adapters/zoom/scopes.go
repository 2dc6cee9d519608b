package zoom

import "strings"

// need is a permission that the adapter's calls take: its name among the granular
// scopes, and the classic scope of older apps that includes it.
type need struct{ granular, classic string }

// needs is what the adapter may call; docs/apps/zoom.md tells administrators the same list.
var needs = []need{
	{"user:read:list_users:admin", "user:read:admin"},
	{"user:read:user:admin", "user:read:admin"},
	{"user:read:settings:admin", "user:read:admin"},
	{"user:write:user:admin", "user:write:admin"},
	{"user:update:user:admin", "user:write:admin"},
	{"user:update:email:admin", "user:write:admin"},
	{"user:update:status:admin", "user:write:admin"},
	{"user:update:settings:admin", "user:write:admin"},
	{"user:delete:user:admin", "user:write:admin"},
	{"user:delete:token:admin", "user:write:admin"},
	{"group:read:list_groups:admin", "group:read:admin"},
	{"group:write:group:admin", "group:write:admin"},
	{"group:write:member:admin", "group:write:admin"},
	{"group:delete:member:admin", "group:write:admin"},
	{"role:read:list_roles:admin", "role:read:admin"},
	{"role:write:member:admin", "role:write:admin"},
	{"role:delete:member:admin", "role:write:admin"},
}

// missingScopes compares the scopes of a token (the space-separated list of its reply)
// with what is needed and returns what is not there, in granular names. The :master
// form of a scope includes its :admin form.
// A token whose reply names no scopes is not judged.
func missingScopes(granted string) []string {
	have := map[string]bool{}
	for _, s := range strings.FieldsFunc(granted, func(r rune) bool { return r == ' ' || r == ',' }) {
		have[strings.ToLower(s)] = true
	}
	if len(have) == 0 {
		return nil
	}
	has := func(scope string) bool {
		return have[scope] || have[strings.TrimSuffix(scope, ":admin")+":master"]
	}
	var missing []string
	for _, n := range needs {
		if !has(n.granular) && !has(n.classic) {
			missing = append(missing, n.granular)
		}
	}
	return missing
}
