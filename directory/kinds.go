package directory

import (
	"fmt"
	"slices"
	"strings"
)

// Kinds lists the kinds that a source can be of, in the order in which people are told of them.
func Kinds() []Kind {
	return []Kind{Generic, Okta, Entra, OneLogin, JumpCloud, Rippling, Google, PingOne}
}

// ParseKind takes the name of a kind as somebody typed it; "" is Generic. Any other word is an *Error (Invalid) that lists the kinds. It is
// the one place where that is decided.
func ParseKind(name string) (Kind, error) {
	if name == "" {
		return Generic, nil
	}
	if kind := Kind(name); slices.Contains(Kinds(), kind) {
		return kind, nil
	}
	names := make([]string, 0, len(Kinds()))
	for _, kind := range Kinds() {
		names = append(names, string(kind))
	}
	last := len(names) - 1
	return "", &Error{Code: Invalid, Field: "kind", Message: fmt.Sprintf(
		"the kind %.64q is not one of %s and %s", name, strings.Join(names[:last], ", "), names[last])}
}
