package main

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// flagError says in words of the flag what is wrong with it; the library's own name functions of Go.
func flagError(err error) error {
	var invalid *pflag.InvalidValueError
	if !errors.As(err, &invalid) {
		return err
	}
	f := invalid.GetFlag()
	why := "cannot be it"
	switch f.Value.Type() {
	case "int":
		why = "is not a whole number"
	case "uint", "uint64":
		why = "is not a whole number from 0 on"
	case "bool":
		why = "is neither true nor false"
	default:
		if cause := errors.Unwrap(invalid); cause != nil {
			why = cause.Error()
		}
	}
	return fmt.Errorf("--%s: %q %s", f.Name, invalid.GetValue(), why)
}

// mayBeEmpty are the flags whose empty value is told apart by the command itself, or means nothing.
func mayBeEmpty(f *pflag.Flag) bool {
	return f.Annotations[settingFlag] != nil || f.Name == "config" || f.Name == "comment" || f.Name == "reason"
}

// checkEmpty refuses a flag that is given with nothing in it. It mostly comes from a variable of a script that is not set, and
// would otherwise count as not given: --ring "" would be for everybody.
func checkEmpty(cmd *cobra.Command) error {
	var err error
	cmd.Flags().Visit(func(f *pflag.Flag) {
		if err == nil && f.Value.Type() == "string" && strings.TrimSpace(f.Value.String()) == "" && !mayBeEmpty(f) {
			err = wrongUse("--%s is given and empty", f.Name)
		}
	})
	return err
}

// span is the value of a flag that is a length of time: as time.ParseDuration reads it, or whole days such as 3d.
type span struct{ d *time.Duration }

// String, Set and Type make span the value of a flag.
func (s span) String() string {
	if s.d == nil || *s.d == 0 {
		return ""
	}
	return s.d.String()
}

// Set accepts a length of time that is not negative.
func (s span) Set(text string) error {
	if number, ok := strings.CutSuffix(text, "d"); ok {
		if days, err := strconv.ParseUint(number, 10, 16); err == nil {
			*s.d = time.Duration(days) * 24 * time.Hour
			return nil
		}
	}
	d, err := time.ParseDuration(text)
	if err != nil || d < 0 {
		return errors.New("is not a length of time such as 30m, 2h or 3d")
	}
	*s.d = d
	return nil
}

// Type is shown in the help.
func (s span) Type() string { return "duration" }
