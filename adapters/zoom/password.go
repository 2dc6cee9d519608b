package zoom

import (
	"crypto/rand"
	"fmt"
	"io"
	"math/big"
	"strings"
)

const (
	lowers   = "abcdefghijkmnopqrstuvwxyz"
	uppers   = "ABCDEFGHJKLMNPQRSTUVWXYZ"
	digits   = "23456789"
	passSize = 24 // Zoom takes 8 to 32
)

// newPassword makes a password that Zoom's rule accepts: letters of both cases and
// digits in turn, so that no two neighbours are of one kind and no run can arise.
// Nobody ever learns it: the person sets an own one, or signs in with SSO.
func newPassword(random io.Reader) (string, error) {
	var b strings.Builder
	for i := range passSize {
		set := [...]string{lowers, uppers, digits}[i%3]
		n, err := rand.Int(random, big.NewInt(int64(len(set))))
		if err != nil {
			return "", fmt.Errorf("draw a password: %w", err)
		}
		b.WriteByte(set[n.Int64()])
	}
	return b.String(), nil
}
