package registry

import (
	"fmt"

	"github.com/usher-scim/usher/adapters"
	"github.com/usher-scim/usher/adapters/gorgias"
	"github.com/usher-scim/usher/adapters/zoom"
)

// Adapters returns every adapter by the name that a connection's settings give as `adapter`.
// The map is the caller's.
func Adapters() map[string]Entry {
	return map[string]Entry{
		"gorgias": entry(gorgias.Describe, gorgias.Open),
		"zoom":    entry(zoom.Describe, zoom.Open),
	}
}

// Entry is an adapter that can be opened. Settings are keyed as in the YAML file of a
// connection, without `adapter`, and with references to secrets resolved.
type Entry struct {
	// Describe tells what the adapter can do in any tenant; an opened one may know more (the tenant's
	// own roles), see adapters.Describer.
	Describe func() adapters.Description
	// Settings lists the keys that a connection may have, and which of them are secrets.
	Settings []adapters.Setting
	// Hosts checks settings and returns the hosts that their secrets are sent to: when they differ
	// from those of the stored settings, the secrets must be entered again.
	Hosts func(settings map[string]any) ([]string, error)
	// Open checks settings and returns an adapter; it sends nothing. An error is one sentence for people
	// and holds no value of a setting that is a secret.
	Open func(settings map[string]any, deps adapters.Deps) (adapters.Adapter, error)
}

// entry makes an Entry of a package's Describe and Open; C is its Config.
func entry[C adapters.Settings, A adapters.Adapter](describe func() adapters.Description, open func(C, adapters.Deps) (A, error)) Entry {
	decode := func(settings map[string]any) (C, error) {
		var cfg C
		if err := adapters.DecodeSettings(settings, &cfg); err != nil {
			return cfg, err
		}
		return cfg, cfg.Validate()
	}
	return Entry{
		Describe: describe,
		Settings: adapters.SettingsOf(*new(C)),
		Hosts: func(settings map[string]any) ([]string, error) {
			cfg, err := decode(settings)
			if err != nil {
				return nil, err
			}
			return cfg.Hosts(), nil
		},
		Open: func(settings map[string]any, deps adapters.Deps) (adapters.Adapter, error) {
			cfg, err := decode(settings)
			if err != nil {
				return nil, err
			}
			a, err := open(cfg, deps)
			if err != nil {
				return nil, fmt.Errorf("open: %w", err)
			}
			return a, nil
		},
	}
}
