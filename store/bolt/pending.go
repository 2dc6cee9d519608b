package bolt

import (
	"bytes"
	"slices"
)

// chunkSize is how many writes a chunk holds before it is split: few enough that
// inserting into one moves little, many enough that there are few chunks.
const chunkSize = 256

// write is a key that a batch has put or deleted.
type write struct {
	key, value []byte
	deleted    bool
}

// pending are the writes to one table that are not in the file yet, in the order of their
// keys. They lie in sorted chunks, so a transaction of a hundred thousand writes stays fast.
type pending struct {
	chunks [][]*write
	spare  []*write // room for the first chunk
}

// place is a position in pending; it is good until the next insert or remove.
type place struct{ chunk, at int }

// reset takes out all writes, and reports whether there were many.
func (p *pending) reset() (many bool) {
	if len(p.chunks) > 1 {
		many = len(p.chunks)*chunkSize > maxPending
		p.spare = p.chunks[0]
	} else if len(p.chunks) == 1 {
		p.spare = p.chunks[0]
	}
	clear(p.spare[:cap(p.spare)])
	p.spare, p.chunks = p.spare[:0], p.chunks[:0]
	return many
}

// get returns the write of key, or nil.
func (p *pending) get(key []byte) *write {
	if at, found := p.seek(key); found {
		return p.chunks[at.chunk][at.at]
	}
	return nil
}

// insert adds a write whose key is not there, at the place where seek looked for it.
func (p *pending) insert(at place, w *write) {
	if len(p.chunks) == 0 {
		if cap(p.spare) == 0 {
			p.spare = make([]*write, 0, chunkSize)
		}
		p.chunks, p.spare = append(p.chunks, p.spare), nil
	}
	if at.chunk == len(p.chunks) { // behind all: append to the last
		at.chunk--
		at.at = len(p.chunks[at.chunk])
	}
	chunk := slices.Insert(p.chunks[at.chunk], at.at, w)
	p.chunks[at.chunk] = chunk
	if len(chunk) < chunkSize {
		return
	}
	// Keys often come in order: then the full chunk stays as it is and a new one begins.
	cut := chunkSize / 2
	if at.at == len(chunk)-1 {
		cut = len(chunk) - 1
	}
	tail := append(make([]*write, 0, chunkSize), chunk[cut:]...)
	clear(chunk[cut:])
	p.chunks[at.chunk] = chunk[:cut:cut]
	p.chunks = slices.Insert(p.chunks, at.chunk+1, tail)
}

// remove takes out the write of key.
func (p *pending) remove(key []byte) {
	at, found := p.seek(key)
	if !found {
		return
	}
	p.chunks[at.chunk] = slices.Delete(p.chunks[at.chunk], at.at, at.at+1)
	if len(p.chunks[at.chunk]) == 0 {
		p.chunks = slices.Delete(p.chunks, at.chunk, at.chunk+1)
	}
}

// seek returns the place of the first write whose key is not before key, and
// whether it is that of key itself. No chunk is empty.
func (p *pending) seek(key []byte) (place, bool) {
	chunk, _ := slices.BinarySearchFunc(p.chunks, key, func(c []*write, key []byte) int {
		return bytes.Compare(c[len(c)-1].key, key)
	})
	if chunk == len(p.chunks) {
		return place{chunk: chunk}, false
	}
	at, found := slices.BinarySearchFunc(p.chunks[chunk], key, func(w *write, key []byte) int {
		return bytes.Compare(w.key, key)
	})
	return place{chunk, at}, found
}

// end returns the place behind the last write.
func (p *pending) end() place { return place{chunk: len(p.chunks)} }

// at returns the write at a place, or nil when it is outside or nothing is pending.
func (p *pending) at(at place) *write {
	if p == nil || at.chunk < 0 || at.chunk >= len(p.chunks) {
		return nil
	}
	return p.chunks[at.chunk][at.at]
}

func (p *pending) next(at place) place {
	if at.at++; at.at == len(p.chunks[at.chunk]) {
		return place{chunk: at.chunk + 1}
	}
	return at
}

func (p *pending) previous(at place) place {
	if at.at > 0 {
		return place{at.chunk, at.at - 1}
	}
	if at.chunk == 0 {
		return place{chunk: -1}
	}
	return place{at.chunk - 1, len(p.chunks[at.chunk-1]) - 1}
}
