package mapping

import "slices"

// ranking orders an app's roles and, apart from them, its licences, the strongest first.
type ranking struct{ roles, licences []string }

// newRanking takes the document's order for whichever of the two it speaks of, and the app's own for the other. A word
// that the app knows as neither is a role of an app with open roles.
func newRanking(written []string, app AppInfo) ranking {
	r := sortRank(written, app)
	own := sortRank(app.Rank, app)
	if len(r.roles) == 0 {
		r.roles = own.roles
	}
	if len(r.licences) == 0 {
		r.licences = own.licences
	}
	return r
}

func sortRank(words []string, app AppInfo) ranking {
	var r ranking
	for _, word := range words {
		licence := slices.Contains(app.Licences, word)
		if licence {
			r.licences = append(r.licences, word)
		}
		if slices.Contains(app.Roles, word) || !licence {
			r.roles = append(r.roles, word)
		}
	}
	return r
}

// all is both orders as one list.
func (r ranking) all() []string {
	list := slices.Clone(r.roles)
	for _, licence := range r.licences {
		if !slices.Contains(list, licence) {
			list = append(list, licence)
		}
	}
	return list
}

// strongest returns the stronger of two words of one order. An empty word is the weakest; of two that the order does
// not know, which Compile refuses, it is the first by the alphabet, so that the answer hangs on nothing else.
func strongest(order []string, a, b string) string {
	if a == "" || b == "" || a == b {
		return max(a, b)
	}
	i, j := slices.Index(order, a), slices.Index(order, b)
	switch {
	case i < 0 && j < 0:
		return min(a, b)
	case j < 0 || i >= 0 && i < j:
		return a
	}
	return b
}

// stronger compares two words that one of the orders knows.
func (r ranking) stronger(a, b string) (stronger, known bool) {
	for _, order := range [][]string{r.roles, r.licences} {
		if i, j := slices.Index(order, a), slices.Index(order, b); i >= 0 && j >= 0 {
			return i < j, true
		}
	}
	return false, false
}
