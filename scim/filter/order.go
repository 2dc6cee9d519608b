package filter

import (
	"encoding/binary"
	"encoding/json"
)

// AppendNumber writes a JSON number, taken exactly, so that the bytes of two numbers have the order of the numbers; equal
// numbers ("1", "1.0", "10e-1") have equal bytes.
func AppendNumber(dst []byte, n json.Number) []byte {
	const negative, zero, positive = 0, 1, 2
	d := parseDecimal(n.String())
	if d.digits == "" {
		return append(dst, zero)
	}
	sign := byte(positive)
	if d.negative {
		sign = negative
	}
	dst = append(dst, sign)
	start := len(dst)
	dst = binary.BigEndian.AppendUint64(dst, uint64(d.exponent)^1<<63) //nolint:gosec // the bits, with the sign turned so that they order
	dst = append(append(dst, d.digits...), 0)
	if d.negative { // the larger it is without its sign, the smaller it is
		for i := start; i < len(dst); i++ {
			dst[i] = ^dst[i]
		}
	}
	return dst
}
