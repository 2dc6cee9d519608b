package directory

import (
	"bytes"
	"crypto/sha256"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/usher-scim/usher/store"
)

// tables are the record tables; the edges have a form of their own (edges.go).
type tables struct {
	known   *sourceCodec // of the table of sources
	sources *store.Table[Source]
	records *store.Table[Record]
	denies  *store.Table[Deny]
	traces  *store.Table[trace]
	groups  *store.Table[Group]
	pending *store.Table[pendingMember]

	terminations *store.Table[Termination]
}

// trace is what is left of a deleted record: when the same source creates a user with both the
// same externalId and the same userName again, it gets the same person. One of the two alone
// never leads to an old account.
type trace struct {
	Key    []byte    `json:"key"` // traceKey
	Person uuid.UUID `json:"person"`
	At     time.Time `json:"at"`
	// Version is the record's last: a new record of the person goes on from it, lest a client's old version fit the new one.
	Version uint64 `json:"version"`
}

// The indexes, named as SCIM names the attributes.
const (
	byName       = "name"
	byToken      = "token"
	byUserName   = "userName"
	byExternalID = "externalId"
	byEmail      = "emails"
	byKept       = "kept"
	bySource     = "source"
	byDeleted    = "deleted"
	byAdded      = "added"
)

func newTables() tables {
	known := &sourceCodec{}
	return tables{
		terminations: newTerminations(),
		known:        known,
		sources: store.NewTable("sources", func(s *Source) []byte { return s.ID[:] }, known,
			store.Index[Source]{Name: byName, Unique: true, Keys: func(s *Source) [][]byte {
				if !s.Removed.IsZero() {
					return nil
				}
				return [][]byte{[]byte(Fold(s.Name))}
			}},
			store.Index[Source]{Name: byToken, Unique: true, Keys: func(s *Source) [][]byte {
				hashes := make([][]byte, len(s.Tokens))
				for i, t := range s.Tokens {
					hashes[i] = t.Hash
				}
				return hashes
			}},
		),
		// A source's list is a scan in the order of ids; a person's records are one Get per
		// source. The value comes before the source in the indexes: so it is unique in its
		// source, and found across sources by its prefix.
		records: store.NewTable("records", func(r *Record) []byte { return pair(r.Source, r.Person) }, recordCodec{},
			store.Index[Record]{
				Name: byUserName, Unique: true,
				Keys: func(r *Record) [][]byte { return [][]byte{in(Fold(r.UserName), r.Source)} },
				Same: func(a, b *Record) bool { return a.UserName == b.UserName },
			},
			store.Index[Record]{
				Name: byExternalID, Unique: true,
				Keys: func(r *Record) [][]byte {
					if r.ExternalID == "" {
						return nil
					}
					return [][]byte{in(r.ExternalID, r.Source)}
				},
				Same: func(a, b *Record) bool { return a.ExternalID == b.ExternalID },
			},
			store.Index[Record]{
				Name: byEmail,
				// An address that is the userName too, as most are, is found as that: a write less for each user.
				Keys: func(r *Record) [][]byte {
					if len(r.Emails) == 1 && r.Emails[0] == r.UserName {
						return nil
					}
					name := Fold(r.UserName)
					var keys [][]byte
					for _, e := range r.Emails {
						if address := Fold(e); address != name {
							keys = append(keys, in(address, r.Source))
						}
					}
					return keys
				},
				Same: func(a, b *Record) bool { return a.UserName == b.UserName && slices.Equal(a.Emails, b.Emails) },
			},
			// What law 19 keeps stays findable, for people who look for a leaver by the name they knew.
			store.Index[Record]{
				Name: byKept,
				Keys: func(r *Record) [][]byte {
					if len(r.Kept) == 0 {
						return nil
					}
					kept := parseIdentity(r.Kept)
					return allIn(append(kept.addresses(), kept.UserName), r.Source)
				},
				Same: func(a, b *Record) bool { return bytes.Equal(a.Kept, b.Kept) },
			},
		),
		denies: store.NewTable("denies", func(y *Deny) []byte { return pair(y.Person, y.Source) }, denyCodec{}),
		traces: store.NewTable("traces", func(t *trace) []byte { return t.Key }, traceCodec{}),
		groups: store.NewTable("groups", func(g *Group) []byte { return g.ID[:] }, groupCodec{},
			store.Index[Group]{
				Name: byName, Unique: true, Same: sameGroup,
				Keys: func(g *Group) [][]byte { return g.whileLiving(in(Fold(g.Name), g.Source)) },
			},
			store.Index[Group]{
				Name: byExternalID, Unique: true, Same: sameGroup,
				Keys: func(g *Group) [][]byte {
					if g.ExternalID == "" {
						return nil
					}
					return g.whileLiving(in(g.ExternalID, g.Source))
				},
			},
			store.Index[Group]{
				Name: bySource, Same: sameGroup,
				Keys: func(g *Group) [][]byte { return g.whileLiving(g.Source[:]) },
			},
			store.Index[Group]{
				Name: byDeleted, Same: sameGroup,
				Keys: func(g *Group) [][]byte {
					if g.Deleted.IsZero() {
						return nil
					}
					return [][]byte{store.Time(g.Deleted)}
				},
			},
		),
		pending: store.NewTable("pending-members", func(p *pendingMember) []byte { return pendingKey(p.Group, p.Value) }, nil,
			store.Index[pendingMember]{Name: byExternalID, Keys: func(p *pendingMember) [][]byte {
				return [][]byte{in(p.Value, p.Source)}
			}},
			store.Index[pendingMember]{Name: byAdded, Keys: func(p *pendingMember) [][]byte {
				return [][]byte{store.Time(p.Added)}
			}},
		),
	}
}

// sameGroup reports whether a group is found alike: most writes concern its members alone.
func sameGroup(a, b *Group) bool {
	return a.Name == b.Name && a.ExternalID == b.ExternalID && a.Source == b.Source && a.Deleted.Equal(b.Deleted)
}

func (g *Group) whileLiving(key []byte) [][]byte {
	if !g.Deleted.IsZero() {
		return nil
	}
	return [][]byte{key}
}

// pair is the key of what belongs to two ids.
func pair(a, b uuid.UUID) []byte {
	key := make([]byte, 32)
	copy(key, a[:])
	copy(key[16:], b[:])
	return key
}

// second returns the second id of a pair.
func second(key []byte) uuid.UUID {
	return uuid.UUID(key[16:32])
}

// in is the index value of a string that a source wrote.
func in(value string, source uuid.UUID) []byte {
	key := make([]byte, 0, min(len(value), longest)+len(source)+8)
	return store.AppendKey(appendShort(key, value), source[:])
}

func allIn(values []string, source uuid.UUID) [][]byte {
	if len(values) == 0 {
		return nil
	}
	keys := make([][]byte, 0, len(values))
	for _, v := range values {
		keys = append(keys, in(Fold(v), source))
	}
	return keys
}

// anywhere is the prefix of all index values of a string, whoever wrote it.
func anywhere(value string) []byte {
	return appendShort(make([]byte, 0, min(len(value), longest)+8), value)
}

// longest is how much of a value an index searches by prefix: a longer one ends in its hash.
const longest = 256

func appendShort(key []byte, value string) []byte {
	if len(value) <= longest {
		return store.AppendKey(key, value)
	}
	sum := sha256.Sum256([]byte(value))
	return store.AppendKey(key, value[:longest+1-len(sum)]+string(sum[:]))
}

// traceKey names a trace. It holds a hash, so that nothing personal outlives the record.
func traceKey(source uuid.UUID, externalID, userName string) []byte {
	sum := sha256.Sum256(store.Key([]byte(externalID), []byte(Fold(userName))))
	return append(source[:], sum[:]...)
}

func pendingKey(group uuid.UUID, value string) []byte {
	sum := sha256.Sum256([]byte(value))
	return append(group[:], sum[:]...)
}
