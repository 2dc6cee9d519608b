package scim

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/usher-scim/usher/directory"
	"github.com/usher-scim/usher/scim/bulk"
	"github.com/usher-scim/usher/scim/schema"
)

// Root is the path under which the routes stand.
const Root = "/scim/v2"

// Options are what a Server is made from. Directory and Now are required; the rest has defaults.
type Options struct {
	Directory *directory.Directory
	// PublicURL is what clients reach the server by, without Root ("https://usher.example"). When it is empty the
	// addresses in responses are made from each request.
	PublicURL string
	// TrustedProxies may say in X-Forwarded-For, -Proto and -Host who asked and what for. Nobody else is believed.
	TrustedProxies []netip.Prefix
	// Logger gets one line per request, and failures; default: none. Lines hold ids, never names, bodies or tokens.
	Logger *slog.Logger
	// Now is the clock that requests are timed and limited by.
	Now func() time.Time
	// NewID makes the ids of requests; default: random UUIDs.
	NewID func() uuid.UUID
	// Observe is told of each request when it is answered; route is the pattern ("/scim/v2/Users/:id"), "" for unknown ones.
	Observe func(method, route string, status int, took time.Duration)
	Limits  Limits
	// CursorKey seals the cursors of lists; any length, 32 random bytes are right. Servers that share it take each other's cursors. Without
	// one each server makes its own, and a cursor that it gave before a restart is answered 400 invalidCursor:
	// the client begins its list again.
	CursorKey []byte
	// CursorTimeout is how long a cursor can be used, in whole seconds; default one hour.
	CursorTimeout time.Duration
	// Schemas are an administrator's own extensions of users and groups.
	Schemas []CustomSchema
	// Status tells what became of a person in each app, for clients that ask for our extension; nil: there is no such extension.
	Status StatusFunc
}

// Limits bound what clients may send. A zero field has the default.
type Limits struct {
	UserBody  int64 // bytes of a request about a user; default 1 MiB
	GroupBody int64 // bytes of a request about a group; default 16 MiB
	BulkBody  int64 // bytes of a bulk request (maxPayloadSize); default 4 MiB
	// BulkOperations is how many operations a bulk request may have (maxOperations); default 1000.
	BulkOperations int
	// Scan is how many resources one list may look at where its filter asks for nothing that an index knows, or it is sorted; beyond,
	// the answer is 400 tooMany. Default 100,000.
	Scan int
	// RequestsPerSecond is how much each token may ask for, on average over Burst requests; more is answered 429. Zero: no
	// limit. Burst defaults to twice the rate. A bulk request counts as one.
	RequestsPerSecond float64
	Burst             int
}

const (
	defaultUserBody  = 1 << 20
	defaultGroupBody = 16 << 20
	defaultBulkBody  = 4 << 20

	defaultBulkOperations = 1000
)

// Server answers SCIM requests. It is safe for concurrent use and holds no data but the rate limiters' counts.
type Server struct {
	directory *directory.Directory
	public    string
	proxies   []netip.Prefix
	log       *slog.Logger
	now       func() time.Time
	newID     func() uuid.UUID
	observe   func(method, route string, status int, took time.Duration)
	limits    Limits
	status    StatusFunc // nil without our extension

	users  *schema.ResourceType
	groups *schema.ResourceType

	references bulk.Attributes // that may name other operations of a bulk request

	projections projections // that were compiled
	cursors     *cursors

	failures *limiters // of clients whose tokens are refused, by address
	tokens   *limiters // of tokens, by id; nil without a limit
}

// New compiles the schemas and returns a server; it fails if the options make no sense.
func New(o Options) (*Server, error) {
	if o.Directory == nil || o.Now == nil {
		return nil, errors.New("scim: a directory and a clock are required")
	}
	s := &Server{
		directory: o.Directory, public: strings.TrimRight(o.PublicURL, "/"), proxies: o.TrustedProxies,
		log: o.Logger, now: o.Now, newID: o.NewID, observe: o.Observe, limits: o.Limits,
		status: o.Status,
	}
	users, groups, err := extensions(o.Schemas)
	if err != nil {
		return nil, err
	}
	if s.status != nil {
		users = append(users, statusSchema())
	}
	s.users, s.groups = schema.User(users...), schema.Group(groups...)
	if s.public != "" {
		u, err := url.Parse(s.public)
		if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.RawQuery != "" || u.Fragment != "" {
			return nil, fmt.Errorf("scim: the public URL %q is not an http or https address", o.PublicURL)
		}
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	if s.newID == nil {
		s.newID = uuid.New
	}
	if s.observe == nil {
		s.observe = func(string, string, int, time.Duration) {}
	}
	if s.cursors, err = newCursors(o.CursorKey, o.CursorTimeout); err != nil {
		return nil, err
	}
	if s.limits.Scan <= 0 {
		s.limits.Scan = defaultScan
	}
	if s.limits.UserBody <= 0 {
		s.limits.UserBody = defaultUserBody
	}
	if s.limits.GroupBody <= 0 {
		s.limits.GroupBody = defaultGroupBody
	}
	if s.limits.BulkBody <= 0 {
		s.limits.BulkBody = defaultBulkBody
	}
	if s.limits.BulkOperations <= 0 {
		s.limits.BulkOperations = defaultBulkOperations
	}
	s.references = referring(s.types())
	s.failures = newLimiters(failuresPerSecond, failureBurst)
	if rate := s.limits.RequestsPerSecond; rate > 0 {
		if s.limits.Burst <= 0 {
			s.limits.Burst = max(1, int(2*rate))
		}
		s.tokens = newLimiters(rate, s.limits.Burst)
	}
	return s, nil
}

// Handler returns the routes under Root; anything else is a SCIM 404.
func (s *Server) Handler() http.Handler { return s.router() }
