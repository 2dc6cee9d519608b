package zoom

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/usher-scim/usher/adapters"
)

func TestCreateSplit(t *testing.T) {
	t.Parallel()
	first, later := splitCreate(map[string]string{
		"first_name": "Mara", "last_name": "Lindt", "display_name": "Mara Lindt",
		"dept": "Support", "job_title": "Agent", "timezone": "Europe/Vienna", "language": "", "phone": "+435550100",
	})
	wantFirst := map[string]string{"first_name": "Mara", "last_name": "Lindt", "display_name": "Mara Lindt"}
	wantLater := map[string]string{"dept": "Support", "job_title": "Agent", "timezone": "Europe/Vienna", "phone": "+435550100"}
	if diff := cmp.Diff([]any{first, later}, []any{wantFirst, wantLater}); diff != "" {
		t.Errorf("(-got +want):\n%s", diff)
	}
}

func TestPatchSendsWhatDiffers(t *testing.T) {
	t.Parallel()
	u := user{FirstName: "Mara", Dept: "Support", Timezone: "Europe/Vienna", Phones: []phone{{"AT", "+43", "5550100", labelOffice}}}
	for name, c := range map[string]struct {
		set  map[string]string
		want string
	}{
		"nothing named":                    {nil, `null`},
		"all as it is":                     {map[string]string{"first_name": "Mara", "dept": "Support"}, `null`},
		"one differs":                      {map[string]string{"first_name": "Mara", "dept": "Sales"}, `{"dept":"Sales"}`},
		"cleared":                          {map[string]string{"dept": ""}, `{"dept":""}`},
		"cannot be cleared":                {map[string]string{"timezone": "", "language": "", "manager": ""}, `null`},
		"the same phone written otherwise": {map[string]string{"phone": "+43 (0)5550 100"}, `null`},
		"a second phone":                   {map[string]string{"mobile": "+43 5550 200"}, `{"phone_numbers":[{"country":"AT","code":"+43","number":"5550200","label":"Mobile"},{"country":"AT","code":"+43","number":"5550100","label":"Office"}]}`},
		"the phone cleared":                {map[string]string{"phone": ""}, `{"phone_numbers":[]}`},
	} {
		got, err := json.Marshal(patchOf(u, differing(u, c.set)))
		if err != nil || string(got) != c.want {
			t.Errorf("%s: got %s, %v, want %s", name, got, err, c.want)
		}
	}
}

func TestAttributesAreCheckedBeforeAnythingIsSent(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, value, says string }{
		{"firstname", "Mara", `no field "firstname"`},
		{"first_name", strings.Repeat("ä", 65), "64 characters"},
		{"display_name", strings.Repeat("x", 129), "128 characters"},
		{"location", strings.Repeat("x", 257), "256 characters"},
		{"company", strings.Repeat("x", 256), "255 characters"},
		{"mobile", "0664 5550100", "mobile: the phone number must begin with +"},
	} {
		err := checkAttributes("update user", map[string]string{c.name: c.value})
		if !adapters.IsKind(err, adapters.Invalid) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: got %v, want invalid, …%s…", c.name, err, c.says)
		}
	}
	if err := checkAttributes("update user", map[string]string{"first_name": strings.Repeat("ä", 64), "mobile": "", "dept": ""}); err != nil {
		t.Errorf("got %v, want none", err)
	}
}

func TestLicences(t *testing.T) {
	t.Parallel()
	for licence, want := range map[string]int{"": 1, Basic: 1, Licensed: 2, None: 4} {
		got, err := userType("create user", licence)
		if err != nil || got != want {
			t.Errorf("%q: got type %d, %v, want %d", licence, got, err, want)
		}
		if back := licenceOf(got); licence != "" && back != licence {
			t.Errorf("type %d: got %q, want %q", got, back, licence)
		}
	}
	if _, err := userType("create user", "gold"); !adapters.IsKind(err, adapters.Invalid) {
		t.Errorf("got %v, want invalid", err)
	}
	for _, c := range []struct {
		t    int
		want string
	}{{99, None}, {3, Licensed}, {0, ""}, {7, ""}} {
		if got := licenceOf(c.t); got != c.want {
			t.Errorf("type %d: got %q, want %q", c.t, got, c.want)
		}
	}
}

func TestRoleNames(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"Owner": RoleOwner, "Admin": RoleAdmin, "Administrator": RoleAdmin, " MEMBER ": RoleMember,
		"Help Desk": "Help Desk", "": "",
	} {
		if got := roleName(in); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
}

func TestLicencesOfFeatures(t *testing.T) {
	t.Parallel()
	var all features
	if err := json.Unmarshal([]byte(`{
		"webinar":true,"webinar_capacity":500,"large_meeting":false,"large_meeting_capacity":1000,"meeting_capacity":300,
		"zoom_whiteboard":true,"zoom_docs":false,"cn_meeting":true,"concurrent_meeting":"Plus","in_meeting":true,
		"license_info_list":[{"license_type":"ZOOM_EVENTS_CONSUMPTION","license_option":4503599627370496}]}`), &all); err != nil {
		t.Fatal(err)
	}
	kept, err := json.Marshal(all.licences())
	if err != nil {
		t.Fatal(err)
	}
	want := `{"concurrent_meeting":"Plus","license_info_list":[{"license_type":"ZOOM_EVENTS_CONSUMPTION","license_option":4503599627370496}],"webinar":true,"webinar_capacity":500,"zoom_whiteboard":true}`
	if string(kept) != want {
		t.Errorf("got %s, want %s", kept, want)
	}
	if got := (features{"webinar": json.RawMessage("false"), "concurrent_meeting": json.RawMessage(`"None"`)}).licences(); got != nil {
		t.Errorf("got %v, want none", got)
	}
	// What is there already is not sent again, and a licence goes with its size.
	have := features{"webinar": json.RawMessage("true"), "webinar_capacity": json.RawMessage("100"), "zoom_whiteboard": json.RawMessage("true"), "concurrent_meeting": json.RawMessage(`"Plus"`)}
	missing, err := json.Marshal(have.lacking(all.licences()))
	if err != nil {
		t.Fatal(err)
	}
	if want := `{"license_info_list":[{"license_type":"ZOOM_EVENTS_CONSUMPTION","license_option":4503599627370496}],"webinar":true,"webinar_capacity":500}`; string(missing) != want {
		t.Errorf("got %s, want %s", missing, want)
	}
	if got := all.capacity("webinar"); got != 500 {
		t.Errorf("got capacity %d, want 500", got)
	}
	if got := all.capacity("large_meeting"); got != 0 {
		t.Errorf("got capacity %d of a licence that is off, want 0", got)
	}
}

// Plan numbers beyond 2^53 come through every type that carries them.
func TestPlanNumbersKeepAllDigits(t *testing.T) {
	t.Parallel()
	const n = int64(576460752303423488) // 2^59, as in Zoom's list; one more is no float64
	var u user
	if err := json.Unmarshal([]byte(`{"email":"a@b.example","type":2,"zoom_one_type":576460752303423489}`), &u); err != nil {
		t.Fatal(err)
	}
	out, err := json.Marshal(extra{Type: 2, ZoomOne: u.ZoomOneType})
	if err != nil || u.ZoomOneType != n+1 || string(out) != `{"type":2,"zoomOne":576460752303423489}` {
		t.Errorf("got %d, %s, %v, want all digits of %d", u.ZoomOneType, out, err, n+1)
	}
}

func TestMissingScopes(t *testing.T) {
	t.Parallel()
	var granular, master []string
	for _, n := range needs {
		granular = append(granular, n.granular)
		master = append(master, strings.TrimSuffix(n.granular, ":admin")+":master")
	}
	classic := "user:read:admin user:write:admin group:read:admin group:write:admin role:read:admin role:write:admin"
	for name, c := range map[string]struct {
		granted string
		want    []string
	}{
		"all granular":          {strings.Join(granular, " "), nil},
		"all of master form":    {strings.Join(master, " "), nil},
		"all classic":           {classic, nil},
		"classic, with commas":  {strings.ReplaceAll(classic, " ", ","), nil},
		"nothing said":          {"", nil},
		"one missing":           {strings.Join(granular[1:], " "), granular[:1]},
		"classic without roles": {"user:read:admin user:write:admin group:read:admin group:write:admin", granular[len(granular)-3:]},
		"own user only":         {"user:read:user", granular},
	} {
		if diff := cmp.Diff(missingScopes(c.granted), c.want); diff != "" {
			t.Errorf("%s (-got +want):\n%s", name, diff)
		}
	}
}

func TestPassword(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for range 50 {
		p, err := newPassword(randomSource(len(seen)))
		if err != nil {
			t.Fatal(err)
		}
		if len(p) < 8 || len(p) > 32 || !strings.ContainsAny(p, lowers) || !strings.ContainsAny(p, uppers) || !strings.ContainsAny(p, digits) {
			t.Errorf("got a password of %d characters that lacks a kind", len(p))
		}
		for i := 1; i < len(p); i++ {
			if d := int(p[i]) - int(p[i-1]); d >= -1 && d <= 1 {
				t.Errorf("got a run at %d", i)
			}
		}
		if seen[p] {
			t.Error("got the same password twice")
		}
		seen[p] = true
	}
	if _, err := newPassword(strings.NewReader("")); err == nil {
		t.Error("got no error from an empty source, want one")
	}
}
