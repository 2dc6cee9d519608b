package main

import (
	"context"
	"fmt"
	"log/slog"
	"os/signal"
	"runtime/debug"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/usher-scim/usher/cmd/usher/gateway"
	"github.com/usher-scim/usher/config"
)

// newServe is the command that runs the gateway until it is told to stop.
func newServe(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "serve",
		Short: "Run the gateway",
		Long: `Run the gateway: the SCIM server that identity providers push to, the engine that
provisions the apps, and the socket in the data folder that the other commands speak to.

It stops on Ctrl-C or SIGTERM: running requests are answered, work at a vendor is parked
and taken up at the next start. Nothing is lost.`,
		Example: "  usher serve\n  usher serve --listen 0.0.0.0:8480 --data /var/lib/usher --log-format json",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := a.config(cmd)
			if err != nil {
				return err
			}
			ctx, stop := signal.NotifyContext(cmd.Context(), syscall.SIGINT, syscall.SIGTERM)
			defer stop()
			return serve(ctx, cfg, a)
		},
	}
}

// gcPercent lets the heap grow to five times what lives. What lives is a few MiB, as the data stays in the
// store's file, so that the usual 100 would collect all the time and save nothing worth having.
const gcPercent = 400

func serve(ctx context.Context, cfg config.Config, a *app) error {
	log := newLogger(cfg, a)
	if _, set := a.lookupEnv("GOGC"); !set {
		debug.SetGCPercent(gcPercent)
	}
	g, err := gateway.Open(ctx, cfg, gateway.Options{Logger: log, Version: a.version, LookupEnv: a.lookupEnv})
	if err != nil {
		return err
	}
	log.Info("usher is serving", "scim", scheme(cfg)+"://"+g.SCIMAddr()+"/scim/v2", "metrics", "http://"+g.AdminAddr()+"/metrics",
		"socket", g.Socket(), "version", a.version)
	if err := g.Run(ctx); err != nil {
		return fmt.Errorf("serve: %w", err)
	}
	return nil
}

func scheme(cfg config.Config) string {
	if cfg.TLS.Enabled() {
		return "https"
	}
	return "http"
}

func newLogger(cfg config.Config, a *app) *slog.Logger {
	o := &slog.HandlerOptions{Level: cfg.Log.Level}
	if cfg.Log.Format == "json" {
		return slog.New(slog.NewJSONHandler(a.stderr, o))
	}
	return slog.New(slog.NewTextHandler(a.stderr, o))
}
