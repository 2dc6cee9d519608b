package demo_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/usher-scim/usher/cmd/usher/demo"
	"github.com/usher-scim/usher/sandbox"
)

func TestTheWeekEndsAsItMust(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	if err := demo.Run(t.Context(), demo.Options{Out: &out, Once: true, Version: "test"}); err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	t.Log(out.String())
}

func TestATamperedAccountIsSeen(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	err := demo.Run(t.Context(), demo.Options{Out: &out, Once: true, BeforeCompare: func(s *sandbox.Sandbox) {
		s.Zoom.RemoveUser("rosa.vidal@acme.example")
	}})
	if !errors.Is(err, demo.ErrDifferent) {
		t.Fatalf("got %v, want ErrDifferent\n%s", err, out.String())
	}
	if want := "rosa.vidal@acme.example has no Zoom account"; !strings.Contains(out.String(), want) {
		t.Errorf("the output does not say %q:\n%s", want, out.String())
	}
}
