package scim

import (
	"strings"

	"github.com/usher-scim/usher/scim/schema"
)

// projection is which parts of a resource a client wants (RFC 7644 section 3.9). Members are what it decides so far; all else is
// returned.
type projection struct {
	members bool
}

func (x *exchange) projection(t *schema.ResourceType) projection {
	p := projection{members: true}
	if wanted := x.query.Get("attributes"); wanted != "" {
		p.members = x.lists(t, wanted, "members")
	}
	if x.lists(t, x.query.Get("excludedAttributes"), "members") {
		p.members = false
	}
	return p
}

// lists says whether a list of attribute names, with commas between them, holds the attribute.
func (x *exchange) lists(t *schema.ResourceType, names, attribute string) bool {
	for name := range strings.SplitSeq(names, ",") {
		target, ok := t.Resolve(strings.TrimSpace(name), x.mode())
		if ok && target.Attr != nil && target.Attr.Path == attribute {
			return true
		}
	}
	return false
}
