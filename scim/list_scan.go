package scim

import (
	"bytes"
	"slices"

	"github.com/google/uuid"

	"github.com/usher-scim/usher/directory"
	"github.com/usher-scim/usher/scim/fault"
	"github.com/usher-scim/usher/scim/filter"
)

// defaultScan is how many resources one list may look at where no index helps.
const defaultScan = 100_000

// plan is how the candidates of one type of resource are come by.
type plan struct {
	found []resource     // by an index, in the order of their ids
	rest  *filter.Filter // what is still to be asked of each; nil for nothing
	scan  bool           // no index helps: all that the source holds are candidates
}

// scan looks at every resource that may match, and keeps the page that is asked for. It asks an index where the filter allows it, and else
// reads all that the source holds, page by page.
func (l *listing) scan() (page, error) {
	plans := make([]plan, len(l.parts))
	looked := 0
	for i, p := range l.parts {
		var err error
		if plans[i], err = l.plan(p); err != nil {
			return page{}, err
		}
		if !plans[i].scan {
			continue
		}
		n, err := p.count(l.ctx(), l.source)
		if err != nil {
			return page{}, err
		}
		looked += n
	}
	if looked > l.limits.Scan {
		return page{}, fault.New(fault.TooMany, "the list would have to look at %d resources, more than %d: let the filter ask for id, userName, externalId, "+
			"emails.value, displayName of a group or members with eq, or page through all with a cursor and without filter and sortBy", looked, l.limits.Scan)
	}
	s := l.selection()
	for i := range l.parts {
		if err := l.look(i, plans[i], s); err != nil {
			return page{}, err
		}
		if s.full() {
			break
		}
	}
	return s.page(), nil
}

func (l *listing) plan(p part) (plan, error) {
	if p.filter == nil {
		return plan{scan: true}, nil
	}
	if p.filter.Never() {
		return plan{}, nil
	}
	options := l.options(p)
	for _, i := range p.indexes {
		value, rest, ok := p.filter.Lookup(i.path)
		if !ok {
			continue
		}
		found, err := p.find(l.ctx(), l.source, directory.Lookup{Field: i.field, Value: value}, options...)
		if err != nil {
			return plan{}, err
		}
		if len(found) >= directory.MaxFound {
			continue // the index may have more than it told
		}
		slices.SortFunc(found, func(a, b resource) int {
			ida, idb := a.id(), b.id()
			return bytes.Compare(ida[:], idb[:])
		})
		if rest.Always() {
			rest = nil
		}
		return plan{found: found, rest: rest}, nil
	}
	return plan{rest: p.filter, scan: true}, nil
}

// options is what is read of the candidates: also what is returned, unless a sorted list reads that when it knows the page.
func (l *listing) options(p part) []directory.ReadOption {
	if l.order != nil || len(p.looked) == 0 {
		return p.looked
	}
	return p.projection.readOptions()
}

// look offers the candidates of one type of resource to a selection.
func (l *listing) look(kind int, pl plan, s *kept) error {
	if !pl.scan {
		return l.offer(kind, pl.found, pl.rest, s)
	}
	p := l.parts[kind]
	options := l.options(p)
	after := uuid.Nil
	if l.order == nil && s.after != nil {
		if kind < s.after.kind {
			return nil
		}
		if kind == s.after.kind {
			after = s.after.id
		}
	}
	for {
		resources, err := p.page(l.ctx(), l.source, after, maxCount, options...)
		if err == nil {
			err = l.offer(kind, resources, pl.rest, s)
		}
		if err != nil || len(resources) < maxCount || s.full() {
			return err
		}
		after = resources[len(resources)-1].id()
	}
}

func (l *listing) offer(kind int, resources []resource, f *filter.Filter, s *kept) error {
	for _, r := range resources {
		e := entry{mark{kind: kind, id: r.id()}, r}
		if f != nil || l.order != nil {
			var failed error
			canonical, err := r.canonical(l.exchange, l.parts[kind].looks, &failed)
			if err != nil {
				return err
			}
			matches := f == nil || f.Match(canonical)
			if matches && l.order != nil {
				e.key, e.resource = l.order.key(kind, canonical), nil
			}
			if failed != nil {
				return failed
			}
			if !matches {
				continue
			}
		}
		s.add(e)
	}
	return nil
}

// kept is the part of a list that is kept while all of it is looked at: in a sorted list the first resources of the order, without
// what is in them; else those of the page.
type kept struct {
	order   *order
	after   *mark // where the page begins; nil for the beginning
	skip    int   // how many are passed over
	want    int
	counted bool // the total is known: what stands behind the page need not be looked at
	known   int

	total   int
	entries []entry
}

func (l *listing) selection() *kept {
	s := &kept{order: l.order, skip: l.what.window.start - 1, want: l.what.window.count}
	if l.what.byCursor {
		s.skip, s.want = 0, l.what.window.count+1 // one more, to see whether there is a next page
	}
	if l.from != nil {
		s.after, s.counted, s.known = &l.from.last, l.order == nil, l.from.total
	}
	return s
}

func (s *kept) full() bool { return s.counted && len(s.entries) >= s.want }

func (s *kept) add(e entry) {
	s.total++
	if s.after != nil && s.order.compare(e.mark, *s.after) <= 0 {
		return
	}
	if s.order == nil { // they come in order
		if (s.after != nil || s.total > s.skip) && len(s.entries) < s.want {
			s.entries = append(s.entries, e)
		}
		return
	}
	if s.want == 0 {
		return
	}
	// The first skip+want are kept, sorted, and until there are as many again, unsorted, what may stand before the last of them.
	most := s.skip + s.want
	if len(s.entries) >= most && s.order.compare(e.mark, s.entries[most-1].mark) >= 0 {
		return
	}
	if s.entries = append(s.entries, e); len(s.entries) == most || len(s.entries) >= 2*most {
		s.cut(most)
	}
}

// cut sorts what is kept and drops what stands behind the first n.
func (s *kept) cut(n int) {
	slices.SortFunc(s.entries, func(a, b entry) int { return s.order.compare(a.mark, b.mark) })
	if len(s.entries) > n {
		clear(s.entries[n:])
		s.entries = s.entries[:n]
	}
}

func (s *kept) page() page {
	if s.order != nil {
		s.cut(s.skip + s.want)
		s.entries = s.entries[min(s.skip, len(s.entries)):]
	}
	p := page{total: s.total, entries: s.entries}
	if s.counted {
		p.total = s.known
	}
	return p
}
