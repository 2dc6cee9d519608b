package zoom

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestParsePhone(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ in, country, code, number string }{
		{"+43 5550 100", "AT", "+43", "5550100"},
		{"+43 (0) 5550-100", "AT", "+43", "5550100"},
		{" +49.30/901820 ", "DE", "+49", "30901820"},
		{"+1 415 555 0100", "US", "+1", "4155550100"},
		{"+1 (416) 555-0100", "CA", "+1", "4165550100"},
		{"+1 787 555 0100", "PR", "+1", "7875550100"},
		{"+44 20 7946 0000", "GB", "+44", "2079460000"},
		{"+420 224 000 000", "CZ", "+420", "224000000"},
		{"+7 495 000 0000", "RU", "+7", "4950000000"},
		{"+7 727 000 0000", "KZ", "+7", "7270000000"},
		{"+852 5555 0100", "HK", "+852", "55550100"},
	} {
		got, err := parsePhone(labelMobile, c.in)
		if want := (phone{c.country, c.code, c.number, labelMobile}); err != nil || got != want {
			t.Errorf("%q: got %+v, %v, want %+v", c.in, got, err, want)
		}
	}
	for _, c := range []struct{ in, says string }{
		{"", "begin with +"}, {"0664 5550100", "begin with +"}, {"004366455", "begin with +"},
		{"+43 call me", "only digits"}, {"+43٣٣٣٣٣٣", "only digits"}, {"+43", "6 to 15"}, {"+4355501001234567", "6 to 15"},
		{"+999 555 0100", "calling code"}, {"+0 555 0100", "calling code"},
	} {
		if got, err := parsePhone(labelMobile, c.in); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%q: got %+v, %v, want an error about %q", c.in, got, err, c.says)
		}
	}
}

// Whatever is accepted reads back as the same number.
func TestPhoneReadsBack(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		in := "+" + rapid.StringMatching(`[1-9][0-9]{5,14}`).Draw(t, "digits")
		p, err := parsePhone(labelOffice, in)
		if err != nil {
			return
		}
		if got := phoneString(p); got != in {
			t.Fatalf("got %q, want %q", got, in)
		}
		again, err := parsePhone(labelOffice, phoneString(p))
		if err != nil || again != p {
			t.Fatalf("got %+v, %v the second time, want %+v", again, err, p)
		}
	})
}

func FuzzParsePhone(f *testing.F) {
	for _, s := range []string{"+43 5550 100", "+1", "+", "", "+1 (416) 555-0100", "+7\u00a0727", "+\xff123456"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		p, err := parsePhone(labelFax, s)
		if err != nil {
			return
		}
		if p.Country == "" || len(p.Code) < 2 || p.Number == "" || strings.Trim(p.Code+p.Number, "+0123456789") != "" {
			t.Errorf("%q: got %+v", s, p)
		}
	})
}

func TestPhonesOfOthersStay(t *testing.T) {
	t.Parallel()
	office := phone{"AT", "+43", "5550100", labelOffice}
	mobile := phone{"AT", "+43", "5550200", labelMobile}
	home := phone{"AT", "+43", "5550300", labelHome}
	fax := phone{"AT", "+43", "5550400", labelFax}
	other := phone{"DE", "+49", "5550900", labelMobile}
	for name, c := range map[string]struct {
		have    []phone
		changes map[string]*phone
		want    []phone
	}{
		"first number":           {nil, map[string]*phone{labelOffice: &office}, []phone{office}},
		"replaces its label":     {[]phone{office, other}, map[string]*phone{labelMobile: &mobile}, []phone{mobile, office}},
		"clears its label":       {[]phone{office, mobile}, map[string]*phone{labelMobile: nil}, []phone{office}},
		"ours first, three fit":  {[]phone{office, home, fax}, map[string]*phone{labelMobile: &mobile}, []phone{mobile, office, home}},
		"clears the last":        {[]phone{office}, map[string]*phone{labelOffice: nil}, []phone{}},
		"four of ours, three go": {nil, map[string]*phone{labelOffice: &office, labelMobile: &mobile, labelHome: &home, labelFax: &fax}, []phone{office, mobile, home}},
	} {
		if diff := cmp.Diff(withPhones(c.have, c.changes), c.want); diff != "" {
			t.Errorf("%s (-got +want):\n%s", name, diff)
		}
	}
}
