package provision

import (
	"strings"

	"github.com/usher-scim/usher/adapters"
)

// Words says in plain words what a failure of a kind is, with the title of the app in it, and what a person can do
// about it. The sentence has no full stop and names nobody. An adapter that knows a better way out says so itself (Failure.Fix),
// and that goes before the fix given here.
func Words(kind adapters.Kind, title string) (sentence, fix string) {
	switch kind {
	case adapters.Retry:
		return title + " asks to wait before the next call", "nothing: it goes on by itself"
	case adapters.Uncertain:
		return title + " did not answer clearly, so it is not known whether the work was done", "nothing: it is looked up before anything is sent again"
	case adapters.NotFound:
		return title + " does not show the account or team that the work is about", "see in " + title + " whether somebody removed it there"
	case adapters.AlreadyExists:
		return title + " says that the account exists already, and does not show it", "look for the address in " + title + ", also among invitations and deactivated users"
	case adapters.Conflict:
		return title + " refuses, because something else stands in the way there", "read what " + title + " says, and clear it there"
	case adapters.Invalid:
		return title + " refuses a value of this user", "correct the user at the identity provider, or the mapping"
	case adapters.Unauthorized:
		return "the connection to " + title + " may not do this, or its credentials do not work any more", "renew the credentials or their permissions at " + title + ", then usher connect"
	case adapters.NoSeat:
		return title + " has no free licence", "add seats, or take a licence from somebody who does not need it"
	case adapters.Protected:
		return title + " protects this account: an owner, a bot or the connection's own", "change it in " + title + " by hand, or leave it"
	case adapters.Unsupported:
		return title + " cannot do this through its API", "do it in " + title + " by hand, or change the mapping so that it is not asked for"
	case adapters.Unavailable:
		return title + " cannot be reached, or says that it is out of order", "nothing: it goes on by itself; if it lasts, look at " + title + "'s status page"
	default:
		return title + " answered something that is not understood", "read what " + title + " says"
	}
}

// appWide reports whether failures of this kind have one cause for all people of the app, so that they are one line.
func appWide(kind adapters.Kind) bool {
	switch kind {
	case adapters.Retry, adapters.Unauthorized, adapters.NoSeat, adapters.Unavailable:
		return true
	default:
		return false
	}
}

// cause names what failures share that are told together.
func (f *Failure) cause() string {
	if appWide(f.Kind) {
		return string(f.Kind)
	}
	return string(f.Kind) + " " + f.Text
}

// sameCause reports whether two errors' texts differ in nothing but what was being done when the error came: credentials
// that do not work any more are one thing, whichever call met it first.
func sameCause(a, b string) bool { return a == b || withoutOp(a) == withoutOp(b) }

func withoutOp(text string) string {
	if _, message, ok := strings.Cut(text, ": "); ok {
		return message
	}
	return text
}
