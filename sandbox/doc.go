// Package sandbox puts the stand-ins of all vendors on one listener, for the
// demo, for tests and for whoever wants to try the gateway without an account
// anywhere:
//
//	http://HOST/gorgias/api          base_url of a Gorgias connection
//	http://HOST/gorgias/oauth/token  its token endpoint
//	http://HOST/zoom/v2              base_url of a Zoom connection
//	http://HOST/zoom/oauth/token     its token_url
//	http://HOST/_sandbox/...         faults, log and state, see wire.Control
//
// How a vendor behaves is in sandbox/gorgias and sandbox/zoom, what they share in
// sandbox/wire. None of it imports a package of the gateway.
package sandbox
