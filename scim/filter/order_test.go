package filter_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/big"
	"testing"

	"pgregory.net/rapid"

	"github.com/usher-scim/usher/scim/filter"
)

// The bytes of two numbers have the order of the numbers, however they are written.
func TestNumbersOrderAsTheirBytes(t *testing.T) {
	t.Parallel()
	number := rapid.Custom(func(t *rapid.T) string {
		text := fmt.Sprint(rapid.Int64Range(-200, 200).Draw(t, "whole"))
		if rapid.Bool().Draw(t, "fraction") {
			text += "." + rapid.StringMatching(`[0-9]{1,4}`).Draw(t, "digits")
		}
		if rapid.Bool().Draw(t, "power") {
			text += rapid.SampledFrom([]string{"e", "E", "e+", "e-"}).Draw(t, "e") + fmt.Sprint(rapid.IntRange(0, 5).Draw(t, "exponent"))
		}
		return text
	})
	rapid.Check(t, func(t *rapid.T) {
		a, b := number.Draw(t, "a"), number.Draw(t, "b")
		x, ok1 := new(big.Rat).SetString(a)
		y, ok2 := new(big.Rat).SetString(b)
		if !ok1 || !ok2 {
			t.Fatalf("%s, %s: no numbers", a, b)
		}
		got := bytes.Compare(filter.AppendNumber(nil, json.Number(a)), filter.AppendNumber(nil, json.Number(b)))
		if want := x.Cmp(y); got != want {
			t.Fatalf("%s and %s: got %d, want %d", a, b, got, want)
		}
	})
	ascending := []string{"-1e999999999", "-1e400", "-0.55", "-0.5", "-1e-400", "0", "1e-999999999", "1e-400", "0.5", "0.55", "9", "10", "9007199254740993", "9007199254740994", "1e400"}
	for i := 1; i < len(ascending); i++ {
		if bytes.Compare(filter.AppendNumber(nil, json.Number(ascending[i-1])), filter.AppendNumber(nil, json.Number(ascending[i]))) >= 0 {
			t.Errorf("%s must stand before %s", ascending[i-1], ascending[i])
		}
	}
	if got, want := filter.AppendNumber(nil, "-0.0e5"), filter.AppendNumber(nil, "0"); !bytes.Equal(got, want) {
		t.Errorf("-0.0e5: got %x, want %x", got, want)
	}
}
