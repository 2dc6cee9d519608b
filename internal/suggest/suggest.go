package suggest

import "strings"

// longest is the longest word, in bytes, that is compared; what is longer is no typing error of a key.
const longest = 64

// Nearest returns the known word that word most likely means, without regard to case: the
// nearest one by letters to change, else one that goes on where word stops. It returns "" when more
// than a third of the word and two letters would have to change. The first of several equally near ones wins.
func Nearest(word string, known []string) string {
	if len(word) > longest {
		return ""
	}
	best, bestAt := "", 1+max(2, len(word)/3)
	for _, k := range known {
		if d := distance(strings.ToLower(word), strings.ToLower(k)); d < bestAt {
			best, bestAt = k, d
		}
	}
	if best != "" || len(word) < 3 {
		return best
	}
	for _, k := range known {
		if strings.HasPrefix(strings.ToLower(k), strings.ToLower(word)) {
			return k
		}
	}
	return ""
}

// distance counts the single-byte changes from a to b (Levenshtein).
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost = 1 + min(diagonal, row[j], row[j+1])
			}
			diagonal, row[j+1] = row[j+1], cost
		}
	}
	return row[len(b)]
}
