// Package fault holds the one error type that the SCIM rooms answer clients with: a status, the scimType of
// RFC 7644 section 3.12 where there is one, and a sentence for a person. Package scim turns it into an Error body.
package fault
