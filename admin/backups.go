package admin

import "time"

// BackupStatus says how the scheduled backups are. Times are UTC.
type BackupStatus struct {
	Folder string    `json:"folder"`
	Last   time.Time `json:"last,omitzero"`  // when the newest was made; absent: there is none
	File   string    `json:"file,omitempty"` // its path
	Next   time.Time `json:"next,omitzero"`
	Failed string    `json:"failed,omitempty"` // why the last try failed
	Since  time.Time `json:"since,omitzero"`   // of the first of the failures in a row
	Tries  int       `json:"tries,omitempty"`  // failures in a row
}
