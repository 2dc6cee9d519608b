package mapping

import (
	"slices"
	"strings"

	"github.com/usher-scim/usher/directory"
)

// receiver is the compiled expression of a Transfer's `to` or `else`; an address needs none.
type receiver struct {
	value *Expression
	sees  *view
}

// Receivers returns who may receive the data of p, the first choice first: person ids or external ids, as the
// directory writes a manager, and e-mail addresses. `to` stands before `else`; the leaver is never among them. It is
// empty when neither gives anybody, and the caller then has to hold the removal.
func (t *Transfer) Receivers(p *directory.Person) []string {
	var refs []string
	for _, ref := range []string{t.to.reference(t.To, p), t.otherwise.reference(t.Else, p)} {
		if ref != "" && !isPerson(p, ref) && !slices.ContainsFunc(refs, func(have string) bool { return strings.EqualFold(have, ref) }) {
			refs = append(refs, ref)
		}
	}
	return refs
}

// reference is "" when the receiver is left out or its expression gives nobody.
func (r *receiver) reference(written string, p *directory.Person) string {
	if r == nil {
		if address.MatchString(written) {
			return written
		}
		return ""
	}
	ref, _, err := r.value.evalText(r.sees.of(p))
	if err != nil {
		return "" // gives nobody: the transfer goes to `else`, or is held
	}
	return strings.TrimSpace(ref)
}

func (r Receiver) compiled(sees *view) *receiver {
	if r.value == nil {
		return nil
	}
	return &receiver{value: r.value, sees: sees}
}

// isPerson says whether a reference names p: by id, userName or an e-mail address.
func isPerson(p *directory.Person, ref string) bool {
	same := func(s string) bool { return s != "" && strings.EqualFold(s, ref) }
	return same(p.ID.String()) || same(p.UserName) || slices.ContainsFunc(p.Emails, same)
}
