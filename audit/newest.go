package audit

import (
	"time"

	"github.com/google/uuid"

	"github.com/usher-scim/usher/store"
)

// Newest returns when the last change happened that the store knows of, in UTC and milliseconds; zero when there is none. Of
// a copy of a store it says until when the copy knows things.
func Newest(r store.Reader) time.Time {
	var newest time.Time
	for _, table := range []string{outboxTable, urgentTable, factTable, placeTable} {
		for key := range r.RangeReverse(table, nil, nil) {
			if id, err := uuid.FromBytes(key); err == nil {
				if sec, nsec := id.Time().UnixTime(); time.Unix(sec, nsec).After(newest) {
					newest = time.Unix(sec, nsec).UTC()
				}
			}
			break
		}
	}
	return newest
}
