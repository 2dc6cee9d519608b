package scim

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/google/uuid"

	"github.com/usher-scim/usher/scim/body"
	"github.com/usher-scim/usher/scim/schema"
)

// timeFormat is that of all times in responses: UTC, milliseconds.
const timeFormat = "2006-01-02T15:04:05.000Z"

// meta is what every resource says of itself.
type meta struct {
	resourceType, location string
	created, modified      time.Time
	tag                    string // the version
}

// etag is the version as an entity tag. It is weak: the same version may be written with other members shown.
func etag(version uint64) string { return `W/"` + strconv.FormatUint(version, 10) + `"` }

// append writes meta as a further member of a resource, as far as it is wanted.
func (m meta) append(dst []byte, s *shape) []byte {
	if s == nil {
		return dst
	}
	o := beginObject(append(dst, `,"meta":`...))
	if s.has("resourceType") {
		o.dst = append(append(append(o.name("resourceType"), '"'), m.resourceType...), '"')
	}
	if s.has("created") {
		o.dst = append(m.created.UTC().AppendFormat(append(o.name("created"), '"'), timeFormat), '"')
	}
	if s.has("lastModified") {
		o.dst = append(m.modified.UTC().AppendFormat(append(o.name("lastModified"), '"'), timeFormat), '"')
	}
	if s.has("location") {
		o.dst = schema.AppendString(o.name("location"), m.location)
	}
	if s.has("version") {
		o.dst = schema.AppendString(o.name("version"), m.tag)
	}
	return append(o.dst, '}')
}

// object is a JSON object that is being written.
type object struct {
	dst   []byte
	start int
}

func beginObject(dst []byte) object {
	return object{dst: append(dst, '{'), start: len(dst) + 1}
}

// name begins a member; what follows is its value, and dst again.
func (o object) name(name string) []byte {
	dst := o.dst
	if len(dst) > o.start {
		dst = append(dst, ',')
	}
	return append(append(append(dst, '"'), name...), '"', ':')
}

// value is meta as filters see it.
func (m meta) value() map[string]any {
	return map[string]any{
		"resourceType": m.resourceType, "location": m.location, "version": m.tag,
		"created": m.created.UTC().Format(timeFormat), "lastModified": m.modified.UTC().Format(timeFormat),
	}
}

// appendHead begins a resource: the schemas that are present in its stored attributes, and its id.
func appendHead(dst []byte, t *schema.ResourceType, attributes []byte, id uuid.UUID) []byte {
	dst = schema.AppendString(append(dst, `{"schemas":[`...), t.Core.URN)
	for _, extension := range t.Extensions {
		if extension.Opens(attributes) {
			dst = schema.AppendString(append(dst, ','), extension.URN)
		}
	}
	return appendID(append(dst, `],"id":"`...), id)
}

func appendID(dst []byte, id uuid.UUID) []byte { return append(appendUUID(dst, id), '"') }

func appendUUID(dst []byte, id uuid.UUID) []byte {
	text, _ := id.MarshalText() // never fails
	return append(dst, text...)
}

// present lists the URNs of the core schema and of the extensions that the attributes hold.
func present(t *schema.ResourceType, attributes []byte) []string {
	urns := []string{t.Core.URN}
	for _, extension := range t.Extensions {
		if extension.Opens(attributes) {
			urns = append(urns, extension.URN)
		}
	}
	return urns
}

// appendAttributes splices stored attributes, a JSON object, into a resource that is being written.
func appendAttributes(dst, attributes []byte) []byte {
	inner := bytes.TrimSpace(attributes)
	if len(inner) < 2 {
		return dst
	}
	inner = bytes.TrimSpace(inner[1 : len(inner)-1])
	if len(inner) == 0 {
		return dst
	}
	return append(append(dst, ','), inner...)
}

// decode reads stored attributes. They were written by us: a failure is ours.
func decode(attributes json.RawMessage) (map[string]any, error) {
	if len(attributes) == 0 {
		return map[string]any{}, nil
	}
	object, err := body.Object(attributes)
	if err != nil {
		return nil, fmt.Errorf("stored attributes cannot be read: %s", err) //nolint:errorlint // not the client's error
	}
	return object, nil
}

// anyList turns texts into a list as filters see it.
func anyList(texts []string) []any {
	list := make([]any, len(texts))
	for i, text := range texts {
		list[i] = text
	}
	return list
}
