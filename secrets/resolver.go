package secrets

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/usher-scim/usher/store"
)

// MaxValue is the longest secret, in bytes.
const MaxValue = 64 << 10

const maxDepth = 32 // of settings with references in them

// Getter is the vault, as the resolver needs it. A secret that is not there is store.ErrNotFound.
type Getter interface {
	Get(ctx context.Context, name string) (Value, error)
}

// Resolver turns references into secrets, in the server's process and nowhere else.
type Resolver struct {
	vault     Getter
	lookupEnv func(string) (string, bool)
}

// NewResolver returns a resolver over the vault and an environment, which is os.LookupEnv but in tests.
func NewResolver(vault Getter, lookupEnv func(string) (string, bool)) *Resolver {
	return &Resolver{vault: vault, lookupEnv: lookupEnv}
}

// Resolve returns the secret that r stands for, without the line end that a file may
// close with. It is read afresh each time, so that a changed file or variable counts from then on. A
// secret that is missing, empty or longer than MaxValue is an error whose one sentence names
// the reference and never the value.
func (r *Resolver) Resolve(ctx context.Context, ref Reference) (Value, error) {
	var value Value
	var err error
	switch ref.Place {
	case InEnv:
		plain, ok := r.lookupEnv(ref.Name)
		if !ok {
			return Value{}, fmt.Errorf("%s: the server's environment has no such variable", ref)
		}
		value = NewValue(plain)
	case InFile:
		value, err = readValue(ref.Name)
	case InVault:
		value, err = r.vault.Get(ctx, ref.Name)
		if errors.Is(err, store.ErrNotFound) {
			return Value{}, fmt.Errorf("%s: no such secret is stored; set it with `usher secret set %s`: %w", ref, ref.Name, store.ErrNotFound)
		}
	default:
		return Value{}, errors.New("an empty reference stands for no secret")
	}
	if err != nil {
		return Value{}, fmt.Errorf("%s: %w", ref, err)
	}
	if err := checkValue(value); err != nil {
		return Value{}, fmt.Errorf("%s: %w", ref, err)
	}
	return value, nil
}

// ResolveYAML replaces every reference in settings by the secret it stands for, as a
// string, in place. Everything else stays as it is. The error says the line. The caller
// must treat the result as a secret: it is for decoding, not for printing.
func (r *Resolver) ResolveYAML(ctx context.Context, settings *yaml.Node) error {
	return r.resolveNode(ctx, settings, 0)
}

func (r *Resolver) resolveNode(ctx context.Context, n *yaml.Node, depth int) error {
	if depth > maxDepth {
		return fmt.Errorf("line %d: settings nest deeper than %d", n.Line, maxDepth)
	}
	if n.Kind == yaml.AliasNode {
		return fmt.Errorf("line %d: aliases (*%s) are not allowed here: write the value out", n.Line, clip(n.Value))
	}
	ref, ok, err := parseReference(n)
	if err != nil {
		return fmt.Errorf("line %d: %w", n.Line, err)
	}
	if ok {
		value, err := r.Resolve(ctx, ref)
		if err != nil {
			return fmt.Errorf("line %d: %w", n.Line, err)
		}
		*n = yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Style: yaml.DoubleQuotedStyle, Value: value.Reveal(), Line: n.Line, Column: n.Column}
		return nil
	}
	for _, child := range n.Content {
		if err := r.resolveNode(ctx, child, depth+1); err != nil {
			return err
		}
	}
	return nil
}

// References lists the references that stand in settings, in order.
func References(settings *yaml.Node) []Reference {
	if ref, ok, err := parseReference(settings); ok && err == nil {
		return []Reference{ref}
	}
	var refs []Reference
	for _, child := range settings.Content { // aliases have no Content: nothing is met twice
		refs = append(refs, References(child)...)
	}
	return refs
}

func checkValue(v Value) error {
	switch {
	case v.plain == "":
		return errors.New("the secret is empty")
	case len(v.plain) > MaxValue:
		return fmt.Errorf("the secret is longer than %d bytes", MaxValue)
	}
	return nil
}

// readValue reads a secret file; its errors are without the path, which the reference names.
func readValue(path string) (Value, error) {
	info, err := os.Stat(path)
	if err != nil {
		return Value{}, reason(err)
	}
	if !info.Mode().IsRegular() { // opening a pipe would wait for its writer
		return Value{}, errors.New("this is not a regular file")
	}
	f, err := os.Open(path)
	if err != nil {
		return Value{}, reason(err)
	}
	text, err := io.ReadAll(io.LimitReader(f, MaxValue+int64(len("\r\n"))+1))
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return Value{}, reason(err)
	}
	plain := string(text)
	if line, ok := strings.CutSuffix(plain, "\n"); ok {
		plain = strings.TrimSuffix(line, "\r")
	}
	return NewValue(plain), nil
}

// reason takes the path out of a file error.
func reason(err error) error {
	var pathErr *fs.PathError
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return errors.New("there is no such file on the server")
	case errors.Is(err, fs.ErrPermission):
		return errors.New("the server may not read this file")
	case errors.As(err, &pathErr):
		return pathErr.Err
	}
	return err
}
