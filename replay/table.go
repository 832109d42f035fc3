package replay

import "math/bits"

// key names an object: what kind of value it is, the namespace it lives in, and the value.
type key struct {
	space uint64 // kind in the top byte, namespace (pid of a user-mode source) below
	value uint64
}

// kind of key.
const (
	kindThread         uint64 = iota + 1
	kindProtocol              // NdisProtocolHandle
	kindMiniportDriver        // NdisMiniportDriverHandle
	kindAdapter               // MiniportAdapterHandle or another identity in the adapter column
	kindAdapterContext        // MiniportAdapterContext
	kindLuid
	kindIfIndex
	kindAdapterName // interned
	kindBinding     // NdisBindingHandle
	kindBindingContext
	kindBindContext   // BindContext of ProtocolBindAdapterEx
	kindUnbindContext // UnbindContext of ProtocolUnbindAdapterEx
	kindAF            // NdisAfHandle
	kindClientAF      // ClientAfContext
	kindManagerAF     // CallMgrAfContext
	kindSAP
	kindClientSAP
	kindVC
	kindManagerSAP // CallMgrSapContext
	kindSAPValue   // what a SAP filters
	kindRequest    // OID request, on the side that asks
	kindAnswer     // the same on the side that is asked
	kindClientVC   // ProtocolVcContext
	kindManagerVC  // CallMgrVcContext
	kindMiniportVC // MiniportVcContext
	kindParty
	kindClientParty  // ProtocolPartyContext
	kindManagerParty // CallMgrPartyContext
)

// table is a hash table from key to V with linear probing and backward-shift deletion, so
// that a table whose size is steady never allocates.
type table[V comparable] struct {
	slots []slot[V]
	n     int
	room  int // for so many keys
	shift uint
	near  vicinity
}

// vicinity is the bits of a value, beginning with bit from, in which keys that lie near each
// other in a table differ. Handles and contexts are addresses of blocks of memory that were
// often taken one after the other: those that are new are found where the last ones were, and
// not somewhere in a large table. The zero value scatters all keys.
type vicinity struct {
	bits uint64 // three in a row, or none
	from uint8  // the lowest of them
}

var (
	nearBlocks  = vicinity{7 << 6, 6} // blocks of memory
	nearNumbers = vicinity{7, 0}      // consecutive numbers
)

type slot[V comparable] struct {
	key key // space 0: empty
	val V
}

// hash is good in its upper bits.
func (k key) hash() uint64 { return (k.value ^ bits.RotateLeft64(k.space, 23)) * 0x9e3779b97f4a7c15 }

// quarters says how many quarters of a table are in use at most: neighbours in a full one would
// push each other far away.
func (v vicinity) quarters() int {
	if v.bits != 0 {
		return 2
	}
	return 3
}

// hash gives the place of k. Keys of one vicinity get places that differ in their last bits only.
func (t *table[V]) hash(k key) int {
	near := k.value & t.near.bits
	k.value ^= near
	return int(k.hash()>>(t.shift&63) ^ near>>(t.near.from&63))
}

func (t *table[V]) get(k key) (v V, ok bool) {
	if t.n == 0 {
		return v, false
	}
	mask := len(t.slots) - 1
	for i := t.hash(k); ; i = (i + 1) & mask {
		s := &t.slots[i]
		if s.key == k {
			return s.val, true
		}
		if s.key.space == 0 {
			return v, false
		}
	}
}

func (t *table[V]) put(k key, v V) { t.swap(k, v) }

// swap is put, and gives what k named before.
func (t *table[V]) swap(k key, v V) (old V) {
	if t.n >= t.room {
		t.grow()
	}
	mask := len(t.slots) - 1
	for i := t.hash(k); ; i = (i + 1) & mask {
		s := &t.slots[i]
		if s.key == k {
			old, s.val = s.val, v
			return old
		}
		if s.key.space == 0 {
			s.key, s.val = k, v
			t.n++
			return old
		}
	}
}

// find gives the slot of k, or -1.
func (t *table[V]) find(k key) int {
	if t.n == 0 {
		return -1
	}
	mask := len(t.slots) - 1
	for i := t.hash(k); ; i = (i + 1) & mask {
		if s := &t.slots[i]; s.key == k {
			return i
		} else if s.key.space == 0 {
			return -1
		}
	}
}

func (t *table[V]) del(k key) {
	if i := t.find(k); i >= 0 {
		t.remove(i)
	}
}

// delIf deletes k only while it still names v.
func (t *table[V]) delIf(k key, v V) {
	var none V
	t.succeed(k, v, none)
}

// succeed lets k name next in place of v, and nothing if next is the zero value. It says
// whether k named v.
func (t *table[V]) succeed(k key, v, next V) bool {
	i := t.find(k)
	if i < 0 || t.slots[i].val != v {
		return false
	}
	var none V
	if next == none {
		t.remove(i)
	} else {
		t.slots[i].val = next
	}
	return true
}

// remove empties slot i.
func (t *table[V]) remove(i int) {
	mask := len(t.slots) - 1
	t.n--
	for j := (i + 1) & mask; t.slots[j].key.space != 0; j = (j + 1) & mask {
		if home := t.hash(t.slots[j].key); (j-home)&mask >= (j-i)&mask {
			t.slots[i] = t.slots[j]
			i = j
		}
	}
	t.slots[i] = slot[V]{}
}

func (t *table[V]) grow() {
	old := t.slots
	size := 2 * len(old)
	if size == 0 {
		size = 64
	}
	t.slots = make([]slot[V], size)
	t.shift = uint(64 - bits.TrailingZeros(uint(size)))
	t.n, t.room = 0, t.near.quarters()*size/4
	for i := range old {
		if old[i].key.space != 0 {
			t.put(old[i].key, old[i].val)
		}
	}
}
