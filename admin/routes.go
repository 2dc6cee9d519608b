package admin

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/usher-scim/usher/alerts"
	"github.com/usher-scim/usher/audit"
	"github.com/usher-scim/usher/connections"
	"github.com/usher-scim/usher/directory"
	"github.com/usher-scim/usher/mapping/versions"
	"github.com/usher-scim/usher/provision"
	"github.com/usher-scim/usher/secrets"
)

// ActorHeader names the administrator who acts. The socket's file mode says who may
// speak at all; the name is what the audit shows.
const ActorHeader = "X-Usher-Actor"

// maxBody bounds a request's body, in bytes; a mapping document is the largest thing sent.
const maxBody = 2 << 20

// Services are what the API is made of.
type Services struct {
	Directory   *directory.Directory
	Mappings    *versions.Versions
	Connections *connections.Connections
	Engine      *provision.Engine
	// Administrators are the login names (or uids) of those who may speak to the API; empty: whoever reaches the socket, under
	// the name that the request gives. Where it is set, Peer's word counts and ActorHeader does not.
	Administrators []string
	Vault          *secrets.Vault
	Audit          *audit.Chain
	Alerts         *alerts.Alerts
	// Backup writes a consistent copy of the store.
	Backup func(ctx context.Context, w io.Writer) error
	// Backups says how the scheduled backups are; nil, or a nil answer: none are scheduled.
	Backups func() *BackupStatus
	Version string
	Started time.Time
	Logger  *slog.Logger
}

// New returns the API as a handler. Whoever serves it decides who can reach it.
func New(s Services) http.Handler {
	e := echo.New()
	e.HideBanner, e.HidePort = true, true
	e.HTTPErrorHandler = s.answerError
	e.Use(func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			c.Request().Body = http.MaxBytesReader(c.Response(), c.Request().Body, maxBody)
			return next(c)
		}
	})
	e.Use(s.known)
	v1 := e.Group("/api/v1")
	v1.GET("/version", s.version)

	v1.GET("/sources", s.sources)
	v1.POST("/sources", s.addSource)
	v1.POST("/sources/:name/rotate", s.rotateSource)
	v1.POST("/sources/:name/tokens", s.addToken)
	s.sourceRemovalRoutes(v1)
	s.migrationRoutes(v1)
	v1.DELETE("/sources/:name/denies/:user", s.clearDeny)

	v1.GET("/connections", s.listConnections)
	v1.PUT("/connections/:name", s.saveConnection)

	v1.GET("/mapping", s.exportMapping)
	v1.PUT("/mapping", s.applyMapping)
	v1.GET("/mapping/versions", s.mappingVersions)
	v1.POST("/mapping/plan", s.planMapping)
	v1.POST("/mapping/rollback", s.rollbackMapping)

	v1.GET("/status", s.status)
	v1.GET("/why", s.why)
	v1.GET("/apps/:app/accounts", s.accounts)
	v1.POST("/retry", s.retry)
	s.accountRoutes(v1)

	s.holdRoutes(v1)

	s.terminationRoutes(v1)
	s.switchRoutes(v1)
	s.undoRoutes(v1)
	s.rolloutRoutes(v1)

	v1.GET("/secrets", s.listSecrets)
	v1.PUT("/secrets/:name", s.setSecret)
	v1.DELETE("/secrets/:name", s.deleteSecret)

	v1.GET("/backup", s.backup)

	s.auditRoutes(v1)
	s.alertRoutes(v1)
	s.restoredRoutes(v1)
	return e
}

// VersionReply is what GET /version answers.
type VersionReply struct {
	Version string    `json:"version"`
	Started time.Time `json:"started"`
}

func (s Services) version(c echo.Context) error {
	return c.JSON(http.StatusOK, VersionReply{Version: s.Version, Started: s.Started})
}
