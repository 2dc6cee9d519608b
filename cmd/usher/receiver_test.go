package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/usher-scim/usher/alerts"
	"github.com/usher-scim/usher/secrets"
)

// receiver is `receiver SECRET`: whoever gets alerts, on a free port of loopback, until it is interrupted. It prints its address, and of each
// request whether its signature is right, its kind, its id and its body. The first request of each kind it refuses.
func receiver() int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT)
	defer stop()
	ln, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return exitFailed
	}
	seen := map[alerts.Kind]bool{}
	srv := &http.Server{ReadHeaderTimeout: time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		var m alerts.Message
		if err == nil {
			err = alerts.Verify(secrets.NewValue(os.Args[1]), r.Header.Get(alerts.SignatureHeader), body, time.Now(), time.Minute)
		}
		if err == nil {
			err = json.Unmarshal(body, &m)
		}
		if err != nil {
			fmt.Println("false:", err)
			w.WriteHeader(http.StatusForbidden)
			return
		}
		word := "genuine"
		if !seen[m.Kind] {
			word = "refused"
			w.WriteHeader(http.StatusServiceUnavailable)
		}
		seen[m.Kind] = true
		fmt.Println(word, m.Kind, r.Header.Get(alerts.IDHeader), string(body))
	})}
	go func() {
		<-ctx.Done()
		_ = srv.Close()
	}()
	fmt.Println("a receiver of alerts at http://" + ln.Addr().String())
	_ = srv.Serve(ln)
	return exitDone
}
