package zoom

import (
	"fmt"
	"strings"
)

// The labels that phone fields are stored under.
const (
	labelOffice = "Office"
	labelMobile = "Mobile"
	labelHome   = "Home"
	labelFax    = "Fax"
)

// maxPhones is how many numbers Zoom keeps for a user.
const maxPhones = 3

// parsePhone splits a number in international form ("+43 555 0100") into what Zoom
// stores: country, calling code and the rest. Spaces, dots, slashes, hyphens and
// brackets are dropped, and with them the zero of a "(0)". Of the countries that
// share a calling code the largest is named.
func parsePhone(label, s string) (phone, error) {
	digits, ok := strings.CutPrefix(strings.TrimSpace(s), "+")
	if !ok {
		return phone{}, fmt.Errorf("the phone number must begin with + and the country's calling code")
	}
	digits = strings.ReplaceAll(digits, "(0)", "")
	digits = strings.Map(func(r rune) rune {
		if strings.ContainsRune(" \t\u00a0\u202f-./()\u2010\u2011\u2013", r) {
			return -1
		}
		return r
	}, digits)
	for _, r := range digits {
		if r < '0' || r > '9' {
			return phone{}, fmt.Errorf("the phone number may hold only digits after the +")
		}
	}
	// E.164 allows 15 digits with the calling code.
	if len(digits) < 6 || len(digits) > 15 {
		return phone{}, fmt.Errorf("the phone number must have 6 to 15 digits")
	}
	code, country := callingCode(digits)
	if code == "" {
		return phone{}, fmt.Errorf("the phone number begins with no known calling code")
	}
	return phone{Country: country, Code: "+" + code, Number: digits[len(code):], Label: label}, nil
}

// callingCode finds the calling code that digits begin with, and its country.
func callingCode(digits string) (code, country string) {
	if c, ok := northAmerica(digits); ok {
		return "1", c
	}
	if strings.HasPrefix(digits, "76") || strings.HasPrefix(digits, "77") {
		return "7", "KZ"
	}
	for n := 3; n >= 1; n-- {
		if len(digits) < n {
			continue
		}
		if c, ok := callingCodes[digits[:n]]; ok {
			return digits[:n], c
		}
	}
	return "", ""
}

// northAmerica tells the countries that share +1 apart by their area codes.
func northAmerica(digits string) (country string, ok bool) {
	if digits[0] != '1' {
		return "", false
	}
	if len(digits) >= 4 {
		if c, known := areaCodes[digits[1:4]]; known {
			return c, true
		}
	}
	return "US", true
}

// phoneString is the international form of p, as parsePhone takes it.
func phoneString(p phone) string {
	if p.Number == "" {
		return ""
	}
	return p.Code + p.Number
}

// withPhones returns the phone list of a user whose fields were set as changes says
// (by label, nil to clear): numbers under other labels stay, as far as three allow.
// Zoom replaces the whole list, so the whole list must be sent.
func withPhones(have []phone, changes map[string]*phone) []phone {
	out := make([]phone, 0, maxPhones)
	for _, label := range []string{labelOffice, labelMobile, labelHome, labelFax} {
		if p := changes[label]; p != nil {
			out = append(out, *p)
		}
	}
	for _, p := range have {
		if _, ours := changes[p.Label]; !ours && len(out) < maxPhones {
			out = append(out, p)
		}
	}
	return out[:min(len(out), maxPhones)]
}
