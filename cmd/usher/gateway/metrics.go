package gateway

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/usher-scim/usher/adapters"
	"github.com/usher-scim/usher/provision"
	"github.com/usher-scim/usher/store/bolt"
)

// metrics is the process's own registry. Labels are bounded: routes are patterns, apps are the mapping's keys.
type metrics struct {
	registry    *prometheus.Registry
	requests    *prometheus.HistogramVec
	vendorCalls *prometheus.HistogramVec
	steps       *prometheus.CounterVec
	commits     prometheus.Histogram
	updates     prometheus.Counter
	failed      prometheus.Counter
	copies      *prometheus.CounterVec
}

func newMetrics() *metrics {
	m := &metrics{
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "usher_scim_requests_seconds", Help: "SCIM requests by method, route and status.",
			Buckets: prometheus.ExponentialBuckets(0.0005, 2, 14),
		}, []string{"method", "route", "status"}),
		vendorCalls: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "usher_vendor_calls_seconds", Help: "Calls to vendors by adapter, method, route, outcome and lane, without the wait for rate limits.",
			Buckets: prometheus.ExponentialBuckets(0.01, 2, 12),
		}, []string{"adapter", "method", "route", "outcome", "lane"}),
		steps: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "usher_steps_total", Help: "Steps carried out at vendors by app, operation and outcome.",
		}, []string{"app", "op", "outcome"}),
		commits: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "usher_store_commit_seconds", Help: "Durable commits of the store.",
			Buckets: prometheus.ExponentialBuckets(0.0001, 2, 14),
		}),
		updates: prometheus.NewCounter(prometheus.CounterOpts{Name: "usher_store_updates_total", Help: "Transactions that shared the commits."}),
		failed:  prometheus.NewCounter(prometheus.CounterOpts{Name: "usher_store_commits_failed_total", Help: "Commits whose outcome is unknown; the store then refuses writes."}),
		copies:  prometheus.NewCounterVec(prometheus.CounterOpts{Name: "usher_backups_total", Help: "Scheduled backups by outcome: ok or failed."}, []string{"outcome"}),
	}
	m.registry.MustRegister(m.requests, m.vendorCalls, m.steps, m.commits, m.updates, m.failed, m.copies,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// watch adds what is read from the engine at each scrape.
func (m *metrics) watch(e *provision.Engine) { m.registry.MustRegister(newQueueCollector(e)) }

func (m *metrics) handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{}))
	return mux
}

func (m *metrics) request(method, route string, status int, took time.Duration) {
	m.requests.WithLabelValues(method, route, strconv.Itoa(status)).Observe(took.Seconds())
}

func (m *metrics) vendorCall(c adapters.Call) {
	m.vendorCalls.WithLabelValues(c.App, c.Method, c.Route, c.Outcome, c.Lane.String()).Observe(c.Duration.Seconds())
}

func (m *metrics) step(app string, op provision.Op, outcome string, _ time.Duration) {
	m.steps.WithLabelValues(app, string(op), outcome).Inc()
}

func (m *metrics) commit(c bolt.Commit) {
	m.commits.Observe(c.Duration.Seconds())
	m.updates.Add(float64(c.Updates))
	if c.Err != nil {
		m.failed.Inc()
	}
}

func (m *metrics) copied(err error) {
	outcome := "ok"
	if err != nil {
		outcome = "failed"
	}
	m.copies.WithLabelValues(outcome).Inc()
}

// watchCopies adds the time of the newest scheduled backup.
func (m *metrics) watchCopies(c *bolt.Copies) {
	m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "usher_backup_last_success_timestamp_seconds", Help: "When the newest scheduled backup was made, in Unix time; 0: never.",
	}, func() float64 {
		if last := c.Status().Last; !last.IsZero() {
			return float64(last.Unix())
		}
		return 0
	}))
}

// queueCollector reads the queue at each scrape.
type queueCollector struct {
	engine                                        *provision.Engine
	depth, oldest, holds, stopped, paused, ledger *prometheus.Desc
}

func newQueueCollector(e *provision.Engine) *queueCollector {
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc(name, help, labels, nil)
	}
	return &queueCollector{
		engine:  e,
		depth:   desc("usher_queue_items", "Items in the queue by app and what they wait for.", "app", "lane"),
		oldest:  desc("usher_oldest_removal_age_seconds", "Age of the oldest removal that is not done.", "app"),
		holds:   desc("usher_holds_open", "Open holds by app.", "app"),
		stopped: desc("usher_app_stopped", "1 while nothing is sent to the app.", "app"),
		paused:  desc("usher_paused", "1 while work is paused by hand: kind app (with its name), removals or all.", "kind", "app"),
		ledger:  desc("usher_accounts", "Ledger accounts by app and state.", "app", "state"),
	}
}

// Describe implements prometheus.Collector.
func (q *queueCollector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{q.depth, q.oldest, q.holds, q.stopped, q.paused, q.ledger} {
		ch <- d
	}
}

// Collect implements prometheus.Collector.
func (q *queueCollector) Collect(ch chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	apps, err := q.engine.Status(ctx)
	if err != nil {
		ch <- prometheus.NewInvalidMetric(q.depth, err)
		return
	}
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	switches, err := q.engine.Switches(ctx)
	if err != nil {
		ch <- prometheus.NewInvalidMetric(q.paused, err)
		return
	}
	for _, s := range switches {
		gauge(q.paused, 1, string(s.Kind), s.App)
	}
	for _, a := range apps {
		for lane, n := range a.Queue {
			gauge(q.depth, float64(n), a.App, lane)
		}
		for state, n := range a.Accounts {
			gauge(q.ledger, float64(n), a.App, string(state))
		}
		age := 0.0
		if !a.OldestRemoval.IsZero() {
			age = time.Since(a.OldestRemoval).Seconds()
		}
		gauge(q.oldest, age, a.App)
		gauge(q.holds, float64(a.Holds), a.App)
		stopped := 0.0
		if a.Stopped {
			stopped = 1
		}
		gauge(q.stopped, stopped, a.App)
	}
}
