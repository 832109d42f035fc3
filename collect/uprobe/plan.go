//go:build linux && (amd64 || arm64)

package uprobe

import (
	"fmt"
	"slices"
	"strings"

	"github.com/aftrace/aftrace/format/ndis"
)

// A plan says what a probe reads, besides registers: it becomes a program for the kernel,
// and tells the decoder what the bytes of its records mean.
type plan struct {
	fetches []fetch
	stop    bool // the thread stops until its tables are read and probed
	size    int  // bytes of what is fetched
	from    int  // where handlers begin in the structures of NdisSetOptionalHandlers
}

// fetch reads memory of the program. The address is that of an argument, or on the stack,
// followed through a chain of pointers.
type fetch struct {
	what  what
	param *ndis.Param
	arg   int   // register of the argument, in the order of the ABI; -1: the stack pointer
	chain []int // offsets: the pointer at each but the last is followed
	size  int   // bytes; the most that are read if lenAt is set
	lenAt int   // place in the record of the length of what is read, 0 if it is fixed
	lenOf int   // bytes of that length
	may   bool  // it may not be there: a failure is none
	at    int   // place in the record
}

type what uint8

const (
	whatValue  what = iota // of a parameter that is not in a register
	whatTarget             // what a pointer to a handle, a context or a status points to
	whatFamily
	whatSapHead
	whatSapBytes
	whatFlags
	whatManagerParams
	whatManagerSpecific
	whatMediaParams
	whatMediaSpecific
	whatOID
	whatNameHead
	whatName
	whatLuid
	whatIndex
	whatAttributeType
	whatAttributeContext
	whatHandlersHead
	whatHandlers
	whatLastHandler
	whatPnPEvent
)

// Places in a record; see the programs. What is fetched follows.
const (
	recTime   = 0
	recThread = 8 // thread group and thread
	recID     = 16
	recCookie = 24
	recStack  = 32 // the stack pointer on entry
	recValue  = 40 // return address on entry, value returned
	recCPU    = 48
	recFlags  = 52
	recOK     = 56 // fetches that succeeded
	recFailed = 60 // fetches that failed
	recArgs   = 64

	enterSize  = recArgs + 8*numArgs
	returnSize = recArgs

	flagReturn  = 1
	flagUnknown = 2 // the table of calls was full: there is no id
)

const (
	maxSap     = 256
	maxParams  = 128
	maxName    = 256
	maxHandler = 176
)

func round8(n int) int { return (n + 7) &^ 7 }

// key identifies plans that read the same.
func (p *plan) key() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%v", p.stop)
	for _, f := range p.fetches {
		fmt.Fprintf(&b, ";%d %v %d %d %d", f.arg, f.chain, f.size, f.lenAt, f.lenOf)
	}
	return b.String()
}

// slots gives the ABI place of each parameter: a UNICODE_STRING by value takes two.
func slots(fn *ndis.Function) []int {
	at := make([]int, len(fn.Params))
	n := 0
	for i := range fn.Params {
		at[i] = n
		n++
		if fn.Params[i].Type == ndis.TypeUnicodeString {
			n++
		}
	}
	return at
}

// stops are the functions that are given tables of callbacks.
func stops(f ndis.Func) bool {
	switch f {
	case ndis.NdisRegisterProtocolDriver, ndis.NdisSetOptionalHandlers, ndis.NdisMRegisterMiniportDriver,
		ndis.NdisCmRegisterAddressFamily, ndis.NdisMCmRegisterAddressFamily, ndis.NdisClOpenAddressFamily:
		return true
	}
	return false
}

// lastHandler is the place of the handler that the size of revision 1 leaves out.
const lastHandler = 16

// handlersFrom is where the handlers begin in the structures passed to
// NdisSetOptionalHandlers: after a header and a ULONG.
func handlersFrom(l layout) int {
	if l["CO_ADDRESS_FAMILY.MajorVersion"].size == 8 {
		return 16
	}
	return 8
}

type planner struct {
	p    *plan
	base int
	l    layout
}

func (b *planner) add(f fetch) *fetch {
	f.at = b.base + b.p.size
	b.p.size += round8(f.size)
	b.p.fetches = append(b.p.fetches, f)
	return &b.p.fetches[len(b.p.fetches)-1]
}

func (b *planner) off(key string) int { return b.l[key].off }

// span is the bytes from the first field to the end of the last.
func (b *planner) span(first, last string) (off, size int) {
	m := b.l[last]
	off = b.off(first)
	return off, m.off + m.size - off
}

// name reads the UNICODE_STRING that the chain leads to.
func (b *planner) name(prm *ndis.Param, arg int, chain ...int) {
	head := b.add(fetch{what: whatNameHead, param: prm, arg: arg, chain: chain, size: 16})
	last := slices.Clone(chain)
	last[len(last)-1] += b.off("UNICODE_STRING.Buffer")
	b.add(fetch{what: whatName, param: prm, arg: arg, chain: append(last, 0), size: maxName, lenAt: head.at, lenOf: 2, may: true})
}

func (b *planner) callParams(prm *ndis.Param, arg int) {
	fl := b.l["CO_CALL_PARAMETERS.Flags"]
	b.add(fetch{what: whatFlags, param: prm, arg: arg, chain: []int{fl.off}, size: fl.size})
	length, bytes := b.l["CO_SPECIFIC_PARAMETERS.Length"], b.off("CO_SPECIFIC_PARAMETERS.Parameters")
	for _, s := range []struct {
		field, specific string
		head, tail      what
	}{
		{"CallMgrParameters", "CO_CALL_MANAGER_PARAMETERS.CallMgrSpecific", whatManagerParams, whatManagerSpecific},
		{"MediaParameters", "CO_MEDIA_PARAMETERS.MediaSpecific", whatMediaParams, whatMediaSpecific},
	} {
		to, specific := b.off("CO_CALL_PARAMETERS."+s.field), b.off(s.specific)
		head := b.add(fetch{what: s.head, param: prm, arg: arg, chain: []int{to, 0}, size: specific + bytes})
		b.add(fetch{what: s.tail, param: prm, arg: arg, chain: []int{to, specific + bytes}, size: maxParams,
			lenAt: head.at + specific + length.off, lenOf: length.size})
	}
}

// enterPlan is what is read when f is entered.
func enterPlan(f ndis.Func, l layout) *plan {
	fn := f.Info()
	p := &plan{stop: stops(f)}
	b := &planner{p, enterSize, l}
	at := slots(fn)
	for i := range fn.Params {
		prm := &fn.Params[i]
		arg := at[i]
		needed := prm.Column != ndis.NoColumn || len(prm.Keys) > 0
		if arg >= numArgs {
			if needed && prm.OnEnter() && (prm.Type == ndis.TypeHandle || prm.Type == ndis.TypeContext || prm.Type == ndis.TypeStatus || prm.Type == ndis.TypeULONG) {
				b.add(fetch{what: whatValue, param: prm, arg: -1, chain: []int{stackArg(arg)}, size: 8})
			}
			continue
		}
		switch prm.Type {
		case ndis.TypeHandlePtr, ndis.TypeContextPtr:
			if prm.Dir == ndis.InOut && needed {
				b.add(fetch{what: whatTarget, param: prm, arg: arg, chain: []int{0}, size: 8, may: true})
			}
		case ndis.TypeAddressFamilyPtr:
			off, size := b.span("CO_ADDRESS_FAMILY.AddressFamily", "CO_ADDRESS_FAMILY.MinorVersion")
			b.add(fetch{what: whatFamily, param: prm, arg: arg, chain: []int{off}, size: size})
		case ndis.TypeSapPtr:
			off, size := b.span("CO_SAP.SapType", "CO_SAP.SapLength")
			head := b.add(fetch{what: whatSapHead, param: prm, arg: arg, chain: []int{off}, size: size})
			length := b.l["CO_SAP.SapLength"]
			b.add(fetch{what: whatSapBytes, param: prm, arg: arg, chain: []int{b.off("CO_SAP.Sap")}, size: maxSap, lenAt: head.at + length.off - off, lenOf: length.size})
		case ndis.TypeCallParamsPtr:
			b.callParams(prm, arg)
		case ndis.TypeOidRequestPtr:
			b.add(fetch{what: whatOID, param: prm, arg: arg, chain: []int{b.off("NDIS_OID_REQUEST.DATA")}, size: 4})
		case ndis.TypeRequestPtr:
			b.add(fetch{what: whatOID, param: prm, arg: arg, chain: []int{b.off("NDIS_REQUEST.DATA")}, size: 4})
		case ndis.TypeBindParamsPtr:
			b.name(prm, arg, b.off("NDIS_BIND_PARAMETERS.AdapterName"), 0)
			b.number(prm, arg, whatLuid, "NDIS_BIND_PARAMETERS.BoundIfNetluid")
			b.number(prm, arg, whatIndex, "NDIS_BIND_PARAMETERS.BoundIfIndex")
		case ndis.TypeOpenParamsPtr:
			b.name(prm, arg, b.off("NDIS_OPEN_PARAMETERS.AdapterName"), 0)
		case ndis.TypeInitParamsPtr:
			b.number(prm, arg, whatIndex, "NDIS_MINIPORT_INIT_PARAMETERS.IfIndex")
			b.number(prm, arg, whatLuid, "NDIS_MINIPORT_INIT_PARAMETERS.NetLuid")
		case ndis.TypeAttributesPtr:
			b.number(prm, arg, whatAttributeType, "NDIS_OBJECT_HEADER.Type")
			b.number(prm, arg, whatAttributeContext, "NDIS_MINIPORT_ADAPTER_REGISTRATION_ATTRIBUTES.MiniportAdapterContext")
		case ndis.TypeHandlersPtr:
			if f != ndis.NdisSetOptionalHandlers {
				break // 5.x: the characteristics have no header
			}
			head := b.add(fetch{what: whatHandlersHead, param: prm, arg: arg, chain: []int{0}, size: 4})
			b.add(fetch{what: whatHandlers, param: prm, arg: arg, chain: []int{0}, size: maxHandler, lenAt: head.at + 2, lenOf: 2})
			// The size that the WDK gives for call managers leaves the last one out.
			p.from = handlersFrom(l)
			b.add(fetch{what: whatLastHandler, param: prm, arg: arg, chain: []int{p.from + 8*lastHandler}, size: 8, may: true})
		case ndis.TypeCharacteristicsPtr:
			if f == ndis.NdisRegisterProtocolDriver {
				b.name(prm, arg, b.off("NDIS_PROTOCOL_DRIVER_CHARACTERISTICS.Name"))
			}
		case ndis.TypePnPEventPtr:
			b.add(fetch{what: whatPnPEvent, param: prm, arg: arg, chain: []int{b.off("NET_PNP_EVENT_NOTIFICATION.NetPnPEvent")}, size: 4})
		case ndis.TypeDevicePnPEventPtr:
			b.add(fetch{what: whatPnPEvent, param: prm, arg: arg, chain: []int{b.off("NET_DEVICE_PNP_EVENT.DevicePnPEvent")}, size: 4})
		case ndis.TypeUnicodeStringPtr:
			if len(prm.Keys) > 0 {
				b.name(prm, arg, 0)
			}
		}
	}
	return p
}

func (b *planner) number(prm *ndis.Param, arg int, w what, key string) {
	m := b.l[key]
	b.add(fetch{what: w, param: prm, arg: arg, chain: []int{m.off}, size: m.size})
}

// returnPlan is what is read when f returns, through the arguments of its entry.
func returnPlan(f ndis.Func, l layout) *plan {
	fn := f.Info()
	p := &plan{}
	b := &planner{p, returnSize, l}
	at := slots(fn)
	for i := range fn.Params {
		prm := &fn.Params[i]
		if at[i] >= numArgs {
			continue
		}
		switch prm.Type {
		case ndis.TypeHandlePtr, ndis.TypeContextPtr:
			if prm.OnReturn() && (prm.Column != ndis.NoColumn || len(prm.Keys) > 0) {
				b.add(fetch{what: whatTarget, param: prm, arg: at[i], chain: []int{0}, size: 8, may: true})
			}
		case ndis.TypeStatusPtr:
			if prm.Column == ndis.ColStatus {
				b.add(fetch{what: whatTarget, param: prm, arg: at[i], chain: []int{0}, size: 4})
			}
		case ndis.TypeCallParamsPtr:
			if f == ndis.ProtocolClIncomingCall { // the client may change them
				b.callParams(prm, at[i])
			}
		}
	}
	return p
}
