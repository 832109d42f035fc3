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
	shift uint
}

type slot[V comparable] struct {
	key key // space 0: empty
	val V
}

// hash is good in its upper bits.
func (k key) hash() uint64 {
	h := (k.value ^ bits.RotateLeft64(k.space, 23)) * 0x9e3779b97f4a7c15
	h ^= h >> 29
	return h * 0xbf58476d1ce4e5b9
}

func (t *table[V]) hash(k key) int { return int(k.hash() >> t.shift) }

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

func (t *table[V]) put(k key, v V) {
	if 4*(t.n+1) > 3*len(t.slots) {
		t.grow()
	}
	mask := len(t.slots) - 1
	for i := t.hash(k); ; i = (i + 1) & mask {
		s := &t.slots[i]
		if s.key == k {
			s.val = v
			return
		}
		if s.key.space == 0 {
			s.key, s.val = k, v
			t.n++
			return
		}
	}
}

func (t *table[V]) del(k key) {
	if t.n == 0 {
		return
	}
	mask := len(t.slots) - 1
	i := t.hash(k)
	for t.slots[i].key != k {
		if t.slots[i].key.space == 0 {
			return
		}
		i = (i + 1) & mask
	}
	t.n--
	for j := (i + 1) & mask; t.slots[j].key.space != 0; j = (j + 1) & mask {
		if home := t.hash(t.slots[j].key); (j-home)&mask >= (j-i)&mask {
			t.slots[i] = t.slots[j]
			i = j
		}
	}
	t.slots[i] = slot[V]{}
}

// delIf deletes k only while it still names v.
func (t *table[V]) delIf(k key, v V) {
	if have, ok := t.get(k); ok && have == v {
		t.del(k)
	}
}

func (t *table[V]) grow() {
	old := t.slots
	size := 2 * len(old)
	if size == 0 {
		size = 64
	}
	t.slots = make([]slot[V], size)
	t.shift = uint(64 - bits.TrailingZeros(uint(size)))
	t.n = 0
	for i := range old {
		if old[i].key.space != 0 {
			t.put(old[i].key, old[i].val)
		}
	}
}
