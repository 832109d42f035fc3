package replay

import (
	"github.com/aftrace/aftrace/format"
	"github.com/aftrace/aftrace/format/ndis"
)

// ev points to a row of the trace.
type ev struct {
	seq uint64
	ts  int64
	n   uint64 // position in the order of replay; below it how far back the entry is; odd if the row was inferred
}

// evBack is how many bits of ev.n, above the lowest, are for the distance of the entry.
const evBack = 23

// evRest is the bits of ev.n below the position.
const evRest = 1<<(1+evBack) - 1

// evAt is the row at the given position in the order of replay.
func evAt(seq uint64, ts int64, position uint64) ev { return ev{seq, ts, position << (1 + evBack)} }

// back notes that e is the return of the call that was entered at the row enter, if that is not
// too far away.
func (e *ev) back(enter uint64) {
	if d := e.seq - enter; d < 1<<evBack {
		e.n |= d << 1
	}
}

// entry is the row at which the call that e ends was entered; that of e itself if it ends none.
func (e ev) entry() uint64 { return e.seq - e.n>>1&(1<<evBack-1) }

// infer marks the row as inferred, which does not change its place.
func (e *ev) infer(yes bool) {
	if yes {
		e.n |= 1
	}
}

func (e ev) inferred() bool { return e.n&1 != 0 }

func (e ev) seen() bool { return e.seq != 0 || e.ts != 0 }

// thread is who ran a call. Calls of unknown threads are ordered by time alone.
type thread struct {
	tid   uint64
	pid   uint32
	known bool
}

// mark remembers a call after it is gone: enough to say whether another call is ordered
// behind it.
type mark struct {
	enter  ev
	ret    ev
	thread thread
	state  markState
}

// call is an invocation that was entered and has not returned. Calls are used again and again:
// enter sets all of entryRow, clears invocation, and d if it is detailed, and leaves aside as it is.
type call struct {
	entryRow
	invocation
	aside
	d        detail
	detailed bool // d is not empty
}

// entryRow is what every row that enters a call says.
type entryRow struct {
	ev
	fn          ndis.Func // as in the trace
	onTop       bool      // it is on a thread's stack
	label       uint32
	has         format.Fields
	thread      thread
	stack       *stack // of its thread
	parent      *call  // the call below it on its thread
	behind      *call  // the next one in its chain of the call table, or of those to use again
	ns          uint64
	id          uint64
	gapsAtEnter uint64
}

// invocation is what only some calls have.
type invocation struct {
	adapter, binding, af, sap, vc, party, context, context2 uint64
	afType, afMajor, afMinor                                uint32
	status                                                  ndis.Status

	// what the entry found out, for the return
	bind      *bindAttempt
	b         *binding
	a         *adapter
	reg       *registration
	o         *afOpen
	s         *sap
	v         *vc
	drv       *driver
	n         int
	found     *finding // what the entry reported, until the return knows better
	q         *request // the OID request that the call makes or answers
	mute      *afOpen  // a call is let through on it although signaling is disabled
	p         *party
	gen       uint64 // the call that the VC carried
	activated uint64 // how often it had been activated
	verdict   suspicion
	flag      bool
	busy      bool // what stands in the way at the entry
	side      side
}

// aside is what means something only beside another field that is set: it need not be cleared.
type aside struct {
	first   ev      // flag: what the call repeats
	inUse   *afOpen // suspectContextInUse: whose client context the call reuses
	inUseID uint64
	sid     uint64 // id of s
	qid     uint64 // of q
	vid     uint64 // of v
	pid     uint64 // of p
	muteID  uint64 // of mute
	muteOff ev     // where it was disabled
}

// suspicion is a rule that the entry of a call seems to break because something has not
// happened yet; it stands only if that has still not happened when the call returns.
type suspicion uint8

const (
	suspectOpenPending  suspicion = 1 << iota // BIND-02
	suspectUnbindAsked                        // BIND-10
	suspectAFPending                          // OPEN-09
	suspectContextInUse                       // CLOSE-19
)

func (cl *call) name() string { return cl.fn.String() }

// driver is a protocol or miniport driver.
type driver struct {
	id          uint64 // of this object, never reused
	label       uint32
	protocol    uint64
	hasHandle   bool
	roles       roleSet
	declared    bool  // handlers or role were seen
	stated      bool  // a row said its roles outright
	said        [3]ev // the first rows in which it said what it is
	notCO       bool  // detail.co is false
	registered  mark  // NdisRegisterProtocolDriver
	options     bool  // its SetOptions callback was seen
	deregister  mark
	upSeen      bool     // a callback into it was seen: absence of another one means something
	downSeen    bool     // a call by it was seen
	assumed     int      // bindings that the trace does not open
	known       int      // bindings and adapters that it does
	contextless int      // bindings whose context was not recorded
	newest      *binding // live bindings, linked
	names5x     bool
	names6x     bool
	named       ev // the first row with a name of one generation
	mixed       bool
	regs        int       // AFs it registered successfully
	misdirected int       // completions of opens it sent to handles that do not exist
	first       ndis.Func // of its first row in the trace
	unopened    bool      // it was bound, and the call that opens the adapter is not in the trace
	isMiniport  bool
	isProtocol  bool
	vcUps       bool  // a MiniportCo callback for a VC was seen
	signals     bool  // it made a VC for its own signaling
	vagueAsks   bool  // it made an OID request that does not say what for, or of which AF open
	lostSaps    int   // SAPs of it whose registration was not followed
	note        *Note // of the Tracker
}

// misdirect notes a completion that went to no open.
func (d *driver) misdirect() {
	if d != nil {
		d.misdirected++
	}
}

// tri is yes, no or unknown.
type tri uint8

const (
	unknown tri = iota
	yes
	no
)

// adapter is a miniport adapter.
type adapter struct {
	no          uint64 // of this object, never reused
	id          uint64 // value in the adapter column, 0 if it is known by another name only
	listed      int    // index in Checker.adapterList, -1 if it is not there any more
	keys        []key
	driver      *driver
	co          tri
	mcm         tri
	context     uint64
	hasCtx      bool
	init        mark
	up          ev // MiniportInitializeEx returned SUCCESS
	halt        mark
	regs        []*registration // live or being made
	past        []*registration // the last few that ended
	bindings    []*binding
	served      []*afOpen // as miniport call manager
	asked       bool      // the trace has opens of clients on it
	unseen      bool      // a driver is bound to it whose calls are not captured
	unopened    int       // binds to it that have not opened it in the trace
	surprise    ev        // it was told of its surprise removal
	requests    int       // OID requests that its miniport has pended
	haltedEarly bool      // UNLOAD-03 was reported of it
	sent        ev        // a send that the miniport certainly has
	sentAge     uint64    // it was noted at this count of Checker.sentAge
	note        *Note     // of the Tracker
}

// maxPast bounds how many ended registrations an adapter remembers.
const maxPast = 16

// bindAttempt is one ProtocolBindAdapterEx upcall and what came of it.
type bindAttempt struct {
	counted    bool // among adapter.unopened
	ns         uint64
	bindCtx    uint64
	hasCtx     bool
	label      uint32
	adapter    *adapter
	op         op
	enter      ev
	thread     thread
	done       ev // row where it ended
	doneMark   mark
	status     ndis.Status
	hasStatus  bool
	openFailed ev
	b          *binding
	pended     int // one more than its index in pendedBinds
	buried     bool
}

func (a *bindAttempt) finished() bool { return a.done.seen() }

// binding is what NdisOpenAdapterEx makes.
type binding struct {
	id       uint64 // of this object, never reused
	ns       uint64
	handle   uint64
	hasHdl   bool
	context  uint64
	hasCtx   bool
	ctxNext  *binding
	newer    *binding // list of the live ones
	older    *binding
	newerOf  *binding // list of those of its driver
	olderOf  *binding
	buried   bool
	adapter  *adapter
	driver   *driver
	label    uint32
	assumed  bool
	attempt  *bindAttempt
	open     op
	opened   ev // row that made the handle valid
	state    bindingState
	complete ev // bind completed successfully
	unbind   mark
	unbindOp op
	unbindID uint64
	hasUnbID bool
	unbound  ev // unbind completed
	close    mark
	closeOp  op
	asked    mark // NdisUnbindAdapter
	pending  *afOpen
	opens    []*afOpen // as client
	served   []*afOpen // as call manager
	regs     []*registration
	anyOpen  bool
	failed   ev // last failed open
	handlers uint64
	hasHdlrs bool
	firstReg ev
	notified []notice
	strays   int   // notifications of address families that nobody had registered
	requests int   // OID requests made, or to be answered, on it
	note     *Note // of the Tracker
}

// notice is a notification that a binding got for a registration.
type notice struct {
	reg *registration
	id  uint64
	at  ev
	n   int
}

// registration is a call manager's claim of an address family on an adapter.
type registration struct {
	id        uint64
	adapter   *adapter
	typ       uint32
	major     uint32
	minor     uint32
	hasVer    bool
	b         *binding // owner if it is a stand-alone call manager
	mcm       bool
	stray     bool // made with the function of MCMs by a driver that is none
	driver    *driver
	label     uint32
	state     regState
	enter     ev
	ret       ev // SUCCESS
	end       mark
	assumed   bool
	again     bool // the owner had registered it before
	repeats   bool // the owner holds it already
	contested bool // NDIS accepted another claim beside it
	wrong     bool // NDIS should not have accepted it
	early     []ev // notifications that came while the call ran
	refused   []refusal
	note      *Note // of the Tracker
}

// refusal is a failed claim that waits for the outcome of the claim it ran into.
type refusal struct {
	at        ev
	enter     ev
	contender string
	status    ndis.Status
	af        AF
}

// afOpen is the association of a client and a call manager over one address family.
type afOpen struct {
	id      uint64
	was     uint64 // what the client's half was known by before the call manager's was found; 0 if it had none
	ns      uint64
	handle  uint64
	hasHdl  bool
	state   afState
	assumed bool

	client    *binding
	clientCtx uint64
	hasClCtx  bool
	clNext    *afOpen
	managerCt uint64
	hasMgrCtx bool
	mgrNext   *afOpen
	adapter   *adapter
	typ       uint32
	hasTyp    bool
	reg       *registration
	owner     *binding // call manager's binding, nil for an MCM
	ownerA    *adapter // MCM's adapter
	mcm       tri
	mgrLabel  uint32
	unlinked  bool // known from the call manager's side only

	clOpen      op // NdisClOpenAddressFamilyEx
	cmOpen      op // ProtocolCmOpenAf
	clClose     op // NdisClCloseAddressFamily
	cmClose     op // ProtocolCmCloseAf
	clNotify    op // ProtocolClNotifyCloseAf
	cmNotify    op // Ndis(M)CmNotifyCloseAddressFamily
	cmFinal     ndis.Status
	cmFinalOK   bool // cmFinal is known
	cmFinalAt   ev
	clFinal     ndis.Status
	clFinalAt   ev
	closeMark   mark // the client's close
	reopened    bool // a close failed (AMB-07)
	cmDone      mark // from here the call manager may not use the handle
	notifyRes   ndis.Status
	notifyOK    bool
	notifyAt    ev
	inClose     int // live SAPs and VCs at the close, less those gone since
	leaving     int // SAPs being deregistered, VCs being deleted
	saps        int
	vcs         int
	cmUpcalls   int
	closeUps    int
	notifyUps   int
	retired     bool
	conflict    bool
	reused      bool // ProtocolCmOpenAf got the handle of another open for it, which was told
	openEnter   ev
	guessed     bool // a gap left open which calls of the two sides belong together
	apart       bool // the call manager was asked on another thread than the client's
	early       ev   // the client was told before the call manager had answered
	earlyStatus ndis.Status
	alias       uint64   // the client's handle, if it was given another one than the call manager
	unproven    ev       // the completion that overtook the return of a pended open
	hadServer   bool     // somebody whose callbacks are captured served the AF when it was opened
	untold      *finding // OPEN-01, until it is known whether NDIS gave the open
	misuse      *finding // what the client did wrong with the binding handle
	late        ev       // the client's binding had begun to go when it asked
	lateClosed  bool     // it was closed
	strictOpen  bool     // the early completion of the open said it came from NDIS
	strictClose bool
	over        bool // its being left open was reported
	oidAsked    ev   // the call manager sent OID_CO_AF_CLOSE
	failedClose mark // the client's close that failed last
	sapsFirst   bool // CLOSE-13 was reported of it
	missed      bool // what it waits for was reported
	notifyMark  mark
	inNotify    *call
	prev        *afOpen // list of the live ones
	next        *afOpen
	byOwner     int // index in owner.served or ownerA.served
	byClient    int // index in client.opens
	flight      int // index in inFlight, -1 if not there
	firstSap    *sap
	overfull    *finding // CLOSE-02
	asked       ev       // the client received OID_CO_AF_CLOSE
	mute        mark     // the call manager sent OID_CO_SIGNALING_DISABLED
	vcFirst     *vc      // its VCs, newest first
	note        *Note    // of the Tracker
}

// ctx chains: several owners may use one context value, so a value names a list of
// objects, newest first, and the label of the row picks among them.

// unchain takes x, which is not the first, out of the list that k names; next is where an
// element keeps the one behind it. Mostly x is the first: then succeed is all there is to do.
func unchain[V any](t *table[*V], k key, x *V, next func(*V) **V) {
	head, _ := t.get(k)
	for p := head; p != nil; p = *next(p) {
		if *next(p) == x {
			*next(p) = *next(x)
			return
		}
	}
}

func (c *Checker) addBindingContext(b *binding, ctx uint64) {
	k := key{kindBindingContext<<56 | b.ns, ctx}
	b.context, b.hasCtx = ctx, true
	b.ctxNext = c.bindings.swap(k, b)
}

func (c *Checker) dropBindingContext(b *binding) {
	if b.hasCtx {
		k := key{kindBindingContext<<56 | b.ns, b.context}
		if !c.bindings.succeed(k, b, b.ctxNext) {
			unchain(&c.bindings, k, b, func(b *binding) **binding { return &b.ctxNext })
		}
	}
}

// bindingByContext finds the binding that a ProtocolBindingContext belongs to. It gives
// nil if there is none or the row does not say which of several.
func (c *Checker) bindingByContext(cl *call) *binding {
	if cl.has&format.HasContext == 0 {
		return nil
	}
	head, _ := c.bindings.get(key{kindBindingContext<<56 | cl.ns, cl.context})
	var found *binding
	for b := head; b != nil; b = b.ctxNext {
		if cl.label != 0 && b.label != 0 && cl.label != b.label {
			continue
		}
		if cl.has&format.HasAdapter != 0 && b.adapter != nil && b.adapter.id != 0 && b.adapter.id != cl.adapter {
			continue
		}
		if found == nil {
			found = b
		} else if found.label == b.label || cl.label == 0 {
			if !found.unbound.seen() && !b.unbound.seen() {
				return nil // two live ones: the row does not say which
			}
			if found.unbound.seen() {
				found = b
			}
		}
	}
	return found
}

// addClientContext gives o its ClientAfContext, in place of one that it may have: an object is
// on one list only, and once.
func (c *Checker) addClientContext(o *afOpen, ctx uint64) {
	c.dropClientContext(o)
	k := key{kindClientAF<<56 | o.ns, ctx}
	o.clientCtx, o.hasClCtx = ctx, true
	o.clNext = c.opens.swap(k, o)
}

// addManagerContext is addClientContext for the CallMgrAfContext.
func (c *Checker) addManagerContext(o *afOpen, ctx uint64) {
	c.dropManagerContext(o)
	k := key{kindManagerAF<<56 | o.ns, ctx}
	o.managerCt, o.hasMgrCtx = ctx, true
	o.mgrNext = c.opens.swap(k, o)
}

func (c *Checker) dropClientContext(o *afOpen) {
	if o.hasClCtx {
		o.hasClCtx = false
		k := key{kindClientAF<<56 | o.ns, o.clientCtx}
		if !c.opens.succeed(k, o, o.clNext) {
			unchain(&c.opens, k, o, func(o *afOpen) **afOpen { return &o.clNext })
		}
	}
}

func (c *Checker) dropManagerContext(o *afOpen) {
	if o.hasMgrCtx {
		o.hasMgrCtx = false
		k := key{kindManagerAF<<56 | o.ns, o.managerCt}
		if !c.opens.succeed(k, o, o.mgrNext) {
			unchain(&c.opens, k, o, func(o *afOpen) **afOpen { return &o.mgrNext })
		}
	}
}

// clientOpen finds the AF open that a ClientAfContext belongs to, the newest for which ok
// holds, or the newest of all.
func (c *Checker) clientOpen(cl *call, ok func(*afOpen) bool) *afOpen {
	if cl.has&format.HasContext == 0 {
		return nil
	}
	head, _ := c.opens.get(key{kindClientAF<<56 | cl.ns, cl.context})
	return head.clientOf(cl, ok)
}

// clientOf is clientOpen on the list that begins with o.
func (o *afOpen) clientOf(cl *call, ok func(*afOpen) bool) *afOpen {
	var first *afOpen
	for ; o != nil; o = o.clNext {
		if cl.label != 0 && o.client != nil && o.client.label != 0 && o.client.label != cl.label {
			continue
		}
		if ok(o) {
			return o
		}
		if first == nil {
			first = o
		}
	}
	return first
}

// managerOpen is clientOpen for a CallMgrAfContext.
func (c *Checker) managerOpen(cl *call, ok func(*afOpen) bool) *afOpen {
	if cl.has&format.HasContext == 0 {
		return nil
	}
	head, _ := c.opens.get(key{kindManagerAF<<56 | cl.ns, cl.context})
	var first *afOpen
	for o := head; o != nil; o = o.mgrNext {
		if cl.label != 0 && o.mgrLabel != 0 && o.mgrLabel != cl.label {
			continue
		}
		if ok(o) {
			return o
		}
		if first == nil {
			first = o
		}
	}
	return first
}
