package gateway

import (
	"crypto/rand"
	"strings"
	"time"

	"github.com/usher-scim/usher/admin"
	"github.com/usher-scim/usher/store/bolt"
)

// scheduleCopies prepares the backups that the setting "backup" asks for.
func (g *Gateway) scheduleCopies() {
	b := g.cfg.Backup
	if b.Folder == "" {
		return
	}
	g.copies = bolt.NewCopies(g.store, bolt.CopyOptions{
		Folder: b.Folder, Every: b.Every, Keep: b.Keep, Now: time.Now,
		Series:  func() string { return strings.ToLower(rand.Text())[:8] }, // base 32
		Observe: g.copied,
	})
	g.metrics.watchCopies(g.copies)
}

// copied tells of a scheduled backup that was tried.
func (g *Gateway) copied(err error) {
	g.metrics.copied(err)
	s := g.copies.Status()
	if err != nil {
		last := "never"
		if !s.Last.IsZero() {
			last = s.Last.UTC().Format(time.RFC3339)
		}
		g.log.Error("scheduled backup failed", "err", err, "last", last, "next", s.Next)
		return
	}
	g.log.Info("scheduled backup", "file", s.File, "next", s.Next)
}

// backups is what the status tells of them; nil where none are scheduled.
func (g *Gateway) backups() *admin.BackupStatus {
	if g.copies == nil {
		return nil
	}
	s := g.copies.Status()
	return &admin.BackupStatus{
		Folder: s.Folder, Last: s.Last, File: s.File, Next: s.Next, Failed: s.Failed, Since: s.Since, Tries: s.Tries,
	}
}
