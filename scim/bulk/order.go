package bulk

import (
	"container/heap"
	"net/http"
	"slices"
	"strings"

	"github.com/usher-scim/usher/directory"
)

// Order returns the order in which operations can be carried out, as circles of their indexes: an operation stands behind those
// that create what it names, and one that touches a resource behind the earlier ones that touch it; otherwise
// the order of the request stays. Nearly every circle is of one operation. One of several, all of them POSTs, is of resources that
// name each other; so is one of an operation that names itself. A bulkId that nobody creates is no concern of the order.
//
// Time and memory are bounded by the operations and what they name: each reference is one edge, looked at twice.
func (a Attributes) Order(operations []Operation) [][]int {
	g := a.graph(operations)
	circles := g.circles()
	of := make([]int, len(operations)) // the circle of each operation
	for c, members := range circles {
		for _, i := range members {
			of[i] = c
		}
	}
	waits := make([]int, len(circles))       // for how many circles each still waits
	followers := make([][]int, len(circles)) // those that wait for it
	for c, members := range circles {
		before := map[int]bool{}
		for _, i := range members {
			for _, on := range g[i] {
				if of[on] != c && !before[of[on]] {
					before[of[on]] = true
					followers[of[on]] = append(followers[of[on]], c)
				}
			}
		}
		waits[c] = len(before)
	}
	ready := &queue{circles: circles}
	for c := range circles {
		if waits[c] == 0 {
			heap.Push(ready, c)
		}
	}
	order := make([][]int, 0, len(circles))
	for ready.Len() > 0 {
		c, _ := heap.Pop(ready).(int)
		order = append(order, circles[c])
		for _, next := range followers[c] {
			if waits[next]--; waits[next] == 0 {
				heap.Push(ready, next)
			}
		}
	}
	return order
}

// graph holds of each operation those that must come before it.
type graph [][]int

func (a Attributes) graph(operations []Operation) graph {
	creates := map[string]int{}
	for i, o := range operations {
		if o.Method == http.MethodPost && o.BulkID != "" && o.Wrong == nil {
			creates[o.BulkID] = i
		}
	}
	g := make(graph, len(operations))
	touched := map[string]int{}
	for i, o := range operations {
		if o.Wrong != nil {
			continue
		}
		for _, id := range a.References(o) {
			if on, ok := creates[id]; ok {
				g[i] = append(g[i], on)
			}
		}
		if o.Method == http.MethodPost {
			continue
		}
		resource := directory.Fold(strings.Trim(o.Path, "/"))
		if on, ok := touched[resource]; ok {
			g[i] = append(g[i], on)
		}
		touched[resource] = i
	}
	return g
}

// circles returns the strongly connected components (Tarjan), each in the order of the request. The recursion is as deep as there are
// operations, which are bounded.
func (g graph) circles() [][]int {
	t := tarjan{graph: g, index: make([]int, len(g)), low: make([]int, len(g)), onStack: make([]bool, len(g))}
	for i := range g {
		if t.index[i] == 0 {
			t.visit(i)
		}
	}
	return t.found
}

type tarjan struct {
	graph
	next       int
	index, low []int // from 1; 0: not seen
	onStack    []bool
	stack      []int
	found      [][]int
}

func (t *tarjan) visit(i int) {
	t.next++
	t.index[i], t.low[i] = t.next, t.next
	t.stack, t.onStack[i] = append(t.stack, i), true
	for _, on := range t.graph[i] {
		switch {
		case t.index[on] == 0:
			t.visit(on)
			t.low[i] = min(t.low[i], t.low[on])
		case t.onStack[on]:
			t.low[i] = min(t.low[i], t.index[on])
		}
	}
	if t.low[i] != t.index[i] {
		return
	}
	at := lastIndex(t.stack, i)
	circle := slices.Clone(t.stack[at:])
	for _, member := range circle {
		t.onStack[member] = false
	}
	t.stack = t.stack[:at]
	slices.Sort(circle)
	t.found = append(t.found, circle)
}

// queue gives the circle whose first operation stands earliest in the request.
type queue struct {
	circles [][]int
	waiting []int
}

func (q *queue) Len() int           { return len(q.waiting) }
func (q *queue) Less(i, j int) bool { return q.circles[q.waiting[i]][0] < q.circles[q.waiting[j]][0] }
func (q *queue) Swap(i, j int)      { q.waiting[i], q.waiting[j] = q.waiting[j], q.waiting[i] }

// Push is heap.Interface's.
func (q *queue) Push(x any) {
	c, _ := x.(int)
	q.waiting = append(q.waiting, c)
}

// Pop is heap.Interface's.
func (q *queue) Pop() any {
	end := len(q.waiting) - 1
	c := q.waiting[end]
	q.waiting = q.waiting[:end]
	return c
}

// lastIndex looks from the end: a circle lies on top of the stack.
func lastIndex(stack []int, i int) int {
	at := len(stack) - 1
	for stack[at] != i {
		at--
	}
	return at
}
