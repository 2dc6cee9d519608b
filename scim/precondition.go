package scim

import (
	"hash/fnv"
	"net/http"
	"strconv"
	"strings"

	"github.com/usher-scim/usher/directory"
	"github.com/usher-scim/usher/scim/fault"
)

// If-Match and If-None-Match (RFC 7644 section 3.14, RFC 9110 section 13.1) compare a list of entity tags, or "*", with the version of
// the resource as it is when the request is carried out: for a write inside of its transaction, so that of two clients that
// saw the same version one is refused. Our tags are weak, and so is every comparison: RFC 7644 has its examples so, while by the letter
// of RFC 9110 no weak tag could ever satisfy If-Match.
//
// The version of a user has two parts: that of the record, W/"3", and behind it, for who is in groups and is read with them, a digest of the groups,
// W/"3-k1f7". So a GET is never answered 304 over groups that have changed, and people without groups cost nothing.
// meta.version is the record's part alone.
// A write protects what it writes, and nobody writes the groups of a user (they are read-only, RFC 7643 section 4.1.2): on a write, and on a
// read without groups, the record's part alone is compared. Else a sync that adds members would make every update fail
// that was begun before it.

// preconditions refuses a write with 412 unless what its headers ask of the version holds.
func (x *exchange) preconditions(tag string) error {
	if header := x.r.Header.Values("If-Match"); given(header) && !matchesTag(header, tag, true) {
		return fault.Status(http.StatusPreconditionFailed, "the resource has changed: its version is %s now, which If-Match does not name", tag)
	}
	if header := x.r.Header.Values("If-None-Match"); given(header) && matchesTag(header, tag, true) {
		return fault.Status(http.StatusPreconditionFailed, "the resource is there with the version %s, which If-None-Match excludes", tag)
	}
	return nil
}

// unmodified answers a GET with 304 if the client has that version, and says so. part says that only the record's part of it is read.
func (x *exchange) unmodified(tag string, part bool) (bool, error) {
	if header := x.r.Header.Values("If-Match"); given(header) && !matchesTag(header, tag, part) {
		return false, fault.Status(http.StatusPreconditionFailed, "the version of the resource is %s, which If-Match does not name", tag)
	}
	header := x.r.Header.Values("If-None-Match")
	if !given(header) || !matchesTag(header, tag, part) {
		return false, nil
	}
	x.w.Header().Set("ETag", tag)
	x.w.Header().Del("Content-Type")
	x.w.WriteHeader(http.StatusNotModified)
	return true, nil
}

// given says whether a header says anything.
func given(header []string) bool {
	for _, line := range header {
		if strings.TrimSpace(line) != "" {
			return true
		}
	}
	return false
}

// matchesTag says whether a list of entity tags names the tag, or is "*". A tag without quotes, as some clients send it, is
// taken for one with them. Of part, a tag that goes on behind it with a digest is named as well.
func matchesTag(header []string, tag string, part bool) bool {
	want := opaque(tag)
	for _, line := range header {
		for line != "" {
			var one string
			one, line = nextTag(line)
			if one == "*" {
				return true
			}
			if given := opaque(one); one != "" && (given == want || part && strings.HasPrefix(given, want) && given[len(want)] == '-') {
				return true
			}
		}
	}
	return false
}

// nextTag cuts off the first element of a list; a comma inside of quotes is part of the tag.
func nextTag(list string) (tag, rest string) {
	quoted := false
	for i := range len(list) {
		switch {
		case list[i] == '"':
			quoted = !quoted
		case list[i] == ',' && !quoted:
			return strings.TrimSpace(list[:i]), list[i+1:]
		}
	}
	return strings.TrimSpace(list), ""
}

// opaque is what a weak comparison looks at.
func opaque(tag string) string {
	tag = strings.TrimPrefix(tag, "W/")
	if len(tag) >= 2 && tag[0] == '"' && tag[len(tag)-1] == '"' {
		return tag[1 : len(tag)-1]
	}
	return tag
}

// userTag is the version of a user with the groups that it was read with.
func userTag(u directory.User) string {
	tag := recordTag(u)
	if len(u.Groups) == 0 {
		return tag
	}
	sum := fnv.New64a()
	for _, g := range u.Groups { // in the order of their ids
		_, _ = sum.Write(g.ID[:]) // never fails
		_, _ = sum.Write(append([]byte(g.Name), 0))
	}
	return tag[:len(tag)-1] + "-" + strconv.FormatUint(sum.Sum64(), 36) + `"`
}

// recordTag is the version of what is written of a user. That of a merge, which has no record of its own that counts, is made from what it says.
func recordTag(u directory.User) string {
	if u.Held {
		return etag(u.Version)
	}
	sum := fnv.New64a()
	_, _ = sum.Write(u.Attributes) // never fails
	_, _ = sum.Write(strconv.AppendBool(nil, u.Active))
	return `W/"merged-` + strconv.FormatUint(sum.Sum64(), 36) + `"`
}
