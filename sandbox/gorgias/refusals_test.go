package gorgias_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/usher-scim/usher/sandbox/gorgias"
)

func TestRefusals(t *testing.T) {
	t.Parallel()
	const mara = "/api/users/70100234"
	tests := []struct {
		name   string
		set    gorgias.Settings
		method string
		path   string
		body   string
		status int
		errors string // what the body must contain
	}{
		{"create without anything", gorgias.Settings{}, "POST", "/api/users", `{}`, 400, `{"error":{"data":{"email":["Missing data for required field."],"name":["Missing data for required field."],"role":["Missing data for required field."]},"msg":"Failed to create user."}}`},
		{"create with an unknown field", gorgias.Settings{}, "POST", "/api/users", `{"name":"A","email":"a@acme.example","role":{"name":"agent"},"channels":[]}`, 400, `"channels":["Unknown field."]`},
		{"create with active", gorgias.Settings{}, "POST", "/api/users", `{"name":"A","email":"a@acme.example","role":{"name":"agent"},"active":true}`, 400, `"active":["Unknown field."]`},
		{"create with firstname", gorgias.Settings{}, "POST", "/api/users", `{"name":"A","email":"a@acme.example","role":{"name":"agent"},"firstname":"A"}`, 400, `"firstname":["Unknown field."]`},
		{"create with a roles list", gorgias.Settings{}, "POST", "/api/users", `{"name":"A","email":"a@acme.example","roles":[{"name":"agent"}]}`, 400, `"roles":["Unknown field."]`},
		{"create with a bad role", gorgias.Settings{}, "POST", "/api/users", `{"name":"A","email":"a@acme.example","role":{"name":"lead"}}`, 400, `"role.name":["Must be one of`},
		{"create with a role as text", gorgias.Settings{}, "POST", "/api/users", `{"name":"A","email":"a@acme.example","role":"agent"}`, 400, `"role":["Invalid input type."]`},
		{"create with a bad e-mail", gorgias.Settings{}, "POST", "/api/users", `{"name":"A","email":"acme.example","role":{"name":"agent"}}`, 400, `"email":["Not a valid email address."]`},
		{"create with a number as name", gorgias.Settings{}, "POST", "/api/users", `{"name":7,"email":"a@acme.example","role":{"name":"agent"}}`, 400, `"name":["Not a valid string."]`},
		{"create with an empty name", gorgias.Settings{}, "POST", "/api/users", `{"name":" ","email":"a@acme.example","role":{"name":"agent"}}`, 400, `"name":[`},
		{"create with a long country", gorgias.Settings{}, "POST", "/api/users", `{"name":"A","email":"a@acme.example","role":{"name":"agent"},"country":"AUT"}`, 400, `"country":[`},
		{"create in another language", gorgias.Settings{}, "POST", "/api/users", `{"name":"A","email":"a@acme.example","role":{"name":"agent"},"language":"de"}`, 400, `"language":["Must be one of: fr, en."]`},
		{"create with a null external id", gorgias.Settings{}, "POST", "/api/users", `{"name":"A","email":"a@acme.example","role":{"name":"agent"},"external_id":null}`, 400, `"external_id":["Field may not be null."]`},
		{"create with a list as meta", gorgias.Settings{}, "POST", "/api/users", `{"name":"A","email":"a@acme.example","role":{"name":"agent"},"meta":[]}`, 400, `"meta":[`},
		{"create with a bad timezone", gorgias.Settings{}, "POST", "/api/users", `{"name":"A","email":"a@acme.example","role":{"name":"agent"},"timezone":"UTC+1 "}`, 400, `"timezone":[`},
		{"create with a used e-mail", gorgias.Settings{}, "POST", "/api/users", `{"name":"M","email":"MARA.lindt@acme.example","role":{"name":"agent"}}`, 409, `{"error":{"msg":"The resource already exists."}}`},
		{"create above the plan", gorgias.Settings{Seats: 3}, "POST", "/api/users", `{"name":"A","email":"a@acme.example","role":{"name":"agent"}}`, 400, `maximum number of users`},
		{"create above the plan, forbidden", gorgias.Settings{Seats: 3, SeatStatus: 403}, "POST", "/api/users", `{"name":"A","email":"a@acme.example","role":{"name":"agent"}}`, 403, `maximum number of users`},
		{"broken JSON", gorgias.Settings{}, "POST", "/api/users", `{"name"`, 400, `"msg":"Invalid JSON body."`},
		{"a body too large", gorgias.Settings{}, "POST", "/api/users", strings.Repeat("x", 1<<20+1), 413, `"msg"`},
		{"update of nothing", gorgias.Settings{}, "PUT", mara, `{}`, 400, `Failed to update user.`},
		{"update of active", gorgias.Settings{}, "PUT", mara, `{"active":false}`, 400, `"active":["Unknown field."]`},
		{"update of lastname", gorgias.Settings{}, "PUT", mara, `{"lastname":"Berg"}`, 400, `"lastname":["Unknown field."]`},
		{"update of the e-mail without confirmation", gorgias.Settings{}, "PUT", mara, `{"email":"mara.berg@acme.example"}`, 400, `"password_confirmation":["Missing data for required field."]`},
		{"update of the e-mail with a wrong password", gorgias.Settings{Password: "right"}, "PUT", mara, `{"email":"mara.berg@acme.example","password_confirmation":"wrong"}`, 400, `"password_confirmation":["Invalid password."]`},
		{"update to a used e-mail", gorgias.Settings{Password: "right"}, "PUT", mara, `{"email":"owner@acme.example","password_confirmation":"right"}`, 409, `already exists`},
		{"another user's password", gorgias.Settings{Password: "right"}, "PUT", mara, `{"new_password":"x","old_password":"right"}`, 400, `"new_password":[`},
		{"update of a stranger", gorgias.Settings{}, "PUT", "/api/users/1", `{"name":"A"}`, 404, `{"error":{"msg":"Resource not found."}}`},
		{"read a stranger", gorgias.Settings{}, "GET", "/api/users/1", ``, 404, `Resource not found.`},
		{"read an id that is none", gorgias.Settings{}, "GET", "/api/users/mara", ``, 404, `Resource not found.`},
		{"delete a stranger", gorgias.Settings{}, "DELETE", "/api/users/1", ``, 404, `Resource not found.`},
		{"delete id 0", gorgias.Settings{}, "DELETE", "/api/users/0", ``, 404, `Resource not found.`},
		{"delete the owner", gorgias.Settings{}, "DELETE", "/api/users/70100200", ``, 400, `account owner`},
		{"delete the owner, forbidden", gorgias.Settings{OwnerStatus: 403}, "DELETE", "/api/users/70100200", ``, 403, `account owner`},
		{"demote the owner", gorgias.Settings{}, "PUT", "/api/users/70100200", `{"role":{"name":"agent"}}`, 400, `account owner`},
		{"there is no PATCH", gorgias.Settings{}, "PATCH", mara, `{}`, 405, `Method not allowed.`},
		{"there is no other resource", gorgias.Settings{}, "GET", "/api/tickets", ``, 404, `Resource not found.`},
		{"a limit of 500", gorgias.Settings{}, "GET", "/api/users?limit=500", ``, 400, `"limit":["Must be between 1 and 100."]`},
		{"a limit of 0", gorgias.Settings{}, "GET", "/api/teams?limit=0", ``, 400, `"limit":[`},
		{"a page number", gorgias.Settings{}, "GET", "/api/users?page=2", ``, 400, `"page":["Unknown field."]`},
		{"an unknown order", gorgias.Settings{}, "GET", "/api/users?order_by=id:asc", ``, 400, `"order_by":[`},
		{"a made-up cursor", gorgias.Settings{}, "GET", "/api/users?cursor=bm9wZQ==", ``, 400, `"cursor":["Invalid cursor."]`},
		{"an unknown role in a filter", gorgias.Settings{}, "GET", "/api/users?roles=lead", ``, 400, `"roles":[`},
		{"a bad e-mail in a filter", gorgias.Settings{}, "GET", "/api/users?email=x", ``, 400, `"email":[`},
		{"team without a name", gorgias.Settings{}, "POST", "/api/teams", `{}`, 400, `"name":["Missing data for required field."]`},
		{"team with an unknown field", gorgias.Settings{}, "POST", "/api/teams", `{"name":"A","external_id":"x"}`, 400, `"external_id":["Unknown field."]`},
		{"team with a stranger", gorgias.Settings{}, "PUT", "/api/teams/611", `{"members":[{"id":1}]}`, 400, `"members.0.id":["User does not exist."]`},
		{"team with ids as text", gorgias.Settings{}, "PUT", "/api/teams/611", `{"members":[{"id":"70100234"}]}`, 400, `"members.0.id":["Not a valid integer."]`},
		{"team with members as an object", gorgias.Settings{}, "PUT", "/api/teams/611", `{"members":{}}`, 400, `"members":["Not a valid list."]`},
		{"read an unknown team", gorgias.Settings{}, "GET", "/api/teams/1", ``, 404, `Resource not found.`},
		{"update an unknown team", gorgias.Settings{}, "PUT", "/api/teams/1", `{"name":"A"}`, 404, `Resource not found.`},
		{"delete an unknown team", gorgias.Settings{}, "DELETE", "/api/teams/1", ``, 404, `Resource not found.`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			d, _ := seeded(t, tt.set)
			before, err := json.Marshal([]any{d.Users(), d.Teams()})
			if err != nil {
				t.Fatal(err)
			}
			w, _ := d.call(tt.method, tt.path, tt.body)
			if got, want := w.Code, tt.status; got != want {
				t.Errorf("status: got %d, want %d", got, want)
			}
			if got, want := w.Body.String(), tt.errors; !strings.Contains(got, want) {
				t.Errorf("body: got %s, want it to contain %s", got, want)
			}
			after, err := json.Marshal([]any{d.Users(), d.Teams()})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(before), string(after)); diff != "" {
				t.Errorf("a refused call changed the state: %s", diff)
			}
			if got := d.Writes(); len(got) != 0 {
				t.Errorf("writes: got %v, want none", got)
			}
		})
	}
}
