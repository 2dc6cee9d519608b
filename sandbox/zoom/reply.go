package zoom

import (
	"net/http"

	"github.com/usher-scim/usher/sandbox/wire"
)

// refuse is Zoom's error body: {"code", "message"}.
func refuse(status, code int, message string) wire.Reply {
	return wire.Reply{Status: status, JSON: map[string]any{"code": code, "message": message}}
}

// bad is refuse with 400, the status of most refusals.
func bad(code int, message string) wire.Reply { return refuse(http.StatusBadRequest, code, message) }

// invalid is code 300 with the fields at fault.
func invalid(errs []fieldError) wire.Reply {
	return wire.Reply{Status: http.StatusBadRequest, JSON: map[string]any{
		"code": 300, "message": "Validation Failed.", "errors": errs,
	}}
}

func noUser(name string) wire.Reply {
	return refuse(http.StatusNotFound, 1001, "User does not exist: "+name+".")
}

func noInvitation() wire.Reply {
	return bad(1120, "A valid invitation to join the Zoom account was not found for this user.")
}

func noGroup(id string) wire.Reply {
	return refuse(http.StatusNotFound, 4130, "A group with this "+id+" does not exist.")
}

func ok(v any) wire.Reply { return wire.Reply{Status: http.StatusOK, JSON: v} }

func created(v any) wire.Reply {
	return wire.Reply{Status: http.StatusCreated, JSON: v, Changed: true}
}

// done is 204; changed says whether the call did anything.
func done(changed bool) wire.Reply { return wire.Reply{Status: http.StatusNoContent, Changed: changed} }
