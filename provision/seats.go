package provision

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/usher-scim/usher/adapters"
)

// SeatsPlan is how many seats of one licence a mapping needs, and how many there are.
type SeatsPlan struct {
	Licence string `json:"licence"` // "" where the app has no licences and each account is a seat
	Needed  int    `json:"needed"`  // by people who get it
	Freed   int    `json:"freed"`   // by people who have it now and lose it, when the mapping's list of steps has come to that
	// Free is how many the vendor says are left; nil where it does not tell, and Unknown says why.
	Free    *int   `json:"free,omitempty"`
	Unknown string `json:"unknown,omitempty"`
}

// Short is how many seats are missing before any is freed; 0 where they suffice or nobody can tell.
func (s SeatsPlan) Short() int {
	if s.Free == nil {
		return 0
	}
	return max(0, s.Needed-*s.Free)
}

// seats counts needs by licence.
type seats map[string][2]int // needed, freed

func (s *seats) count(licence string, needed, freed int) {
	if *s == nil {
		*s = seats{}
	}
	n := (*s)[licence]
	(*s)[licence] = [2]int{n[0] + needed, n[1] + freed}
}

func (s *seats) join(other seats) {
	for licence, n := range other {
		s.count(licence, n[0], n[1])
	}
}

// add counts what one person's outcome needs and frees.
func (s *seats) add(of Situation, o Outcome) {
	switch o.Fate {
	case FateCreate:
		s.count(of.Want.Licence, 1, 0)
	case FateDelete, FateSuspend:
		for i := range of.Accounts {
			if a := &of.Accounts[i]; a.State == Active || a.State == Demoted {
				s.count(a.Licence, 0, 1)
			}
		}
	case FateReturn, FateChange:
		s.kept(of, o)
	}
}

// kept counts accounts that stay and get another licence, or their own again after a suspension.
func (s *seats) kept(of Situation, o Outcome) {
	for _, step := range o.Steps {
		i := slices.IndexFunc(of.Accounts, func(a Account) bool { return a.ID == step.Account })
		if i < 0 {
			continue
		}
		switch a := &of.Accounts[i]; {
		case step.Op == OpResume:
			s.count(cmp.Or(of.Want.Licence, a.Licence), 1, 0)
		case step.Op == OpUpdate && step.Change.Licence != nil && *step.Change.Licence != a.Licence:
			s.count(*step.Change.Licence, 1, 0)
			s.count(a.Licence, 0, 1)
		}
	}
}

// seatsPatience is how long a plan waits for a vendor to say how many seats are left.
const seatsPatience = 10 * time.Second

// plan asks the vendor, when anything is needed, how many seats are left.
func (s seats) plan(ctx context.Context, conn Connection) []SeatsPlan {
	var list []SeatsPlan
	needed := false
	for licence, n := range s {
		list = append(list, SeatsPlan{Licence: licence, Needed: n[0], Freed: n[1]})
		needed = needed || n[0] > 0
	}
	if !needed {
		return nil
	}
	slices.SortFunc(list, func(a, b SeatsPlan) int { return cmp.Compare(a.Licence, b.Licence) })
	counter, ok := conn.Adapter.(adapters.SeatCounter)
	if !ok {
		for i := range list {
			list[i].Unknown = conn.Can.Title + " does not tell"
		}
		return list
	}
	ctx, cancel := context.WithTimeout(ctx, seatsPatience)
	defer cancel()
	have, err := counter.Seats(ctx)
	for i := range list {
		at := slices.IndexFunc(have, func(have adapters.Seats) bool { return have.Licence == list[i].Licence })
		switch {
		case err != nil:
			list[i].Unknown = message(err)
		case at < 0:
			list[i].Unknown = conn.Can.Title + " does not tell for this licence"
		default:
			free := have[at].Bought - have[at].Used
			list[i].Free = &free
		}
	}
	return list
}
