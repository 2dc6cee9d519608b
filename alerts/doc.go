// Package alerts tells people what needs them: by e-mail and by a signed webhook, from a durable queue.
//
// It learns from two places. What happened is in the facts of package audit, read behind a durable cursor (collect.go): a
// hold was opened, an app stopped. What stands is asked of its Options from time to time (standing.go): a removal is late, a failure needs
// a person. Both end in an [Alert], one record in one transaction with whatever it came from, so that a crash neither loses one nor
// makes it twice; deliver.go sends it until each channel took it. It changes nobody's access and nothing imports it but the binary.
//
// Start reading in alert.go, then rules.go, which has the words, and docs/alerts.md.
package alerts
