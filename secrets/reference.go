package secrets

import (
	"fmt"
	"path/filepath"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Place is where a referenced secret stands.
type Place string

// The three places.
const (
	InEnv   Place = "env"    // an environment variable of the server
	InFile  Place = "file"   // a file that the server can read, by its absolute path
	InVault Place = "secret" // a secret stored with `usher secret set`
)

const (
	maxName = 64
	maxPath = 4096
)

var (
	envName    = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]{0,254}$`)
	secretName = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]*$`)
)

// Reference stands for a secret in configuration: {env: NAME}, {file: PATH} or
// {secret: NAME}. It tells nothing about the value and may be shown, stored and logged.
type Reference struct {
	Place Place
	Name  string
}

// NewReference checks name against what place can hold.
func NewReference(place Place, name string) (Reference, error) {
	r := Reference{Place: place, Name: name}
	switch place {
	case InEnv:
		if !envName.MatchString(name) {
			return Reference{}, fmt.Errorf("%q cannot be the name of an environment variable: letters, digits and _, not a digit first", clip(name))
		}
	case InFile:
		if !filepath.IsAbs(name) || len(name) > maxPath || strings.ContainsRune(name, 0) {
			return Reference{}, fmt.Errorf("%q must be the absolute path of a file, because the server reads it", clip(name))
		}
	case InVault:
		if err := CheckName(name); err != nil {
			return Reference{}, err
		}
	default:
		return Reference{}, fmt.Errorf("%q is no place for a secret: use env, file or secret", clip(string(place)))
	}
	return r, nil
}

// CheckName says whether a stored secret may have this name.
func CheckName(name string) error {
	if len(name) > maxName || !secretName.MatchString(name) {
		return fmt.Errorf("%q cannot be the name of a secret: at most %d of a-z, 0-9, dot, dash and underscore, beginning with a letter or digit", clip(name), maxName)
	}
	return nil
}

// String writes the reference as it stands in configuration.
func (r Reference) String() string { return fmt.Sprintf("{%s: %s}", r.Place, r.Name) }

// UnmarshalYAML reads one of the three forms.
func (r *Reference) UnmarshalYAML(n *yaml.Node) error {
	ref, ok, err := parseReference(n)
	if err != nil {
		return fmt.Errorf("line %d: %w", n.Line, err)
	}
	if !ok {
		return fmt.Errorf("line %d: a secret is given as {env: NAME}, {file: PATH} or {secret: NAME}", n.Line)
	}
	*r = ref
	return nil
}

// MarshalYAML writes the form that UnmarshalYAML reads.
func (r Reference) MarshalYAML() (any, error) {
	return map[string]string{string(r.Place): r.Name}, nil
}

// parseReference reports whether n has the shape of a reference: a mapping with exactly
// one key, which is env, file or secret, and a plain value. The error says what is wrong with the name in it.
func parseReference(n *yaml.Node) (Reference, bool, error) {
	if n.Kind != yaml.MappingNode || len(n.Content) != 2 {
		return Reference{}, false, nil
	}
	key, value := n.Content[0], n.Content[1]
	place := Place(key.Value)
	if key.Kind != yaml.ScalarNode || value.Kind != yaml.ScalarNode || place != InEnv && place != InFile && place != InVault {
		return Reference{}, false, nil
	}
	ref, err := NewReference(place, value.Value)
	return ref, true, err
}

// clip keeps a wrong name short enough for a sentence.
func clip(s string) string {
	const most = 80
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}
