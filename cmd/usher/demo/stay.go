package demo

import (
	"os"
	"os/exec"
	"path/filepath"
)

// block is a few lines to copy, and what they are for.
type block struct {
	what  string
	lines []string
}

// stay says where everything is and gives lines to try. They are not wrapped, so that they can be copied.
func stay(v *view, s *stage, w *week, token string) {
	v.heading("Still running", "try it; Ctrl-C ends it and removes everything")
	v.blank()
	v.table(nil, []int{14}, [][]string{
		{"SCIM", w.okta.base}, {"metrics", "http://" + s.gateway.AdminAddr() + "/metrics"},
		{"vendors", s.vendorsURL() + "/_sandbox/state"}, {"gateway's log", s.logFile.Name()},
	})
	for _, b := range blocks(s, w, token) {
		v.blank()
		v.paragraph(bold, b.what)
		for _, l := range b.lines {
			v.raw("  " + l)
		}
	}
	v.blank()
}

// blocks are the lines, each short enough for a narrow terminal; JSON may go over several.
func blocks(s *stage, w *week, token string) []block {
	const (
		curl      = `curl -sw "\n" -H "$AUTH" -H "$TYPE" `
		patchBody = `  -d '{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],`
	)
	ops := "http://" + s.gateway.AdminAddr()
	name, before := program()
	usher := name + " --data " + s.data() + " "
	return []block{
		{"Be Okta. Set these first:", []string{
			`SCIM=` + w.okta.base,
			`TOKEN=` + token,
			`AUTH="Authorization: Bearer $TOKEN"`,
			`TYPE="Content-Type: application/scim+json"`,
		}},
		{"List users:", []string{curl + `"$SCIM/Users?count=3"`}},
		{"Hire Max, put him into Support, and his account appears at Gorgias:", []string{
			`ID=$(` + curl + `$SCIM/Users \`,
			`  -d '{"userName":"max.maier@acme.example","displayName":"Max Maier",`,
			`       "emails":[{"value":"max.maier@acme.example","primary":true}],`,
			`       "active":true}' | grep -o '"id":"[^"]*"' | cut -d'"' -f4)`,
			curl + `-X PATCH \`,
			`  $SCIM/Groups/` + w.okta.groups["Support"] + ` \`,
			patchBody,
			`       "Operations":[{"op":"add","path":"members",`,
			`                      "value":[{"value":"'$ID'"}]}]}'`,
		}},
		{"Let Lee go. Gorgias follows; at Zoom the day's budget of three is used up, so a person is asked:", []string{
			curl + `-X PATCH \`,
			`  $SCIM/Users/` + w.cast.lee.id + ` \`,
			patchBody,
			`       "Operations":[{"op":"replace","value":{"active":false}}]}'`,
		}},
		{"Ask as the administrator, over the socket in the data folder:", append(before,
			usher+"status", usher+"holds", usher+"why lee.novak@acme.example zoom",
		)},
		{"See what the vendors have and what they were told:", []string{
			"curl -s " + s.vendorsURL() + "/_sandbox/state",
			"curl -s '" + s.vendorsURL() + "/_sandbox/calls?vendor=zoom'",
		}},
		{"Health and metrics:", []string{"curl -s " + ops + "/readyz", "curl -s " + ops + "/metrics | grep -E '^usher_(accounts|holds|queue|app)'"}},
	}
}

// program is how this binary is called from a shell. Where it is not found by its name, before is
// the line that makes it so.
func program() (name string, before []string) {
	self, err := os.Executable()
	if err != nil {
		return "usher", nil
	}
	name = filepath.Base(self)
	if found, err := exec.LookPath(name); err == nil && sameFile(found, self) {
		return name, nil
	}
	return name, []string{"PATH=$PATH:" + filepath.Dir(self)}
}

func sameFile(a, b string) bool {
	x, errX := os.Stat(a)
	y, errY := os.Stat(b)
	return errX == nil && errY == nil && os.SameFile(x, y)
}
