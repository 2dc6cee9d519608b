package gorgias

import (
	"fmt"
	"net/http"
	"strconv"

	"github.com/usher-scim/usher/sandbox/wire"
)

// failure is Gorgias' error body: {"error": {"msg", "data"}}, data naming the fields at fault.
func failure(status int, msg string, data problems) wire.Reply {
	e := map[string]any{"msg": msg}
	if len(data) > 0 {
		e["data"] = data
	}
	return wire.Reply{Status: status, JSON: map[string]any{"error": e}}
}

// problems are the texts per field.
type problems map[string][]string

func (p problems) add(field, text string) { p[field] = append(p[field], text) }

func unauthorized() wire.Reply { return failure(http.StatusUnauthorized, "Unauthorized.", nil) }

func notFound() wire.Reply { return failure(http.StatusNotFound, "Resource not found.", nil) }

func conflict() wire.Reply {
	return failure(http.StatusConflict, "The resource already exists.", nil)
}

// unknownHost is the page that a subdomain nobody has answers with.
func unknownHost() wire.Reply {
	return wire.Reply{Status: http.StatusNotFound, HTML: "<!doctype html><html><head><title>404 Not Found</title></head>" +
		"<body><h1>Not Found</h1><p>This helpdesk does not exist.</p></body></html>\n"}
}

// number reads a whole number as ids are written.
func number(s string) (int64, bool) {
	n, err := strconv.ParseInt(s, 10, 64)
	return n, err == nil && n >= 0 && strconv.FormatInt(n, 10) == s
}

func uri(kind string, id int64) string { return fmt.Sprintf("/api/%s/%d/", kind, id) }
