package registry_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/usher-scim/usher/adapters"
	"github.com/usher-scim/usher/adapters/registry"
)

func TestEveryEntryIsWhole(t *testing.T) {
	t.Parallel()
	for name, e := range registry.Adapters() {
		if got := e.Describe().Name; got != name {
			t.Errorf("entry %q: got description of %q", name, got)
		}
		secrets := 0
		for _, s := range e.Settings {
			if s.Secret {
				secrets++
			}
		}
		if secrets == 0 || e.Hosts == nil || e.Open == nil {
			t.Errorf("entry %q: got %d secret settings, want at least one, and Hosts and Open", name, secrets)
		}
		if _, err := e.Open(map[string]any{"no_such_setting": 1}, adapters.Deps{}); err == nil {
			t.Errorf("entry %q opens with an unknown setting", name)
		}
	}
}

func TestSettingsAreStrict(t *testing.T) {
	t.Parallel()
	good := map[string]any{"subdomain": "acme", "email": "it@acme.example", "api_key": "k-123456"}
	tests := map[string]struct {
		change map[string]any // nil removes
		want   string         // part of the error, "" for none
	}{
		"as documented":           {nil, ""},
		"a typing error":          {map[string]any{"subdomian": "x"}, `unknown setting "subdomian"; did you mean "subdomain"?`},
		"something else entirely": {map[string]any{"colour": "red"}, "known are subdomain, base_url"},
		"a value of another type": {map[string]any{"calls_per_second": "s3cret-value"}, `setting "calls_per_second" has a value of the wrong type`},
		"a list for a secret":     {map[string]any{"api_key": []string{"s3cret-value"}}, `setting "api_key" has a value of the wrong type`},
		"a missing key":           {map[string]any{"api_key": nil}, "an API key needs both email and api_key"},
		"a host in the subdomain": {map[string]any{"subdomain": "evil.example/"}, "may hold only a-z"},
		"plain http to the world": {map[string]any{"subdomain": nil, "base_url": "http://acme.example/api"}, "must begin with https"},
		"a password in the URL":   {map[string]any{"subdomain": nil, "base_url": "https://u:s3cret-value@acme.example/api"}, "must not hold a user name"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			settings := maps.Clone(good)
			for k, v := range tc.change {
				settings[k] = v
				if v == nil {
					delete(settings, k)
				}
			}
			a, err := registry.Adapters()["gorgias"].Open(settings, adapters.Deps{})
			switch {
			case tc.want == "" && (err != nil || a == nil):
				t.Fatalf("got adapter %v and error %v, want one and none", a, err)
			case tc.want != "" && (err == nil || !strings.Contains(err.Error(), tc.want)):
				t.Fatalf("got error %v, want one with %q", err, tc.want)
			case err != nil && strings.Contains(err.Error(), "s3cret"):
				t.Fatalf("the error shows a value: %v", err)
			}
		})
	}
}

func TestHostsTellWhereSecretsGo(t *testing.T) {
	t.Parallel()
	e := registry.Adapters()["gorgias"]
	for want, settings := range map[string]map[string]any{
		"acme.gorgias.com": {"subdomain": "acme", "email": "it@acme.example", "api_key": "k"},
		"127.0.0.1:8490":   {"base_url": "http://127.0.0.1:8490/api", "email": "it@acme.example", "api_key": "k"},
	} {
		got, err := e.Hosts(settings)
		if err != nil || !slices.Equal(got, []string{want}) {
			t.Errorf("got hosts %v, error %v, want %s", got, err, want)
		}
	}
}
