package gateway_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/usher-scim/usher/cmd/usher/gateway"
	"github.com/usher-scim/usher/config"
	"github.com/usher-scim/usher/provision"
	"github.com/usher-scim/usher/sandbox/wire"
)

// childData makes this test binary a gateway on that data folder, so that it can be killed.
const childData = "USHER_TEST_GATEWAY"

func TestMain(m *testing.M) {
	if data := os.Getenv(childData); data != "" {
		if err := child(data); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func child(data string) error {
	cfg, err := config.Load(config.Input{Flags: map[string]string{
		"listen": "127.0.0.1:0", "admin-listen": "127.0.0.1:0", "data": data, "quiet-pause": "0s",
	}})
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	g, err := gateway.Open(ctx, cfg, gateway.Options{Logger: slog.New(slog.DiscardHandler), Version: "test"})
	if err != nil {
		return err
	}
	if _, err := fmt.Println(g.SCIMAddr()); err != nil {
		return err
	}
	return g.Run(ctx)
}

// victim is a gateway in a process of its own.
type victim struct {
	cmd  *exec.Cmd
	addr string
}

func (w *world) spawn() (*victim, error) {
	cmd := exec.CommandContext(w.t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), childData+"="+w.data)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	v := &victim{cmd: cmd}
	if _, err := fmt.Fscanln(out, &v.addr); err != nil {
		return nil, fmt.Errorf("the gateway did not say its address: %w", err)
	}
	go func() { _, _ = io.Copy(io.Discard, out) }()
	return v, nil
}

func (v *victim) kill() {
	_ = v.cmd.Process.Kill()
	_ = v.cmd.Wait()
}

const chaosMapping = `version: 1
apps:
  gorgias:
    connection: gorgias-prod
    mode: enforce
    grants: [{group: Support, role: basic-agent, teams: [Tier 1]}]
    when_deactivated: [{action: delete, after: 0s}]
  zoom:
    connection: zoom-prod
    mode: enforce
    grants: [{group: Support, licence: licensed}]
    when_deactivated: [{action: delete, after: 0s}]
`

// Twenty times kill -9 at random moments while people are pushed and both vendors
// misbehave: afterwards every acknowledged user exists, and each vendor has
// exactly one account per entitled person, none extra, and nothing is stuck.
func TestKilledTwentyTimesDuringAPush(t *testing.T) {
	people, kills := 120, 20
	if testing.Short() {
		people, kills = 40, 5
	}
	if os.Getenv("USHER_CHAOS_PEOPLE") != "" {
		_, err := fmt.Sscan(os.Getenv("USHER_CHAOS_PEOPLE"), &people)
		must(t, err)
	}
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d, %d people, %d kills", seed, people, kills)
	rng := rand.New(rand.NewPCG(seed, 1))
	w := newWorld(t)
	v, err := w.spawn()
	must(t, err)
	var mu sync.Mutex // guards v and w.scim
	setAddr := func(next *victim) { v, w.scim = next, "http://"+next.addr+"/scim/v2" }
	setAddr(v)
	t.Cleanup(func() { v.kill() })
	w.connect()
	w.admin("PUT", "/mapping", chaosMapping, nil)
	group := w.pushGroup("Support")

	kinds := []wire.Kind{wire.LostReply, wire.ErrorAfter, wire.ServerError, wire.CutBody, wire.Down, wire.RateSeconds}
	w.vendors.Gorgias.SetChaos(wire.Chaos{Seed: seed, Rate: 0.08, Kinds: kinds, Delay: time.Second})
	w.vendors.Zoom.SetChaos(wire.Chaos{Seed: seed + 1, Rate: 0.08, Kinds: kinds, Delay: time.Second})

	var acked sync.Map // name → id
	pushed := make(chan struct{})
	go func() {
		defer close(pushed)
		var wg sync.WaitGroup
		names := make(chan string)
		for range 4 {
			wg.Go(func() {
				for name := range names {
					id, err := w.pushPerson(&mu, name, group)
					if err != nil {
						t.Errorf("push %s: %v", name, err)
						continue
					}
					acked.Store(name, id)
				}
			})
		}
		for i := range people {
			names <- fmt.Sprintf("p%03d", i)
		}
		close(names)
		wg.Wait()
	}()
	for range kills {
		pause := time.NewTimer(time.Duration(50+rng.IntN(400)) * time.Millisecond)
		<-pause.C
		mu.Lock()
		v.kill()
		next, err := w.spawn()
		if err == nil {
			setAddr(next)
		}
		mu.Unlock()
		must(t, err)
	}
	<-pushed
	w.vendors.Gorgias.SetChaos(wire.Chaos{})
	w.vendors.Zoom.SetChaos(wire.Chaos{})
	for _, app := range []string{"gorgias", "zoom"} {
		w.admin("POST", "/retry?app="+app, "", nil) // what an administrator would do instead of waiting for the backoff
	}
	s := w.settled()
	for _, a := range s.Apps {
		if n := a.Accounts[provision.Active]; n != people || len(a.Failures) > 0 || a.Holds > 0 {
			j, _ := json.Marshal(a)
			t.Errorf("%s: %d active of %d: %s", a.App, n, people, j)
		}
	}
	w.compareVendors(people, &acked)
}

// pushPerson does what an IdP does until it is acknowledged: look the user up, create, add to the group, again after every failure.
func (w *world) pushPerson(mu *sync.Mutex, name, group string) (string, error) {
	ctx, cancel := context.WithTimeout(w.t.Context(), patience)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	id := ""
	for {
		mu.Lock()
		base := w.scim
		mu.Unlock()
		c := *w
		c.scim = base
		if id == "" {
			id = c.tryCreate(name)
		}
		if id != "" {
			status, _, err := c.tryPush("PATCH", "/Groups/"+group, map[string]any{
				"schemas":    []string{"urn:ietf:params:scim:api:messages:2.0:PatchOp"},
				"Operations": []any{map[string]any{"op": "add", "path": "members", "value": []any{map[string]any{"value": id}}}},
			})
			if err == nil && status < 300 {
				return id, nil
			}
		}
		select {
		case <-ctx.Done():
			return "", ctx.Err()
		case <-tick.C:
		}
	}
}

func (w *world) tryCreate(name string) string {
	status, list, err := w.tryPush("GET", "/Users?filter=userName%20eq%20%22"+name+"%40acme.example%22", nil)
	if err != nil || status != http.StatusOK {
		return ""
	}
	if found, ok := list["Resources"].([]any); ok && len(found) == 1 {
		u, _ := found[0].(map[string]any)
		id, _ := u["id"].(string)
		return id
	}
	status, u, err := w.tryPush("POST", "/Users", oktaUser(name))
	if err != nil || status != http.StatusCreated {
		return ""
	}
	id, _ := u["id"].(string)
	return id
}

func (w *world) compareVendors(people int, acked *sync.Map) {
	w.t.Helper()
	gorgias, zoom := map[string]int{}, map[string]int{}
	for _, u := range w.vendors.Gorgias.Users() {
		if strings.HasPrefix(u.Email, "p") && strings.HasSuffix(u.Email, "@acme.example") {
			gorgias[u.Email]++
		}
	}
	for _, u := range w.vendors.Zoom.Users() {
		if strings.HasPrefix(u.Email, "p") && u.Type == 2 {
			zoom[u.Email]++
		}
	}
	n := 0
	acked.Range(func(name, id any) bool {
		n++
		email := fmt.Sprint(name) + "@acme.example"
		if gorgias[email] != 1 || zoom[email] != 1 {
			w.t.Errorf("%s: %d Gorgias accounts, %d Zoom accounts, want one each", name, gorgias[email], zoom[email])
		}
		if status, _ := w.push("GET", "/Users/"+fmt.Sprint(id), nil); status != http.StatusOK {
			w.t.Errorf("%s was acknowledged and is not there: %d", name, status)
		}
		return true
	})
	if n != people || len(gorgias) != people || len(zoom) != people {
		w.t.Errorf("acknowledged %d, at Gorgias %d, at Zoom %d, want %d each", n, len(gorgias), len(zoom), people)
	}
	for _, team := range w.vendors.Gorgias.Teams() {
		if team.Name == "Tier 1" && len(team.Members) != people {
			w.t.Errorf("team: %d members, want %d", len(team.Members), people)
		}
	}
}
