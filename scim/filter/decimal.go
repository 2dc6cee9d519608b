package filter

import (
	"cmp"
	"math"
	"strconv"
	"strings"
)

// decimal is a JSON number taken exactly: 0.digits × 10^exponent. It is compared without being expanded, so that 1e999999999
// costs no more than 1.
type decimal struct {
	negative bool
	digits   string // without zeros at either end; empty for zero
	exponent int64
}

// parseDecimal takes text that is a JSON number.
func parseDecimal(text string) decimal {
	text, negative := strings.CutPrefix(text, "-")
	mantissa, power := text, int64(0)
	if i := strings.IndexAny(text, "eE"); i >= 0 {
		mantissa = text[:i]
		power = exponent(text[i+1:])
	}
	whole, fraction, _ := strings.Cut(mantissa, ".")
	digits := strings.TrimLeft(whole+fraction, "0")
	lead := int64(len(whole) - (len(whole) + len(fraction) - len(digits)))
	digits = strings.TrimRight(digits, "0")
	if digits == "" {
		return decimal{}
	}
	return decimal{negative: negative, digits: digits, exponent: lead + power}
}

// exponent reads an exponent; one too large to mean anything stays at the largest that can still be added to.
func exponent(text string) int64 {
	const most = math.MaxInt64 / 2
	n, err := strconv.ParseInt(strings.TrimPrefix(text, "+"), 10, 64)
	if err != nil {
		n = most
		if strings.HasPrefix(text, "-") {
			n = -most
		}
	}
	return max(-most, min(most, n))
}

// compare returns the order of d and e: negative, zero or positive.
func (d decimal) compare(e decimal) int {
	sign := func(x decimal) int {
		switch {
		case x.digits == "":
			return 0
		case x.negative:
			return -1
		default:
			return 1
		}
	}
	if s, t := sign(d), sign(e); s != t || s == 0 {
		return cmp.Compare(s, t)
	}
	order := cmp.Compare(d.exponent, e.exponent)
	if order == 0 {
		order = strings.Compare(d.digits, e.digits)
	}
	if d.negative {
		return -order
	}
	return order
}
