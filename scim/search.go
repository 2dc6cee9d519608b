package scim

import (
	"encoding/json"
	"math"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/usher-scim/usher/directory"
	"github.com/usher-scim/usher/scim/fault"
)

const searchURN = "urn:ietf:params:scim:api:messages:2.0:SearchRequest"

// search is what a client asks of a list, in the address of a GET or in the body of a POST to /.search (RFC 7644 sections 3.4.2 and
// 3.4.3), in the same words.
type search struct {
	attributes, excluded string // names with commas between them
	filter               string
	sortBy               string
	descending           bool
	window               window
	byCursor             bool   // cursor paging (RFC 9865) instead of startIndex
	cursor               string // "" for the first page
}

// window is the part of a list that a client asks for (RFC 7644 section 3.4.2.4).
type window struct {
	start int // from 1
	count int
}

const (
	defaultCount = 100
	maxCount     = 200 // the most that one page holds; also how much is read at once
)

// parameters are the words of a search before they are understood. An integer is nil if it is not given.
type parameters struct {
	search
	sortOrder         string
	startIndex, count *int
}

// inAddress reads what a GET asks for.
func inAddress(query url.Values) (search, error) {
	p := parameters{sortOrder: query.Get("sortOrder")}
	p.attributes, p.excluded = strings.Join(query["attributes"], ","), strings.Join(query["excludedAttributes"], ",")
	p.filter, p.sortBy = query.Get("filter"), query.Get("sortBy")
	p.byCursor, p.cursor = query.Has("cursor"), query.Get("cursor")
	for _, name := range []string{"startIndex", "count"} {
		text := query.Get(name)
		if text == "" {
			continue
		}
		n, err := strconv.Atoi(text)
		if err != nil {
			return search{}, p.notWhole(name)
		}
		if name == "count" {
			p.count = &n
		} else {
			p.startIndex = &n
		}
	}
	return p.understand()
}

// inBody reads a SearchRequest.
func (x *exchange) inBody() (search, error) {
	object, err := x.read(x.limits.UserBody)
	if err != nil {
		return search{}, err
	}
	var p parameters
	known := false
	for key, value := range object {
		if value == nil {
			continue
		}
		switch directory.Fold(key) {
		case "schemas":
			known = namesSchema(value, searchURN)
		case "attributes":
			p.attributes, err = nameList(key, value)
		case "excludedattributes":
			p.excluded, err = nameList(key, value)
		case "filter":
			p.filter, err = text(key, value)
		case "sortby":
			p.sortBy, err = text(key, value)
		case "sortorder":
			p.sortOrder, err = text(key, value)
		case "cursor":
			p.byCursor = true
			p.cursor, err = text(key, value)
		case "startindex", "count":
			continue // below: whether a count is refused as one of cursor paging must be known
		default:
			if x.source.Strict {
				err = fault.New(fault.InvalidSyntax, "a SearchRequest has no attribute %q", key)
			}
		}
		if err != nil {
			return search{}, err
		}
	}
	if !known {
		return search{}, fault.New(fault.InvalidSyntax, "schemas must name %s", searchURN)
	}
	for key, value := range object {
		name, to := "startIndex", &p.startIndex
		switch directory.Fold(key) {
		case "startindex":
		case "count":
			name, to = "count", &p.count
		default:
			continue
		}
		if value == nil {
			continue
		}
		if *to = whole(value); *to == nil {
			return search{}, p.notWhole(name)
		}
	}
	return p.understand()
}

func namesSchema(value any, urn string) bool {
	list, _ := value.([]any)
	for _, element := range list {
		if s, ok := element.(string); ok && strings.EqualFold(s, urn) {
			return true
		}
	}
	return false
}

// nameList reads a list of attribute names; one text with commas, as it stands in addresses, is taken for one.
func nameList(key string, value any) (string, error) {
	if s, ok := value.(string); ok {
		return s, nil
	}
	list, ok := value.([]any)
	if !ok {
		return "", fault.New(fault.InvalidSyntax, "%s must be a list of attribute names", key)
	}
	names := make([]string, len(list))
	for i, element := range list {
		if names[i], ok = element.(string); !ok {
			return "", fault.New(fault.InvalidSyntax, "%s must be a list of attribute names", key)
		}
	}
	return strings.Join(names, ","), nil
}

func text(key string, value any) (string, error) {
	s, ok := value.(string)
	if !ok {
		return "", fault.New(fault.InvalidSyntax, "%s must be a string", key)
	}
	return s, nil
}

func whole(value any) *int {
	number, ok := value.(json.Number)
	if !ok {
		return nil
	}
	n, err := strconv.Atoi(number.String())
	if err != nil {
		return nil
	}
	return &n
}

func (p parameters) notWhole(name string) error {
	if p.byCursor && name == "count" {
		return fault.New(fault.InvalidCount, "count must be a whole number above 0")
	}
	return fault.New(fault.InvalidValue, "%s must be a whole number", name)
}

// understand checks what belongs together. A count above the largest page is cut down to it and never refused; in index paging 0 asks
// for the total alone.
func (p parameters) understand() (search, error) {
	s := p.search
	switch {
	case p.sortOrder == "" || strings.EqualFold(p.sortOrder, "ascending"):
	case strings.EqualFold(p.sortOrder, "descending"):
		s.descending = true
	default:
		return s, fault.New(fault.InvalidValue, "sortOrder must be ascending or descending")
	}
	s.window = window{start: 1, count: defaultCount}
	if p.startIndex != nil {
		s.window.start = min(max(*p.startIndex, 1), math.MaxInt32)
	}
	if p.count != nil {
		s.window.count = min(max(*p.count, 0), maxCount)
	}
	if !s.byCursor {
		return s, nil
	}
	if s.window.start > 1 {
		return s, fault.New(fault.InvalidValue, "startIndex and cursor exclude each other: send one of them")
	}
	if s.window.count == 0 {
		return s, fault.New(fault.InvalidCount, "count must be above 0: a page of a cursor holds 1 to %d resources", maxCount)
	}
	return s, nil
}

func (s *Server) listUsers(x *exchange) error  { return x.listAddressed(s.userCollection()) }
func (s *Server) listGroups(x *exchange) error { return x.listAddressed(s.groupCollection()) }

// listAll answers a query of the root, over all types of resources: users first.
func (s *Server) listAll(x *exchange) error {
	return x.listAddressed(s.userCollection(), s.groupCollection())
}

func (s *Server) searchUsers(x *exchange) error  { return x.listSearched(s.userCollection()) }
func (s *Server) searchGroups(x *exchange) error { return x.listSearched(s.groupCollection()) }

func (s *Server) searchAll(x *exchange) error {
	return x.listSearched(s.userCollection(), s.groupCollection())
}

func (x *exchange) listAddressed(collections ...collection) error {
	what, err := inAddress(x.query)
	if err != nil {
		return err
	}
	return x.list(what, collections)
}

func (x *exchange) listSearched(collections ...collection) error {
	what, err := x.inBody()
	if err != nil {
		return err
	}
	return x.list(what, collections)
}

// searchRoutes are requests that read although they are a POST.
func (s *Server) searchRoutes() []resourceRoute {
	return []resourceRoute{
		{http.MethodPost, Root + "/Users" + searchPath, s.searchUsers},
		{http.MethodPost, Root + "/Groups" + searchPath, s.searchGroups},
		{http.MethodPost, Root + searchPath, s.searchAll},
		{http.MethodGet, Root, s.listAll},
	}
}

const searchPath = "/.search"
