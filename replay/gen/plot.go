package gen

import (
	"fmt"
	"strings"

	"github.com/aftrace/aftrace/format/ndis"
)

// plot is what the worlds of a profile are like. Chances are in percent.
type plot struct {
	name, about string
	families    []ndis.AFType
	mcm         int    // the adapter's miniport is a call manager
	managers    int    // stand-alone call managers at most
	clients     [2]int // at least and at most
	churn       int    // rebinds at most
	surprise    int    // the adapter is removed by surprise
	parallel    int    // binds and unbinds run at once
	life        int    // ns, about, between what the environment does
	opens       int    // a client opens an AF that it is told of
	pend        int    // a request is let pend
	work        [2]int // what a client does with an AF
	changes     int    // changes of a call at most
	incoming    int    // calls come in on a SAP
	signaling   int    // a call manager has a VC of its own
	closeEarly  int    // a client closes an AF before it has to
	refuse      int    // a call manager refuses an open
	data        int    // sends and receives of a call at most

	sapShare, callShare, multiShare, oidShare int
}

var plots = []*plot{
	{name: "wan", about: "WAN adapters with miniport call managers: SAPs, calls in both directions, OID requests",
		families: []ndis.AFType{ndis.AFTypeTAPIProxy, ndis.AFTypeTAPI, ndis.AFTypeL2TP}, mcm: 80, managers: 1, clients: [2]int{1, 3},
		churn: 1, surprise: 15, parallel: 40, life: 60_000, opens: 90, pend: 35, work: [2]int{3, 9}, changes: 2, incoming: 70, signaling: 20,
		closeEarly: 20, refuse: 8, data: 3, sapShare: 30, callShare: 40, multiShare: 0, oidShare: 30},
	{name: "atm", about: "ATM adapters with stand-alone call managers: signaling VCs, point-to-multipoint calls, QoS",
		families: []ndis.AFType{ndis.AFTypeQ2931, ndis.AFTypePSched}, mcm: 0, managers: 2, clients: [2]int{1, 3},
		churn: 1, surprise: 10, parallel: 40, life: 80_000, opens: 90, pend: 45, work: [2]int{3, 8}, changes: 4, incoming: 50, signaling: 70,
		closeEarly: 20, refuse: 8, data: 4, sapShare: 20, callShare: 35, multiShare: 35, oidShare: 10},
	{name: "churn", about: "bindings that come and go, call managers that leave while AFs are open, surprise removal",
		families: []ndis.AFType{ndis.AFTypeQ2931, ndis.AFTypeTAPI}, mcm: 20, managers: 2, clients: [2]int{2, 4},
		churn: 8, surprise: 50, parallel: 70, life: 15_000, opens: 90, pend: 40, work: [2]int{0, 4}, changes: 1, incoming: 40, signaling: 30,
		closeEarly: 10, refuse: 10, data: 1, sapShare: 40, callShare: 40, multiShare: 10, oidShare: 10},
	{name: "boot-storm", about: "adapters that come up with many clients at once, each of which opens every AF",
		families: []ndis.AFType{ndis.AFTypeTAPIProxy, ndis.AFTypeTAPI, ndis.AFTypeQ2931, ndis.AFTypePSched}, mcm: 50, managers: 3, clients: [2]int{6, 16},
		churn: 0, surprise: 5, parallel: 100, life: 10_000, opens: 100, pend: 50, work: [2]int{0, 1}, changes: 0, incoming: 10, signaling: 10,
		closeEarly: 5, refuse: 6, data: 1, sapShare: 60, callShare: 20, multiShare: 0, oidShare: 20},
}

// Profiles are the names of the profiles, and what their worlds are like.
func Profiles() (names, about []string) {
	for _, p := range plots {
		names, about = append(names, p.name), append(about, p.about)
	}
	return names, about
}

func plotOf(name string) (*plot, error) {
	if name == "" {
		name = plots[0].name
	}
	for _, p := range plots {
		if p.name == name {
			return p, nil
		}
	}
	names, _ := Profiles()
	return nil, fmt.Errorf("there is no profile %q: want one of %s", name, strings.Join(names, ", "))
}

// pickFamilies is what a call manager registers. With n stand-alone call managers, number i has
// some AFs of its own; now and then it tries for one that another holds, and is refused.
func (p *plot) pickFamilies(w *world, i, n int) (list []uint32) {
	first := true
	for j, af := range p.families {
		switch {
		case j%n == i:
			if first || w.chance(60) {
				list = append(list, uint32(af))
			}
			first = false
		case w.families[uint32(af)] != nil && !w.families[uint32(af)].leaving && w.chance(15):
			list = append(list, uint32(af))
		}
	}
	return list
}
