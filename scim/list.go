package scim

import (
	"bytes"
	"maps"
	"net/http"
	"strconv"

	"github.com/google/uuid"

	"github.com/usher-scim/usher/directory"
	"github.com/usher-scim/usher/scim/filter"
	"github.com/usher-scim/usher/scim/schema"
)

const listURN = "urn:ietf:params:scim:api:messages:2.0:ListResponse"

// listing is a list that is being answered: what is asked, understood for each type of resource that is listed.
type listing struct {
	*exchange
	what  search
	parts []part
	order *order
	query queryHash
	from  *cursor // where the page begins; nil for the first one, and in index paging
}

// part is one type of resource in a list.
type part struct {
	collection
	filter     *filter.Filter // nil: all match
	projection *projection
	looked     []directory.ReadOption // for what filter and order look at
	looks      look
}

// page is a part of a list, and how many resources the whole has.
type page struct {
	total   int
	entries []entry
	next    string // the cursor of the next page; "" if there is none, and in index paging
}

// entry is a resource at its place in the order. A sorted list reads the resource when it knows its place.
type entry struct {
	mark
	resource resource
}

// list answers with those resources of the collections that are asked for.
func (x *exchange) list(what search, collections []collection) error {
	l, err := x.listing(what, collections)
	if err != nil {
		return err
	}
	p, err := l.read()
	if err != nil {
		return err
	}
	return l.write(p)
}

func (x *exchange) listing(what search, collections []collection) (*listing, error) {
	l := &listing{exchange: x, what: what}
	var err error
	if l.order, err = x.orderOf(what, collections); err != nil {
		return nil, err
	}
	var node filter.Node
	if what.filter != "" {
		if node, err = filter.Parse(what.filter); err != nil {
			return nil, err
		}
	}
	for i, c := range collections {
		p := part{collection: c}
		if p.projection, err = x.project(c.kind, what.attributes, what.excluded); err != nil {
			return nil, err
		}
		if node != nil {
			if p.filter, err = filter.Compile(node, c.kind, x.mode()); err != nil {
				return nil, err
			}
			if p.filter.Always() {
				p.filter = nil
			}
		}
		if p.looks = l.order.look(i); p.filter != nil {
			p.looks = p.looks.with(p.filter)
		}
		if !p.looks.has("groups") {
			p.looked = []directory.ReadOption{directory.WithoutGroups}
		}
		l.parts = append(l.parts, p)
	}
	if !what.byCursor {
		return l, nil
	}
	l.query = hashQuery(x.source.ID, collections, what)
	if what.cursor != "" {
		from, err := x.cursors.open(what.cursor, l.query, x.now())
		if err != nil {
			return nil, err
		}
		l.from = &from
	}
	return l, nil
}

// look is what filter and order look at in a resource: canonical names of attributes and URNs of extensions. The rest is not decoded.
type look struct{ shape }

func (l look) with(f *filter.Filter) look {
	parts := map[string]*shape{}
	maps.Copy(parts, l.parts)
	for name := range f.Names() {
		parts[name] = &shape{whole: true}
	}
	return look{shape{parts: parts}}
}

// decode reads of stored attributes what is looked at.
func (l look) decode(attributes []byte) (map[string]any, error) {
	seen, some := l.append(nil, bytes.TrimSpace(attributes))
	if !some {
		return map[string]any{}, nil
	}
	return decode(seen)
}

// read returns the page that is asked for.
func (l *listing) read() (page, error) {
	var p page
	var err error
	switch {
	case l.order != nil || l.filtered():
		p, err = l.scan()
	case l.what.byCursor:
		p, err = l.storedAfter()
	default:
		p, err = l.storedFrom()
	}
	if err != nil {
		return page{}, err
	}
	if l.what.byCursor {
		l.turn(&p)
	}
	if err := l.fetch(&p); err != nil {
		return page{}, err
	}
	return p, nil
}

func (l *listing) filtered() bool {
	for _, p := range l.parts {
		if p.filter != nil {
			return true
		}
	}
	return false
}

// counted is how many resources there are in all parts.
func (l *listing) counted() (int, error) {
	total := 0
	for _, p := range l.parts {
		n, err := p.count(l.ctx(), l.source)
		if err != nil {
			return 0, err
		}
		total += n
	}
	return total, nil
}

// storedFrom reads a page of index paging as it is stored. To find its beginning it passes over the keys before it.
func (l *listing) storedFrom() (page, error) {
	var p page
	skip, want := l.what.window.start-1, l.what.window.count
	for i, part := range l.parts {
		n, err := part.count(l.ctx(), l.source)
		if err != nil {
			return page{}, err
		}
		p.total += n
		if skip >= n {
			skip -= n
			continue
		}
		if want == len(p.entries) {
			continue
		}
		after, err := part.skip(l.ctx(), l.source, skip)
		if err != nil {
			return page{}, err
		}
		if err := l.storedBehind(&p, i, after, want); err != nil {
			return page{}, err
		}
		skip = 0
	}
	if len(p.entries) > 0 {
		p.total = max(p.total, l.what.window.start-1+len(p.entries)) // some may have come since they were counted
	}
	return p, nil
}

// storedAfter reads a page behind a cursor as it is stored, and one resource more to see whether there is a next one.
func (l *listing) storedAfter() (page, error) {
	var p page
	after, first := uuid.Nil, 0
	if l.from != nil {
		p.total, first, after = l.from.total, l.from.last.kind, l.from.last.id
	} else {
		var err error
		if p.total, err = l.counted(); err != nil {
			return page{}, err
		}
	}
	for i := first; i < len(l.parts); i++ {
		if err := l.storedBehind(&p, i, after, l.what.window.count+1); err != nil {
			return page{}, err
		}
		after = uuid.Nil
	}
	return p, nil
}

// storedBehind fills a page up to a length with what stands behind an id.
func (l *listing) storedBehind(p *page, kind int, after uuid.UUID, length int) error {
	part := l.parts[kind]
	if len(p.entries) >= length {
		return nil
	}
	resources, err := part.page(l.ctx(), l.source, after, length-len(p.entries), part.projection.readOptions()...)
	if err != nil {
		return err
	}
	for _, r := range resources {
		p.entries = append(p.entries, entry{mark{kind: kind, id: r.id()}, r})
	}
	return nil
}

// turn ends a page of cursor paging: what was read beyond it shows that there is a next one.
func (l *listing) turn(p *page) {
	sent := 0
	if l.from != nil {
		sent = l.from.sent
	}
	more := len(p.entries) > l.what.window.count
	if more {
		p.entries = p.entries[:l.what.window.count]
	}
	sent += len(p.entries)
	p.total = max(p.total, sent)
	if more {
		p.total = max(p.total, sent+1)
		p.next = l.cursors.seal(cursor{
			issued: l.now(), query: l.query, total: p.total, sent: sent, last: p.entries[len(p.entries)-1].mark,
		})
	}
}

// fetch reads the resources of a sorted page. One that was deleted since it was looked at is left out.
func (l *listing) fetch(p *page) error {
	kept := p.entries[:0]
	for _, e := range p.entries {
		if e.resource == nil {
			part := l.parts[e.kind]
			var err error
			e.resource, err = part.get(l.ctx(), l.source, e.id, part.projection.readOptions()...)
			if directory.CodeOf(err) == directory.NotFound {
				continue
			}
			if err != nil {
				return err
			}
		}
		kept = append(kept, e)
	}
	p.entries = kept
	return nil
}

func (l *listing) write(p page) error {
	out := l.stream(http.StatusOK)
	out.write(l.appendHead(nil, p))
	for i, e := range p.entries {
		if i > 0 {
			out.write([]byte{','})
		}
		if err := e.resource.write(l.exchange, out, l.parts[e.kind].projection); err != nil {
			return err
		}
	}
	out.write([]byte("]}"))
	return out.flush()
}

// appendHead begins a ListResponse up to its resources.
func (l *listing) appendHead(dst []byte, p page) []byte {
	dst = strconv.AppendInt(append(dst, `{"schemas":["`+listURN+`"],"totalResults":`...), int64(p.total), 10)
	if !l.what.byCursor {
		dst = strconv.AppendInt(append(dst, `,"startIndex":`...), int64(l.what.window.start), 10)
	}
	dst = strconv.AppendInt(append(dst, `,"itemsPerPage":`...), int64(len(p.entries)), 10)
	if p.next != "" {
		dst = schema.AppendString(append(dst, `,"nextCursor":`...), p.next)
	}
	return append(dst, `,"Resources":[`...)
}
