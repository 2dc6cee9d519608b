package mapping_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/usher-scim/usher/directory"
	"github.com/usher-scim/usher/mapping"
)

const enterprise = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"

// kim has an attribute of every form; nobody has none.
func kim() *directory.Person {
	p := person()
	p.Profile = map[string]any{
		"displayName": "Kim Lee", "title": "Engineer", "userType": "Employee", "timezone": "Europe/Paris", "nickName": "",
		"profileUrl":   42.0, // not what the schema says: counts as absent
		"name":         map[string]any{"givenName": "Kim", "familyName": "Lee"},
		"addresses":    []any{map[string]any{"country": "DE"}, map[string]any{"country": "FR", "primary": true}},
		"phoneNumbers": []any{map[string]any{"value": "+1"}, map[string]any{"value": "+2", "primary": true}},
		"roles":        []any{map[string]any{"value": "Lead"}, "Plain"},
		enterprise:     map[string]any{"department": "R&D", "manager": map[string]any{"value": "m-1", "displayName": "Ann"}},
		"urn:acme:1": map[string]any{"badge": "B7", "floor": 3.0, "remote": true, "deep": map[string]any{"x": 1},
			"costCenters": []any{"C1", "", 7.0, "C2"}, "levels": []any{1.5, 2.0}, "since": 5.0,
			"building":     map[string]any{"name": "HQ", "floor": 3.0, "doors": []any{"N"}},
			"certificates": []any{map[string]any{"value": "iso", "level": 1.0}, map[string]any{"value": "soc", "primary": true}},
		},
	}
	return p
}

func nobody() *directory.Person {
	return &directory.Person{ID: id("nobody"), UserName: "nobody", Active: true}
}

// profile runs an expression as a profile entry; "∅" is a field that is left out.
func profile(t *testing.T, source string, p *directory.Person) string {
	t.Helper()
	m := bound(t, one(fmt.Sprintf("connection: zoom-prod\ngrants: [{person: kim@acme.example}, {person: nobody}]\nprofile: {dept: %q}", source)), okta)
	value, ok := want(t, m, "zoom", p, now).Profile["dept"]
	if !ok {
		return "∅"
	}
	return value
}

// applies runs an expression as the `when` of a grant.
func applies(t *testing.T, source string, p *directory.Person) bool {
	t.Helper()
	m := bound(t, one(fmt.Sprintf("connection: zoom-prod\ngrants: [{person: kim@acme.example, when: %q}, {person: nobody, when: %q}]", source, source)), okta)
	return want(t, m, "zoom", p, now).Wanted
}

func TestExpressionsGiveText(t *testing.T) {
	t.Parallel()
	tests := []struct{ source, kim, nobody string }{
		{`user.displayName`, "Kim Lee", "∅"},
		{`user.nickName ?? "no nickname"`, "no nickname", "no nickname"},
		{`user.profileUrl`, "∅", "∅"},
		{`user.userName`, "Kim@acme.example", "nobody"},
		{`user.email`, "kim@acme.example", "∅"},
		{`last(split(user.email ?? "", "@"))`, "acme.example", ""},
		{`first(user.emails)`, "kim@acme.example", "∅"},
		{`user.country`, "FR", "∅"},
		{`user.address.country`, "FR", "∅"},
		{`user.phone`, "+2", "∅"},
		{`user.givenName`, "Kim", "∅"},
		{`user.name.givenName != nil && user.familyName != nil ? user.name.givenName + " " + user.familyName : user.userName`, "Kim Lee", "nobody"},
		{`user.department ?? user.title ?? "none"`, "R&D", "none"},
		{`user.manager`, "m-1", "∅"},
		{`user.managerName`, "Ann", "∅"},
		{`user["urn:acme:1"]?.badge != nil ? string(user["urn:acme:1"].badge) : nil`, "B7", "∅"},
		{`string(user["urn:acme:1"]?.floor ?? 0)`, "3", "0"},
		{`user["urn:acme:1"].badge`, "B7", "∅"},
		{`user["urn:acme:1"]["badge"] ?? "none"`, "B7", "none"},
		{`user["urn:acme:1"].since`, "∅", "∅"}, // not what the schema says: counts as absent
		{`first(user["urn:acme:1"].costCenters)`, "C1", "∅"},
		{`last(user["urn:acme:1"].costCenters)`, "C2", "∅"},
		{`string(len(user["urn:acme:1"].levels))`, "2", "0"},
		{`user["urn:acme:1"].building.name`, "HQ", "∅"},
		{`first(user["urn:acme:1"].building.doors)`, "N", "∅"},
		{`first(user["urn:acme:1"].certificates.value)`, "soc", "∅"}, // the primary one
		{`string(len(user["urn:acme:1"].certificates.level))`, "1", "0"},
		{`user["` + enterprise + `"]?.department ?? ""`, "R&D", ""},
		{`user["` + enterprise + `"].manager.displayName`, "Ann", "∅"},
		{`if user.country in ["FR", "DE"] { "fr" } else { "en" }`, "fr", "en"},
		{`lower(trim(user.userName))`, "kim@acme.example", "nobody"},
		{`user.displayName ?? "" | upper()`, "KIM LEE", ""},
		{`user.title == nil ? "?" : user.title`, "Engineer", "?"},
		{`nil`, "∅", "∅"},
	}
	for _, test := range tests {
		t.Run(test.source, func(t *testing.T) {
			t.Parallel()
			if got := profile(t, test.source, kim()); got != test.kim {
				t.Errorf("kim: got %q, want %q", got, test.kim)
			}
			if got := profile(t, test.source, nobody()); got != test.nobody {
				t.Errorf("nobody: got %q, want %q", got, test.nobody)
			}
		})
	}
}

func TestExpressionsDecide(t *testing.T) {
	t.Parallel()
	tests := []struct {
		source      string
		kim, nobody bool
	}{
		{`user.country == "FR"`, true, false},
		{`user.country != "FR"`, false, true},
		{`user.country in ["FR", "DE"]`, true, false},
		{`user.nickName in ["", "x"]`, false, false}, // absent is not the empty string
		{`user.country not in ["FR"]`, false, true},
		{`"Lead" in user.roles and "Plain" in user.roles`, true, false},
		{`user.active`, true, true},
		{`user.title != nil && user.title startsWith "Eng"`, true, false},
		{`!(user.title == nil) && user.title matches "^E.*r$"`, true, false},
		{`user.title == nil || user.title contains "gin"`, true, true},
		{`user.title == "Engineer" && user.title endsWith "er"`, true, false},
		{`(user.title ?? "") < "F"`, true, true},
		{`len(user.emails) > 1`, true, false},
		{`len(user.displayName ?? "") + 1 >= 8`, true, false},
		{`user["urn:acme:1"]?.remote == true`, true, false},
		{`user["urn:acme:1"].floor == 3`, true, false},
		{`(user["urn:acme:1"].floor ?? 0) > 2`, true, false},
		{`user["urn:acme:1"].floor != nil && user["urn:acme:1"].floor > 2`, true, false},
		{`"C1" in user["urn:acme:1"].costCenters`, true, false},
		{`2 in user["urn:acme:1"].levels`, true, false},
		{`"iso" in user["urn:acme:1"].certificates.value`, true, false},
		{`user["urn:acme:1"].building.floor in [3, 4]`, true, false},
		{`hasSuffix(user.userName, "@acme.example")`, true, false},
		{`true`, true, true},
	}
	for _, test := range tests {
		t.Run(test.source, func(t *testing.T) {
			t.Parallel()
			if got := applies(t, test.source, kim()); got != test.kim {
				t.Errorf("kim: got %v, want %v", got, test.kim)
			}
			if got := applies(t, test.source, nobody()); got != test.nobody {
				t.Errorf("nobody: got %v, want %v", got, test.nobody)
			}
		})
	}
}

// Every row is a `when`; the place is inside the expression, whose first character is column 1.
func TestExpressionsThatDoNotCompile(t *testing.T) {
	t.Parallel()
	tests := []struct{ source, want string }{
		{`user.title startsWith "A"`, `1: user.title may be absent: write user.title ?? "" or test it first`},
		{`user.title + "x" == "y"`, `1: user.title may be absent: write user.title ?? "" or test it first`},
		{`"x" < user.country`, `7: user.country may be absent: write user.country ?? "" or test it first`},
		{`user.title matches "x"`, `1: user.title may be absent: write user.title ?? "" or test it first`},
		{`lower(user.email) == "x"`, `7: user.email may be absent: write user.email ?? "" or test it first`},
		{`first(user.emails) contains "x"`, `1: first(…) may be absent: write (…) ?? ""`},
		{`user.title != nil || user.title startsWith "A"`, `22: user.title may be absent: write user.title ?? "" or test it first`},
		{`user.title == nil && user.title startsWith "A"`, `22: user.title may be absent: write user.title ?? "" or test it first`},
		{`(user.title != nil && user.active) || user.title startsWith "A"`, `39: user.title may be absent: write user.title ?? "" or test it first`},
		{`user.title`, `1: true or false is needed here, but user.title is text`},
		{`"yes"`, `1: true or false is needed here, but "yes" is text`},
		{`nil`, `1: nil cannot be used here`},
		{`user.countri == "FR"`, `6: user has no attribute countri; did you mean country?`},
		{`country == "FR"`, `1: unknown name country: write user.country, or "country" if the word itself is meant`},
		{`user.country == FR`, `17: unknown name FR: expressions see user alone; write "FR" if the word itself is meant`},
		{`user.active == "true"`, `13: true or false cannot be equal to text`},
		{`user.title in "Engineer"`, `15: a list is needed here, but "Engineer" is text`},
		{`user.title in [1, 2]`, `12: text cannot be in a list of a number`},
		{`user.title in ["a", 2]`, `21: a list holds values of one type, but this one mixes text and a number`},
		{`user.name == "Kim"`, `1: user.name is an object and can be compared with nil alone`},
		{`user.title.x == nil`, `12: user.title is text and has no attribute x`},
		{`user.emails[0] == "x"`, `1: an element of a list may not be there: write first(user.emails) or last(user.emails)`},
		{`user.userName[0:2] == "ki"`, `14: slices are not allowed`},
		{`any(user.emails, # == "x")`, `1: the function any is not available; there are first, hasPrefix, hasSuffix, last, len, lower, split, string, trim, trimPrefix, trimSuffix and upper`},
		{`now() == nil`, `1: the function now is not available; there are first, hasPrefix, hasSuffix, last, len, lower, split, string, trim, trimPrefix, trimSuffix and upper`},
		{`repeat("x", 1000000) == ""`, `1: the function repeat is not available; there are first, hasPrefix, hasSuffix, last, len, lower, split, string, trim, trimPrefix, trimSuffix and upper`},
		{`let x = 1; x == 1`, `5: an expression is one value: variables and sequences are not allowed`},
		{`1; true`, `1: an expression is one value: variables and sequences are not allowed`},
		{`1 in 1..1000000`, `7: the operator .. is not allowed`},
		{`len(user.emails) * 2 > 2`, `18: the operator * is not allowed`},
		{`{"a": 1} == nil`, `1: this is not allowed in a mapping's expressions`},
		{`$env == nil`, `1: unknown name $env: expressions see user alone; write "$env" if the word itself is meant`},
		{`user.userName matches user.userName`, `23: the pattern of matches must be written out in quotes`},
		{`user.userName matches "("`, "23: the pattern of matches is no regular expression: error parsing regexp: missing closing ): `(`"},
		{`len() > 1`, `1: len takes 1 argument(s), but is given 0`},
		{`user.active ? user.active : "x"`, `1: the two outcomes of this condition are true or false and text: they must be of one type`},
		{`(user.title ?? 1) == 1`, `13: the two sides of ?? are text and a number: they must be of one type`},
		{`user.userName.lower()`, `15: methods cannot be called`},
	}
	for _, test := range tests {
		t.Run(test.source, func(t *testing.T) {
			t.Parallel()
			_, err := mapping.Parse([]byte("version: 1\npeople:\n  exclude: |-\n    " + test.source + "\n"))
			if err == nil {
				t.Fatal("compiles")
			}
			column, message, _ := strings.Cut(test.want, ": ")
			var n int
			if _, scanned := fmt.Sscan(column, &n); scanned != nil {
				t.Fatal(scanned)
			}
			if got, want := err.Error(), fmt.Sprintf("mapping.yaml:4:%d: people.exclude: %s", n+4, message); got != want {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
		})
	}
}

// Every row is a `when` again. What extensions hold is known when a document meets the catalogue.
func TestCustomAttributesThatDoNotCompile(t *testing.T) {
	t.Parallel()
	const known = `known are urn:acme:1 and ` + enterprise + `; an extension of users is known when the setting schemas names its file`
	tests := []struct{ source, want string }{
		{`user["urn:acme:1"].badge startsWith "x"`, `1: user["urn:acme:1"].badge may be absent: write user["urn:acme:1"].badge ?? "" or test it first`},
		{`user["urn:acme:1"]?.floor > 2`, `1: user["urn:acme:1"].floor may be absent: write user["urn:acme:1"].floor ?? 0 or test it first`},
		{`user["urn:acme:1"].remote`, `1: user["urn:acme:1"].remote may be absent: write user["urn:acme:1"].remote ?? false or test it first`},
		{`user["urn:acme:1"].building.floor > 2`, `1: user["urn:acme:1"].building.floor may be absent: write user["urn:acme:1"].building.floor ?? 0 or test it first`},
		{`user["urn:acme:1"].bagde == "x"`, `20: user["urn:acme:1"] has no attribute bagde; did you mean badge?`},
		{`user["urn:acme:1"].building.flor == 1`, `29: user["urn:acme:1"].building has no attribute flor; did you mean floor?`},
		{`user["urn:acme:2"].badge == "x"`, `6: there is no extension schema urn:acme:2; did you mean urn:acme:1?; an extension of users is known when the setting schemas names its file`},
		{`user["urn:other:thing:3"]?.badge == "x"`, `6: there is no extension schema urn:other:thing:3; ` + known},
		{`user["urn:acme:1"].badge == 7`, `26: text cannot be equal to a number`},
		{`7 in user["urn:acme:1"].costCenters`, `3: a number cannot be in a list of text`},
		{`user["urn:acme:1"].costCenters == "C1"`, `1: user["urn:acme:1"].costCenters is a list and can be compared with nil alone`},
		{`user["urn:acme:1"].building == "HQ"`, `1: user["urn:acme:1"].building is an object and can be compared with nil alone`},
		{`user["urn:acme:1"] != nil`, `1: user["urn:acme:1"] is never nil, whatever a person has: compare one of its attributes`},
		{`first(user["urn:acme:1"].levels) == nil`, `7: first takes a list of text`},
		{`"iso" in user["urn:acme:1"].certificates`, `10: a list is needed here, but user["urn:acme:1"].certificates is an object`},
	}
	for _, test := range tests {
		t.Run(test.source, func(t *testing.T) {
			t.Parallel()
			doc, err := mapping.Parse([]byte("version: 1\npeople:\n  exclude: |-\n    " + test.source + "\n"))
			if err != nil {
				t.Fatalf("the parser knows no schemas, but says: %v", err)
			}
			_, err = mapping.Compile(doc, apps(), both)
			if err == nil {
				t.Fatal("compiles")
			}
			column, message, _ := strings.Cut(test.want, ": ")
			var n int
			if _, scanned := fmt.Sscan(column, &n); scanned != nil {
				t.Fatal(scanned)
			}
			if got, want := err.Error(), fmt.Sprintf("mapping.yaml:4:%d: people.exclude: %s", n+4, message); got != want {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
		})
	}
}

// Whatever compiles runs on a person with everything and on one with nothing.
func FuzzExpression(f *testing.F) {
	for _, seed := range []string{
		`user.country == "FR"`, `user["urn:acme:1"].building.floor ?? 1 == 2`, `"x" in user["urn:acme:1"].certificates.value`, `user.title != nil && user.title startsWith "E"`, `user["urn:acme:1"]?.badge ?? 1 == 2`,
		`first(split(user.email ?? "", "@")) ?? "x" in user.roles`, `not (user.active ? user.active : len(user.emails) > -2)`,
		`string(user["urn:x:y"]?.a ?? "") + lower("A") <= trim(user.userName, "k")`, `user.name?.givenName?.x`, `1 < 2 < 3`, `"\xff" in [""]`,
		`if true { [] } else { ["a"] } == nil`, `(user.roles ?? []) == nil`, `user.title ?: true`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, source string) {
		quoted := strings.ReplaceAll(source, "'", "''")
		if strings.ContainsAny(source, "\n\r") {
			return
		}
		doc, err := mapping.Parse([]byte("version: 1\npeople: {exclude: '" + quoted + "'}\napps: {zoom: {connection: zoom-prod}}\n"))
		if err != nil {
			return
		}
		compiled, err := mapping.Compile(doc, apps(), both)
		if err != nil {
			if strings.Contains(source, "urn:") || strings.Contains(source, "URN:") {
				return // an extension that there is not, or not so
			}
			t.Fatalf("Compile: %v", err)
		}
		for _, p := range []*directory.Person{kim(), nobody()} {
			if _, err := compiled.With(1, nil).Want("zoom", p, now); err != nil {
				t.Errorf("%s compiles, but fails: %v", source, err)
			}
		}
	})
}
