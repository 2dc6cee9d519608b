package scim

import (
	"errors"
	"net"
	"net/http"
	"slices"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/usher-scim/usher/scim/fault"
)

// This file is all that knows echo: it turns routes into calls of answer, and echo's own errors into SCIM ones.

// handler answers one request; an error that it returns before it has written anything becomes an Error body.
type handler func(*exchange) error

func (s *Server) router() http.Handler {
	e := echo.New()
	e.IPExtractor = s.clientAddress()
	e.HTTPErrorHandler = s.unrouted
	e.Pre(withoutTrailingSlash)

	for _, r := range slices.Concat(s.discoveryRoutes(), s.resourceRoutes(), s.searchRoutes()) {
		e.Add(r.method, r.pattern, s.edge(r.handle))
		if r.method == http.MethodGet {
			e.Add(http.MethodHead, r.pattern, s.edge(r.handle)) // RFC 9110 section 9.3.2
		}
	}
	e.POST(Root+"/Bulk", s.edge(s.bulk))

	for _, method := range methods {
		e.Add(method, Root+"/Me", s.edge(s.me))
	}
	for _, method := range methods {
		for _, kind := range s.types() {
			if method != http.MethodPost { // else ".search" would be taken for the id of a resource
				e.Add(method, Root+kind.Endpoint+searchPath, s.edge(onlyPost))
			}
		}
	}
	return e
}

var methods = [...]string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete}

// onlyPost refuses the methods that a search does not take.
func onlyPost(x *exchange) error {
	x.w.Header().Set("Allow", http.MethodOptions+", "+http.MethodPost)
	return fault.Status(http.StatusMethodNotAllowed, "this path does not take %s, only POST", x.r.Method)
}

// resourceRoute is a request about resources, which may also stand in a bulk request.
type resourceRoute struct {
	method, pattern string
	handle          handler
}

func (s *Server) resourceRoutes() []resourceRoute {
	return []resourceRoute{
		{http.MethodPost, Root + "/Users", s.createUser},
		{http.MethodGet, Root + "/Users", s.listUsers},
		{http.MethodGet, Root + "/Users/:id", s.getUser},
		{http.MethodPut, Root + "/Users/:id", s.putUser},
		{http.MethodPatch, Root + "/Users/:id", s.patchUser},
		{http.MethodDelete, Root + "/Users/:id", s.deleteUser},
		{http.MethodPost, Root + "/Groups", s.createGroup},
		{http.MethodGet, Root + "/Groups", s.listGroups},
		{http.MethodGet, Root + "/Groups/:id", s.getGroup},
		{http.MethodPut, Root + "/Groups/:id", s.putGroup},
		{http.MethodPatch, Root + "/Groups/:id", s.patchGroup},
		{http.MethodDelete, Root + "/Groups/:id", s.deleteGroup},
	}
}

func (s *Server) edge(h handler) echo.HandlerFunc {
	return func(c echo.Context) error {
		s.answer(c.Response().Writer, c.Request(), route{pattern: c.Path(), id: c.Param("id"), client: c.RealIP()}, h)
		return nil
	}
}

// unrouted answers what echo found no handler for.
func (s *Server) unrouted(err error, c echo.Context) {
	var told *echo.HTTPError
	status := http.StatusNotFound
	if errors.As(err, &told) {
		status = told.Code
	}
	refusal := fault.Status(http.StatusNotFound, "there is nothing at this path; resources are at %s/Users and %s/Groups (case counts)", Root, Root)
	if status == http.StatusMethodNotAllowed {
		refusal = fault.Status(status, "this path does not take %s, only %s", c.Request().Method, c.Response().Header().Get("Allow"))
	}
	r := route{client: c.RealIP(), open: true}
	s.answer(c.Response().Writer, c.Request(), r, func(*exchange) error { return refusal })
}

// withoutTrailingSlash takes "/Users/" for "/Users", as some clients write it.
func withoutTrailingSlash(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		u := c.Request().URL
		if len(u.Path) > 1 {
			u.Path = strings.TrimSuffix(u.Path, "/")
			u.RawPath = strings.TrimSuffix(u.RawPath, "/")
		}
		return next(c)
	}
}

// clientAddress believes X-Forwarded-For from trusted proxies alone.
func (s *Server) clientAddress() echo.IPExtractor {
	if len(s.proxies) == 0 {
		return echo.ExtractIPDirect()
	}
	trust := []echo.TrustOption{echo.TrustLoopback(false), echo.TrustLinkLocal(false), echo.TrustPrivateNet(false)}
	for _, p := range s.proxies {
		p = p.Masked()
		trust = append(trust, echo.TrustIPRange(&net.IPNet{
			IP: p.Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), p.Addr().BitLen()),
		}))
	}
	return echo.ExtractIPFromXFFHeader(trust...)
}
