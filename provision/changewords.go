package provision

import (
	"slices"
	"strings"
)

// changes says in words what a plan does to an account that is kept.
func changes(s *Situation, steps []Step) string {
	var words []string
	for _, step := range steps {
		i := slices.IndexFunc(s.Accounts, func(a Account) bool { return a.ID == step.Account })
		if i < 0 {
			continue
		}
		words = append(words, stepWords(&s.Accounts[i], step)...)
	}
	return strings.Join(words, ", ")
}

func stepWords(a *Account, step Step) []string {
	var words []string
	change := func(what, from string, to *string) {
		switch {
		case to == nil:
		case from == "":
			words = append(words, what+" "+*to)
		default:
			words = append(words, what+" "+from+" → "+*to)
		}
	}
	switch step.Op {
	case OpUpdate:
		change("role", a.Role, step.Change.Role)
		change("licence", a.Licence, step.Change.Licence)
		change("address", a.Email, step.Change.Email)
		if n := len(step.Change.Attributes); n > 0 {
			names := make([]string, 0, n)
			for name := range step.Change.Attributes {
				names = append(names, name)
			}
			slices.Sort(names)
			words = append(words, "sets "+strings.Join(names, ", "))
		}
	case OpTeams:
		if len(step.Join) > 0 {
			words = append(words, "joins "+strings.Join(step.Join, ", "))
		}
		if len(step.Leave) > 0 {
			words = append(words, "leaves "+strings.Join(step.Leave, ", "))
		}
	case OpResume:
		words = append(words, "may sign in again")
	}
	return words
}
