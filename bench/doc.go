// Command bench measures Usher over HTTP beside a floor server that does the
// least that must be done (see bench/floor), in the same run, on the same disk,
// over loopback.
//
//	make bench
//	go run ./bench -n 2000 -runs 3 -only POST,GET -dir /mnt/disk
//	go run ./bench -preload 1000000 -runs 3
//	go run ./bench -only alone,adds,start,pages,member,group
//	go run ./bench -url http://127.0.0.1:8480 -token TOKEN
//
// Both servers and the driver are processes of their own, as they are in life, so that one's
// garbage is not collected at another's cost; they share the machine's cores. Each
// run starts both servers afresh on empty data and goes through the operations in turn, floor
// and Usher next to each other, changing who is first. The table shows medians over the runs; a ratio is the median of
// the runs' ratios.
//
// With -preload both servers have the same users before the first request, filled in once; each run goes on with what
// the one before it left, and GET, PATCH and filter ask for preloaded users all over the directory, others in each run. Below
// the table stand the longest start and the most heap in use.
//
// With -only it also measures what has a bar of its own instead of a floor (probe.go names the probes, and each
// has a file): one client alone, adding to one group, starting, turning pages, changing and reading a large group.
// The probes provision, limit, leaver, team, mark and drain are of the engine. But for limit, which talks to a vendor's stand-in over HTTP, the app is in
// the process (vendor.go), as what is measured is the engine; house.go puts it together. -share makes them smaller.
//
// docs/performance.md has the bars and the figures.
//
// Start with main.go, then workload.go for what is sent, and load.go for how it is measured.
package main
