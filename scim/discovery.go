package scim

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/usher-scim/usher/scim/fault"
	"github.com/usher-scim/usher/scim/schema"
)

// The schemas of the discovery documents (RFC 7643 sections 5 to 7).
const (
	configURN       = "urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig"
	resourceTypeURN = "urn:ietf:params:scim:schemas:core:2.0:ResourceType"
	schemaURN       = "urn:ietf:params:scim:schemas:core:2.0:Schema"
)

const documentation = "https://github.com/usher-scim/usher"

// documentMeta is the meta of a discovery document; it has no version, for it changes with the program alone.
type documentMeta struct {
	ResourceType string `json:"resourceType"`
	Location     string `json:"location"`
}

type supported struct {
	Supported bool `json:"supported"`
}

type authenticationScheme struct {
	Type        string `json:"type"`
	Name        string `json:"name"`
	Description string `json:"description"`
	SpecURI     string `json:"specUri"`
	Primary     bool   `json:"primary"`
}

type serviceProviderConfig struct {
	Schemas          []string  `json:"schemas"`
	DocumentationURI string    `json:"documentationUri"`
	Patch            supported `json:"patch"`
	Bulk             struct {
		supported
		MaxOperations  int `json:"maxOperations"`
		MaxPayloadSize int `json:"maxPayloadSize"`
	} `json:"bulk"`
	Filter struct {
		supported
		MaxResults int `json:"maxResults"`
	} `json:"filter"`
	ChangePassword supported `json:"changePassword"`
	Sort           supported `json:"sort"`
	ETag           supported `json:"etag"`
	Pagination     struct {
		Cursor                  bool   `json:"cursor"`
		Index                   bool   `json:"index"`
		DefaultPaginationMethod string `json:"defaultPaginationMethod"`
		DefaultPageSize         int    `json:"defaultPageSize"`
		MaxPageSize             int    `json:"maxPageSize"`
		CursorTimeout           int    `json:"cursorTimeout"` // seconds
	} `json:"pagination"`
	AuthenticationSchemes []authenticationScheme `json:"authenticationSchemes"`
	Meta                  documentMeta           `json:"meta"`
}

// serviceProviderConfig says what runs, and nothing that does not.
func (s *Server) serviceProviderConfig(x *exchange) error {
	var c serviceProviderConfig
	c.Schemas, c.DocumentationURI = []string{configURN}, documentation
	c.Patch.Supported = true
	c.Bulk.Supported, c.Bulk.MaxOperations, c.Bulk.MaxPayloadSize = true, s.limits.BulkOperations, int(s.limits.BulkBody)
	c.Filter.Supported, c.Filter.MaxResults = true, maxCount
	c.Sort.Supported, c.ETag.Supported = true, true
	c.Pagination.Cursor, c.Pagination.Index, c.Pagination.DefaultPaginationMethod = true, true, "index"
	c.Pagination.CursorTimeout = int(s.cursors.timeout / time.Second)
	c.Pagination.DefaultPageSize, c.Pagination.MaxPageSize = defaultCount, maxCount
	c.AuthenticationSchemes = []authenticationScheme{{
		Type: "oauthbearertoken", Name: "Bearer token", Primary: true,
		Description: "A token that the administrator makes for this source, sent as Authorization: Bearer.",
		SpecURI:     "https://www.rfc-editor.org/info/rfc6750",
	}}
	c.Meta = documentMeta{"ServiceProviderConfig", x.base() + "/ServiceProviderConfig"}
	return x.sendDocument(c)
}

type resourceTypeDocument struct {
	Schemas     []string          `json:"schemas"`
	ID          string            `json:"id"`
	Name        string            `json:"name"`
	Description string            `json:"description"`
	Endpoint    string            `json:"endpoint"`
	Schema      string            `json:"schema"`
	Extensions  []schemaExtension `json:"schemaExtensions,omitempty"`
	Meta        documentMeta      `json:"meta"`
}

type schemaExtension struct {
	Schema   string `json:"schema"`
	Required bool   `json:"required"`
}

func (x *exchange) describeType(t *schema.ResourceType) resourceTypeDocument {
	d := resourceTypeDocument{
		Schemas: []string{resourceTypeURN}, ID: t.Name, Name: t.Name, Description: t.Description,
		Endpoint: t.Endpoint, Schema: t.Core.URN,
		Meta: documentMeta{"ResourceType", x.base() + "/ResourceTypes/" + t.Name},
	}
	for _, extension := range t.Extensions {
		d.Extensions = append(d.Extensions, schemaExtension{Schema: extension.URN})
	}
	return d
}

func (s *Server) discoveryRoutes() []resourceRoute {
	return []resourceRoute{
		{http.MethodGet, Root + "/ServiceProviderConfig", s.serviceProviderConfig},
		{http.MethodGet, Root + "/ResourceTypes", s.resourceTypes},
		{http.MethodGet, Root + "/ResourceTypes/:id", s.resourceType},
		{http.MethodGet, Root + "/Schemas", s.schemas},
		{http.MethodGet, Root + "/Schemas/:id", s.schema},
	}
}

func (s *Server) types() []*schema.ResourceType { return []*schema.ResourceType{s.users, s.groups} }

func (s *Server) resourceTypes(x *exchange) error {
	var documents []any
	for _, t := range s.types() {
		documents = append(documents, x.describeType(t))
	}
	return x.sendDocuments(documents)
}

func (s *Server) resourceType(x *exchange) error {
	for _, t := range s.types() {
		if t.Name == x.route.id {
			return x.sendDocument(x.describeType(t))
		}
	}
	return fault.Status(http.StatusNotFound, "there is no resource type of this name")
}

type schemaDocument struct {
	Schemas     []string            `json:"schemas"`
	ID          string              `json:"id"`
	Name        string              `json:"name"`
	Description string              `json:"description"`
	Attributes  []*schema.Attribute `json:"attributes"`
	Meta        documentMeta        `json:"meta"`
}

func (x *exchange) describeSchema(s *schema.Schema) schemaDocument {
	return schemaDocument{
		Schemas: []string{schemaURN}, ID: s.URN, Name: s.Name, Description: s.Description, Attributes: s.Attributes,
		Meta: documentMeta{"Schema", x.base() + "/Schemas/" + s.URN},
	}
}

func (s *Server) allSchemas() []*schema.Schema {
	var all []*schema.Schema
	for _, t := range s.types() {
		all = append(append(all, t.Core), t.Extensions...)
	}
	return all
}

func (s *Server) schemas(x *exchange) error {
	var documents []any
	for _, one := range s.allSchemas() {
		documents = append(documents, x.describeSchema(one))
	}
	return x.sendDocuments(documents)
}

func (s *Server) schema(x *exchange) error {
	for _, one := range s.allSchemas() {
		if strings.EqualFold(one.URN, x.route.id) {
			return x.sendDocument(x.describeSchema(one))
		}
	}
	return fault.Status(http.StatusNotFound, "there is no schema of this URN")
}

// sendDocument answers with a discovery document. A filter is refused, lest a client take what it gets for what matches; the other
// parameters of a query are passed over (RFC 7644 section 4).
func (x *exchange) sendDocument(document any) error {
	if x.query.Has("filter") {
		return fault.Status(http.StatusForbidden, "discovery documents cannot be filtered")
	}
	body, err := json.Marshal(document)
	if err != nil {
		return fmt.Errorf("write a discovery document: %w", err)
	}
	x.send(http.StatusOK, body)
	return nil
}

// sendDocuments answers with all documents of a kind.
func (x *exchange) sendDocuments(documents []any) error {
	return x.sendDocument(struct {
		Schemas      []string `json:"schemas"`
		TotalResults int      `json:"totalResults"`
		StartIndex   int      `json:"startIndex"`
		ItemsPerPage int      `json:"itemsPerPage"`
		Resources    []any    `json:"Resources"`
	}{[]string{listURN}, len(documents), 1, len(documents), documents})
}
