package adapters_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/usher-scim/usher/adapters"
)

func TestSecretNeverShows(t *testing.T) {
	t.Parallel()
	type settings struct {
		Key adapters.Secret `json:"key" yaml:"key"`
	}
	const value = "k3y-value"
	s := settings{Key: value}
	var log bytes.Buffer
	logger := slog.New(slog.NewJSONHandler(&log, nil))
	logger.Info("opened", "settings", s, "key", s.Key)
	asJSON, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	asYAML, err := yaml.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	shown := []string{
		fmt.Sprint(s), fmt.Sprintf("%v %+v %#v %s %q", s, s, s, s.Key, s.Key), log.String(), string(asJSON), string(asYAML),
		fmt.Errorf("open %v", s.Key).Error(),
	}
	for _, text := range shown {
		if strings.Contains(text, value) {
			t.Errorf("the secret shows in %s", text)
		}
	}
	if got := adapters.Secret("").String(); got != "" {
		t.Errorf("got %q for an empty secret, want nothing", got)
	}
	var back settings
	if err := yaml.Unmarshal([]byte("key: "+value), &back); err != nil || string(back.Key) != value {
		t.Errorf("got %q and %v, want the value to be readable", string(back.Key), err)
	}
}

func TestLaneOfAContext(t *testing.T) {
	t.Parallel()
	if got := adapters.LaneOf(t.Context()); got != adapters.LaneUpdate {
		t.Errorf("got %s without a lane, want update", got)
	}
	for _, lane := range []adapters.Lane{adapters.LaneRemoval, adapters.LaneUpdate, adapters.LaneJoiner} {
		if got := adapters.LaneOf(adapters.WithLane(t.Context(), lane)); got != lane {
			t.Errorf("got %s, want %s", got, lane)
		}
	}
	for _, none := range []adapters.Lane{-1, adapters.Lane(adapters.Lanes)} {
		if got := adapters.LaneOf(adapters.WithLane(t.Context(), none)); got != adapters.LaneUpdate {
			t.Errorf("lane %d: got %s, want update", none, got)
		}
	}
}

func TestEveryCallLogOfAContextIsTold(t *testing.T) {
	t.Parallel()
	var told []string
	ctx := adapters.WithCallLog(t.Context(), func(c adapters.Call) { told = append(told, "outer "+c.Route) })
	ctx = adapters.WithCallLog(ctx, func(c adapters.Call) { told = append(told, "inner "+c.Route) })
	adapters.LogCall(ctx, adapters.Call{Route: "/users"})
	adapters.LogCall(t.Context(), adapters.Call{Route: "/nobody"})
	if want := []string{"inner /users", "outer /users"}; !slices.Equal(told, want) {
		t.Errorf("got %v, want %v", told, want)
	}
}

func TestKindOfAnError(t *testing.T) {
	t.Parallel()
	noSeat := &adapters.Error{Kind: adapters.NoSeat, Op: "create user", Message: "no seat is free", Status: 400, Code: "3412"}
	tests := map[string]struct {
		err  error
		want adapters.Kind
	}{
		"an adapter's":                     {noSeat, adapters.NoSeat},
		"an adapter's, wrapped":            {fmt.Errorf("step 3: %w", noSeat), adapters.NoSeat},
		"one that nobody understands":      {errors.New("panic"), adapters.Uncertain},
		"an adapter's joined with another": {errors.Join(errors.New("log"), noSeat), adapters.NoSeat},
	}
	for name, tc := range tests {
		if got := adapters.KindOf(tc.err); got != tc.want {
			t.Errorf("%s: got %s, want %s", name, got, tc.want)
		}
		if got, want := adapters.IsKind(tc.err, tc.want), name != "one that nobody understands"; got != want {
			t.Errorf("%s: got IsKind %t, want %t", name, got, want)
		}
	}
	if got, want := noSeat.Error(), "create user: no seat is free (HTTP 400, code 3412)"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
