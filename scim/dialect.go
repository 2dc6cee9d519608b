package scim

import "github.com/usher-scim/usher/directory"

// dialect is in what a kind of client departs from the RFCs. It is all that the code may ask about a client: no route looks
// at a kind. The zero dialect is the RFCs'.
type dialect struct {
	// ReplaceCreatesMissing: a replace through a filter that matches no element makes it, instead of 400 noTarget.
	// Entra does not look before it replaces.
	ReplaceCreatesMissing bool
	// EarlyReferences: members are named before they exist, and wait instead of being refused.
	EarlyReferences bool
	// ReactivateOnCreate: a POST that meets the client's own inactive user takes it up again, instead of 409.
	ReactivateOnCreate bool
	// ExtensionShorthand: "manager" and "department" without a URN mean the enterprise extension's.
	ExtensionShorthand bool
}

// dialectOf returns the dialect of a kind of source. A kind without one of its own speaks as the RFCs say.
//
// A leniency stands here only if an exchange or the vendor's documentation shows that the client needs it (docs/clients has the sources).
// ReactivateOnCreate is every identity provider's: to assign somebody again is to create her, and which of them looks for
// the inactive user first is known of few.
func dialectOf(kind directory.Kind) dialect {
	switch kind {
	case directory.Entra:
		return dialect{ReplaceCreatesMissing: true, EarlyReferences: true, ReactivateOnCreate: true, ExtensionShorthand: true}
	case directory.Okta, directory.OneLogin, directory.JumpCloud, directory.Rippling, directory.Google, directory.PingOne:
		return dialect{ReactivateOnCreate: true}
	default:
		return dialect{}
	}
}
