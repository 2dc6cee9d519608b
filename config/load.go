package config

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
)

const (
	// DefaultFile is read when no other file is named, if it is there.
	DefaultFile = "usher.yaml"
	// FileEnv names the file when no flag does.
	FileEnv = "USHER_CONFIG"

	maxFile = 1 << 20
)

// Input is where settings come from. Of a setting that stands in several places the
// flag wins, then the environment, then the file, then the default; lists are replaced, not joined.
type Input struct {
	// File is the file to read, which must be there; "" stands for FileEnv, then for DefaultFile if it is there.
	File string
	// Flags holds the flags that were given, by Setting.Flag.
	Flags map[string]string
	// LookupEnv reads the environment; nil stands for an empty one. A variable that is set
	// and empty counts as not set. Unknown USHER_* variables are ignored: orchestrators make such.
	LookupEnv func(string) (string, bool)
}

// Load returns the settings. Its error has a line for each mistake: one of the file says
// file, line and column, others name the flag or variable.
func Load(in Input) (Config, error) {
	var c Config
	settings := Settings()
	var mistakes []error
	apply := func(s Setting, text, origin string) {
		if err := s.fromText(&c, text); err != nil {
			mistakes = append(mistakes, fmt.Errorf("%s: %w", origin, err))
		}
	}
	for _, s := range settings {
		if s.Default != "" {
			apply(s, s.Default, "the default of "+s.Key)
		}
	}
	name, text, err := in.read()
	if err != nil {
		return Config{}, err
	}
	mistakes = append(mistakes, readFile(&c, settings, name, text)...)
	known := map[string]bool{}
	for _, s := range settings {
		known[s.Flag] = true
		if value, ok := in.env(s.Env); ok {
			apply(s, value, s.Env)
		}
		if value, ok := in.Flags[s.Flag]; ok {
			apply(s, value, "--"+s.Flag)
		}
	}
	for flag := range in.Flags {
		if !known[flag] {
			mistakes = append(mistakes, fmt.Errorf("--%s is not a setting", flag))
		}
	}
	if len(mistakes) == 0 {
		if err := c.check(); err != nil {
			mistakes = append(mistakes, err)
		}
	}
	if err := errors.Join(mistakes...); err != nil {
		return Config{}, err
	}
	return c, nil
}

// fromText sets s to what stands in a flag or variable, or as a default.
func (s Setting) fromText(c *Config, text string) error {
	if !s.List {
		return s.set(c, []string{text})
	}
	var values []string
	for value := range strings.SplitSeq(text, ",") {
		if value = strings.TrimSpace(value); value != "" {
			values = append(values, value)
		}
	}
	return s.set(c, values)
}

func (in Input) env(name string) (string, bool) {
	if in.LookupEnv == nil {
		return "", false
	}
	value, ok := in.LookupEnv(name)
	return value, ok && value != ""
}

// read returns the file's name and content; an optional file that is not there is empty.
func (in Input) read() (string, []byte, error) {
	name, optional := in.File, false
	if name == "" {
		name, _ = in.env(FileEnv)
	}
	if name == "" {
		name, optional = DefaultFile, true
	}
	f, err := os.Open(name)
	if optional && errors.Is(err, fs.ErrNotExist) {
		return name, nil, nil
	}
	if err != nil {
		return "", nil, fmt.Errorf("reading the settings: %w", err)
	}
	text, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err == nil && len(text) > maxFile {
		err = fmt.Errorf("%s is longer than %d bytes", name, maxFile)
	}
	if err != nil {
		return "", nil, fmt.Errorf("reading the settings: %w", err)
	}
	return name, text, nil
}
