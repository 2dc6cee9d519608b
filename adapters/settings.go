package adapters

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/usher-scim/usher/internal/suggest"
)

// Settings is what an adapter's Config struct offers beside its YAML tags. The server decodes the
// administrator's settings into it with DecodeSettings, references to secrets resolved before.
type Settings interface {
	// Validate returns one clear sentence about the first thing that is wrong or missing.
	Validate() error
	// Hosts returns the hosts (host:port where a port is given) that the secrets are sent to, in a
	// stable order. When they change, the administrator must enter the secrets again: an address
	// alone must not be able to send a stored secret elsewhere. Called only after Validate.
	Hosts() []string
}

// Setting describes one key of an adapter's settings.
type Setting struct {
	Key    string
	Secret bool // its value is never shown again
}

// SettingsOf lists the keys of a Config struct, in the order of its fields.
func SettingsOf(config any) []Setting {
	t := reflect.TypeOf(config)
	var keys []Setting
	for i := range t.NumField() {
		f := t.Field(i)
		key, _, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		if key == "" || key == "-" {
			continue
		}
		keys = append(keys, Setting{Key: key, Secret: f.Type == reflect.TypeFor[Secret]()})
	}
	return keys
}

// DecodeSettings reads settings, keys as in the YAML file, into config, a pointer to an adapter's
// Config struct. A key that the struct does not have is an error that names the nearest one it has.
// No error text repeats a value.
func DecodeSettings(settings map[string]any, config any) error {
	keys := SettingsOf(reflect.ValueOf(config).Elem().Interface())
	names := make([]string, len(keys))
	for i, k := range keys {
		names[i] = k.Key
	}
	given := make([]string, 0, len(settings))
	for name := range settings {
		given = append(given, name)
	}
	slices.Sort(given)
	for _, name := range given {
		if slices.Contains(names, name) {
			continue
		}
		if near := suggest.Nearest(name, names); near != "" {
			return fmt.Errorf("unknown setting %q; did you mean %q?", name, near)
		}
		return fmt.Errorf("unknown setting %q; known are %s", name, strings.Join(names, ", "))
	}
	text, err := yaml.Marshal(settings)
	if err != nil {
		return errors.New("the settings cannot be read as YAML")
	}
	dec := yaml.NewDecoder(bytes.NewReader(text))
	dec.KnownFields(true)
	if err := dec.Decode(config); err == nil {
		return nil
	}
	// yaml's own text would quote the value. Find the key instead.
	for _, name := range given {
		one, err := yaml.Marshal(map[string]any{name: settings[name]})
		if err == nil && yaml.Unmarshal(one, reflect.New(reflect.TypeOf(config).Elem()).Interface()) != nil {
			return fmt.Errorf("setting %q has a value of the wrong type", name)
		}
	}
	return errors.New("the settings cannot be read")
}
