package memory

import "bytes"

// node is an ordered map as a treap: a search tree by key, a heap by a priority that follows from
// the key, so that the same keys always make the same tree. Nodes are never changed; a write copies
// the path to the root.
type node struct {
	key, value  []byte
	priority    uint64
	left, right *node
}

// priorityOf is FNV-1a with a last mix, so that keys which differ in their last byte alone lie far apart.
func priorityOf(key []byte) uint64 {
	h := uint64(14695981039346656037)
	for _, b := range key {
		h = (h ^ uint64(b)) * 1099511628211
	}
	h ^= h >> 33
	h *= 0xff51afd7ed558ccd
	return h ^ h>>33
}

func (n *node) get(key []byte) ([]byte, bool) {
	for n != nil {
		switch order := bytes.Compare(key, n.key); {
		case order == 0:
			return n.value, true
		case order < 0:
			n = n.left
		default:
			n = n.right
		}
	}
	return nil, false
}

// put returns the tree with the pair in it. It keeps the slices.
func (n *node) put(key, value []byte) *node {
	if _, there := n.get(key); there {
		return n.replace(key, value)
	}
	less, more := n.split(key)
	return join(join(less, &node{key: key, value: value, priority: priorityOf(key)}), more)
}

// replace sets the value of a key that is there.
func (n *node) replace(key, value []byte) *node {
	c := *n
	switch order := bytes.Compare(key, n.key); {
	case order == 0:
		c.value = value
	case order < 0:
		c.left = n.left.replace(key, value)
	default:
		c.right = n.right.replace(key, value)
	}
	return &c
}

// remove returns the tree without a key that is there.
func (n *node) remove(key []byte) *node {
	order := bytes.Compare(key, n.key)
	if order == 0 {
		return join(n.left, n.right)
	}
	c := *n
	if order < 0 {
		c.left = n.left.remove(key)
	} else {
		c.right = n.right.remove(key)
	}
	return &c
}

// split returns what is less than a key, and the rest.
func (n *node) split(key []byte) (less, more *node) {
	if n == nil {
		return nil, nil
	}
	c := *n
	if bytes.Compare(n.key, key) < 0 {
		c.right, more = n.right.split(key)
		return &c, more
	}
	less, c.left = n.left.split(key)
	return less, &c
}

// join makes one tree of two, all keys of a being less than all of b.
func join(a, b *node) *node {
	switch {
	case a == nil:
		return b
	case b == nil:
		return a
	case a.priority > b.priority:
		c := *a
		c.right = join(a.right, b)
		return &c
	default:
		c := *b
		c.left = join(a, b.left)
		return &c
	}
}

// ascend yields the pairs with from <= key < to; it reports whether yield wants more.
func (n *node) ascend(from, to []byte, yield func(key, value []byte) bool) bool {
	if n == nil {
		return true
	}
	behind := from == nil || bytes.Compare(n.key, from) >= 0
	before := to == nil || bytes.Compare(n.key, to) < 0
	return (!behind || n.left.ascend(from, to, yield)) &&
		(!behind || !before || yield(n.key, n.value)) &&
		(!before || n.right.ascend(from, to, yield))
}

// descend is ascend in descending order.
func (n *node) descend(from, to []byte, yield func(key, value []byte) bool) bool {
	if n == nil {
		return true
	}
	behind := from == nil || bytes.Compare(n.key, from) >= 0
	before := to == nil || bytes.Compare(n.key, to) < 0
	return (!before || n.right.descend(from, to, yield)) &&
		(!behind || !before || yield(n.key, n.value)) &&
		(!behind || n.left.descend(from, to, yield))
}
