package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/usher-scim/usher/sandbox"
	"github.com/usher-scim/usher/sandbox/gorgias"
	"github.com/usher-scim/usher/sandbox/zoom"
)

func newSandbox(a *app) *cobra.Command {
	var listen, dir string
	cmd := &cobra.Command{
		Use:   "sandbox",
		Short: "Stand in for the vendors, to try things without an account anywhere",
		Long: `Run stand-ins of Gorgias and Zoom on loopback: stateful, with paging, limits and refusals as the vendors have them, and with
faults that can be switched on. It prints settings to connect with; --write puts them into files. What it holds is
forgotten when it ends.`,
		Example: "  usher sandbox\n  usher sandbox --listen 127.0.0.1:0 --write .",
		Args:    needs(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			ln, err := listenLoopback(cmd.Context(), listen)
			if err != nil {
				return err
			}
			s := standIns{url: "http://" + ln.Addr().String()}
			if err := s.announce(a, dir); err != nil {
				return errors.Join(err, ln.Close())
			}
			return sandbox.New(sandbox.Options{}).Serve(cmd.Context(), ln)
		},
	}
	cmd.Flags().StringVar(&listen, "listen", "127.0.0.1:8490", "loopback address, host:port; port 0 takes a free one")
	cmd.Flags().StringVar(&dir, "write", "", "folder to write gorgias.yaml and zoom.yaml to")
	return cmd
}

// listenLoopback refuses other addresses: the stand-ins' credentials are known to everybody.
func listenLoopback(ctx context.Context, address string) (net.Listener, error) {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, wrongUse("--listen: %q is not an address such as 127.0.0.1:8490", address)
	}
	if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return nil, wrongUse("--listen: %q is not loopback, and the sandbox's credentials are no secret", address)
	}
	ln, err := new(net.ListenConfig).Listen(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("start the sandbox (choose another address with --listen): %w", err)
	}
	return ln, nil
}

// standIns are the vendors at one address.
type standIns struct{ url string }

// settings returns files for usher connect, by the vendor's name.
func (s standIns) settings() map[string]string {
	return map[string]string{
		"gorgias": "adapter: gorgias\nbase_url: " + s.url + "/gorgias/api\nemail: " + gorgias.DemoEmail + "\napi_key: " + gorgias.DemoKey + "\n",
		"zoom": "adapter: zoom\nbase_url: " + s.url + "/zoom/v2\ntoken_url: " + s.url + "/zoom/oauth/token\naccount_id: " + zoom.DemoAccountID +
			"\nclient_id: " + zoom.DemoClientID + "\nclient_secret: " + zoom.DemoClientSecret + "\ncreate_action: ssoCreate\n",
	}
}

// announce says where the stand-ins are. They listen already, so what is read here works at once.
func (s standIns) announce(a *app, dir string) error {
	files := map[string]string{}
	names := []string{"gorgias", "zoom"}
	for _, name := range names {
		if dir == "" {
			break
		}
		files[name] = filepath.Join(dir, name+".yaml")
		if err := os.WriteFile(files[name], []byte(s.settings()[name]), 0o600); err != nil {
			return &usageError{err: fmt.Errorf("write the settings: %w", err)}
		}
	}
	return a.print(value(map[string]any{"url": s.url, "settings": s.settings(), "files": files}), func(p *page) {
		p.line("Gorgias and Zoom stand in at %s, until Ctrl-C.", p.paint(bold, s.url))
		for _, name := range names {
			p.gap()
			if dir != "" {
				p.line("usher connect %s-sandbox -f %s", name, files[name])
				continue
			}
			p.line("usher connect %s-sandbox -f - <<'END'", name)
			p.line("%s", strings.TrimRight(s.settings()[name], "\n"))
			p.line("END")
		}
		p.gap()
		for _, line := range slices.Concat([]string{"The same, to look at and to disturb:"}, s.hints()) {
			p.line("%s", p.paint(dim, line))
		}
	})
}

func (s standIns) hints() []string {
	return []string{
		"  curl '" + s.url + "/_sandbox/calls'    every call and whether it changed something",
		"  curl '" + s.url + "/_sandbox/state'    every account, as the vendors have it",
		"  curl -X POST '" + s.url + `/_sandbox/faults' -d '{"vendor":"zoom","kind":"5xx","count":3}'`,
	}
}
