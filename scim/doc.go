// Package scim speaks SCIM 2.0 (RFC 7643, RFC 7644, RFC 9865) to identity providers and HR systems: routes, tokens, bodies, lists, errors,
// discovery, and the dialects in which real clients depart from the RFCs. Each request becomes one call of
// package directory, which holds all data; nothing of apps or mappings is known here.
//
// What the words on the wire mean is worked out in packages of their own, pure and without HTTP: scim/body reads JSON strictly,
// scim/schema knows the attributes, scim/filter the filter and path language, scim/patch the operations of a PATCH,
// scim/bulk what a bulk request asks and in which order it can be done, scim/fault what a client may be told. Start with Server in server.go, then users.go.
//
// What a list is asked for stands in search.go, in the address or in a body; list.go answers it, from the order of ids alone where it
// can, else from list_scan.go, which looks at all candidates within a bound and keeps one page. sort.go has the order, cursor.go the
// place in it between two pages (RFC 9865), projection.go what is returned of a resource, precondition.go what a client may ask of its
// version. bulk.go carries out many operations in one request, custom.go reads an administrator's own schemas, status.go tells what became of a
// user in the apps, and dialect.go has all that the kind of a client changes.
package scim
