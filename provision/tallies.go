package provision

import "slices"

// tallies are what was found of some people, of one slice or of all slices so far.
type tallies struct {
	people int
	apps   []appTally // in the order of survey.apps
	// caused counts the people whom the edit alone meets, by which kinds of work in which apps: that set, as bytes, is the key. There are
	// few different sets, for people of one group fare alike.
	caused map[string]int
}

type appTally struct {
	Fates
	hurts map[Kind]Tally
	seats seats
}

func newTallies(apps int) *tallies {
	return &tallies{apps: make([]appTally, apps), caused: map[string]int{}}
}

// join adds what was found after it.
func (t *tallies) join(after *tallies) {
	t.people += after.people
	for i := range after.apps {
		to, from := &t.apps[i], &after.apps[i]
		to.Fates.join(&from.Fates)
		for kind, tally := range from.hurts {
			to.hurt(kind, func(t *Tally) { t.join(tally) })
		}
		to.seats.join(from.seats)
	}
	for set, n := range after.caused {
		t.caused[set] += n
	}
}

func (a *appTally) hurt(kind Kind, change func(*Tally)) {
	if a.hurts == nil {
		a.hurts = map[Kind]Tally{}
	}
	t := a.hurts[kind]
	change(&t)
	a.hurts[kind] = t
}

// The sets of caused hold one byte for each app, with a bit for each kind.
func bit(kind Kind) byte { return 1 << slices.Index(Kinds(), kind) }

// over lists the kinds of which the edit brings an app more than its limit. A kind without one is not among them: a person approves
// each new administrator, whatever was confirmed.
func (t *tallies) over(app int, limits map[Kind]int) []Kind {
	var over []Kind
	for _, kind := range Kinds() {
		n := 0
		for set, people := range t.caused {
			if set[app]&bit(kind) != 0 {
				n += people
			}
		}
		if limit, ok := limits[kind]; ok && n > limit {
			over = append(over, kind)
		}
	}
	return over
}

// confirm counts the people who lose an account or what it can do through the edit, those of other kinds that are over a budget, and
// all of them together, each once. Over are the kinds of each app that are over its budget.
func (t *tallies) confirm(over [][]Kind) (losing, exceeding, confirm int) {
	ending, others := make([]byte, len(t.apps)), make([]byte, len(t.apps))
	for i := range t.apps {
		ending[i] = bit(Removals) | bit(Suspensions)
		for _, kind := range over[i] {
			others[i] |= bit(kind) &^ ending[i]
		}
	}
	meets := func(set string, asked []byte) bool {
		for i := range asked {
			if set[i]&asked[i] != 0 {
				return true
			}
		}
		return false
	}
	for set, people := range t.caused {
		loses, exceeds := meets(set, ending), meets(set, others)
		if loses {
			losing += people
		}
		if exceeds {
			exceeding += people
		}
		if loses || exceeds {
			confirm += people
		}
	}
	return losing, exceeding, confirm
}
