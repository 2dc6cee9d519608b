package floor

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"
	"go.etcd.io/bbolt"
)

// User is what the floor server reads and keeps of a user: the fields that the benchmark's clients send.
type User struct {
	Schemas     []string `json:"schemas"`
	ID          string   `json:"id"`
	ExternalID  string   `json:"externalId,omitempty"`
	UserName    string   `json:"userName"`
	Name        Name     `json:"name"`
	DisplayName string   `json:"displayName,omitempty"`
	Emails      []Email  `json:"emails,omitempty"`
	Locale      string   `json:"locale,omitempty"`
	Active      bool     `json:"active"`
}

// Name is a user's name.
type Name struct {
	Given  string `json:"givenName,omitempty"`
	Family string `json:"familyName,omitempty"`
}

// Email is one address of a user.
type Email struct {
	Value   string `json:"value"`
	Type    string `json:"type,omitempty"`
	Primary bool   `json:"primary,omitempty"`
}

// Server keeps users in one bbolt file.
type Server struct {
	db     *bbolt.DB
	commit *committer
}

const (
	usersBucket = "users"
	namesBucket = "names"
)

var errTaken = errors.New("the userName is taken")

// Open opens or makes the file at path, with the options that store/bolt gives bbolt.
func Open(path string) (*Server, error) { return open(path, false, batchSize) }

// OpenUnsynced is Open for filling a file that nobody needs if the machine stops meanwhile: commits are
// not synced, and as many as shared writes share one.
func OpenUnsynced(path string, shared int) (*Server, error) { return open(path, true, shared) }

func open(path string, unsynced bool, shared int) (*Server, error) {
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{
		NoSync:          unsynced,
		InitialMmapSize: 1 << min(36, strconv.IntSize-2),
		NoFreelistSync:  true,
		FreelistType:    bbolt.FreelistMapType,
		NoStatistics:    true,
	})
	if err != nil {
		return nil, fmt.Errorf("opening %s: %w", path, err)
	}
	err = db.Update(func(tx *bbolt.Tx) error {
		_, usersErr := tx.CreateBucketIfNotExists([]byte(usersBucket))
		_, namesErr := tx.CreateBucketIfNotExists([]byte(namesBucket))
		return errors.Join(usersErr, namesErr)
	})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("preparing %s: %w", path, err), db.Close())
	}
	return &Server{db: db, commit: newCommitter(db, shared)}, nil
}

// Close closes the file. No request may be running or come afterwards.
func (s *Server) Close() error {
	s.commit.close()
	return s.db.Close()
}

// Handler serves POST /scim/v2/Users, which answers when the user is on disk, and GET /scim/v2/Users/ID.
func (s *Server) Handler() http.Handler {
	e := echo.New()
	e.POST("/scim/v2/Users", s.create)
	e.GET("/scim/v2/Users/:id", s.get)
	return e
}

func (s *Server) create(c echo.Context) error {
	var u User
	if err := json.NewDecoder(c.Request().Body).Decode(&u); err != nil || u.UserName == "" {
		return c.NoContent(http.StatusBadRequest)
	}
	data, err := s.add(&u)
	if errors.Is(err, errTaken) {
		return c.NoContent(http.StatusConflict)
	}
	if err != nil {
		return err
	}
	return c.JSONBlob(http.StatusCreated, data)
}

// Add gives a user an id, which it sets, and keeps it. It returns when the user is on disk.
func (s *Server) Add(u *User) error {
	_, err := s.add(u)
	return err
}

func (s *Server) add(u *User) ([]byte, error) {
	id, err := uuid.NewV7()
	if err != nil {
		return nil, err
	}
	u.ID = id.String()
	data, err := json.Marshal(u)
	if err != nil {
		return nil, err
	}
	key, name := []byte(u.ID), []byte(strings.ToLower(u.UserName))
	return data, s.commit.do(func(tx *bbolt.Tx) error {
		names := tx.Bucket([]byte(namesBucket))
		if names.Get(name) != nil {
			return errTaken
		}
		return errors.Join(names.Put(name, key), tx.Bucket([]byte(usersBucket)).Put(key, data))
	})
}

// get decodes and encodes what it reads, as a server that answers for its data does.
func (s *Server) get(c echo.Context) error {
	var u *User
	err := s.db.View(func(tx *bbolt.Tx) error {
		data := tx.Bucket([]byte(usersBucket)).Get([]byte(c.Param("id")))
		if data == nil {
			return nil
		}
		u = &User{}
		return json.Unmarshal(data, u)
	})
	if err != nil {
		return err
	}
	if u == nil {
		return c.NoContent(http.StatusNotFound)
	}
	return c.JSON(http.StatusOK, u)
}
