package provision_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/usher-scim/usher/store/memory"
)

// Of all that could start when the call under way ends, somebody's removal starts first, though nobody had looked at it when it ended.
func TestALeaverIsNextWhileJoinersAreLetIn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorldOn(t, memory.New())
		w.vendor.can.Concurrency = 1
		w.apply(plainMapping)
		w.hire("ann", "bob")
		w.group("Support", "ann", "bob") // bob stays, so that the app is not emptied
		w.settle()
		joiners := make([]string, 12)
		for i := range joiners {
			joiners[i] = fmt.Sprint("joiner", i)
		}
		w.hire(joiners...)
		w.group("Leads", joiners...)
		w.vendor.calls = nil
		last, removal := 0, make(chan int, 1)
		w.vendor.slow = func() {
			<-time.After(time.Second) // of the bubble
			switch call := w.vendor.calls[len(w.vendor.calls)-1]; {
			case strings.HasPrefix(call, "create") && len(w.vendor.calls) > 4 && last == 0:
				last = len(w.vendor.calls)
				w.activate("ann", false) // as the call ends
			case strings.HasPrefix(call, "remove") && len(removal) == 0:
				removal <- len(w.vendor.calls)
			}
		}
		ctx, stop := context.WithCancel(t.Context())
		var engine sync.WaitGroup
		engine.Go(func() { w.must(w.engine.Run(ctx)) })
		at := <-removal
		stop()
		engine.Wait()
		for _, call := range w.vendor.calls[last:at] {
			if strings.HasPrefix(call, "create") {
				t.Errorf("%s before the removal: %v", call, w.vendor.calls)
			}
		}
	})
}
