package replay

import (
	"reflect"
	"strings"

	"github.com/aftrace/aftrace/format"
	"github.com/aftrace/aftrace/format/ndis"
	"github.com/aftrace/aftrace/replay/rule"
)

// transition is what the rows of one function do to the world. Functions without either
// half pass through and are counted.
type transition struct {
	enter func(*Checker, *call)
	ret   func(c *Checker, cl *call, at ev, known bool, st ndis.Status)
}

// TransitionEntries are where the functions of this package begin that the entry and the return
// of a call of f go through; 0 where f has none. Functions may share one. It is for tools that
// measure them, which know how to find the name of a function.
func TransitionEntries(f ndis.Func) (enter, ret uintptr) {
	if f >= ndis.NumFuncs {
		return 0, 0
	}
	return reflect.ValueOf(transitions[f].enter).Pointer(), reflect.ValueOf(transitions[f].ret).Pointer()
}

var transitions = [ndis.NumFuncs]transition{
	ndis.NdisRegisterProtocolDriver:   {enterRegisterProtocol, returnRegisterProtocol},
	ndis.NdisRegisterProtocol:         {enterRegisterProtocol, returnRegisterProtocol},
	ndis.ProtocolSetOptions:           {enterSetOptions, nil},
	ndis.MiniportSetOptions:           {enterSetOptions, nil},
	ndis.NdisSetOptionalHandlers:      {enterSetHandlers, returnSetHandlers},
	ndis.NdisDeregisterProtocolDriver: {enterDeregisterProtocol, returnDeregisterProtocol},
	ndis.NdisDeregisterProtocol:       {enterDeregisterProtocol, returnDeregisterProtocol},

	ndis.ProtocolBindAdapterEx:          {enterBind, returnBind},
	ndis.ProtocolBindAdapter:            {enterBind, returnBind},
	ndis.NdisCompleteBindAdapterEx:      {enterCompleteBind, returnCompleteBind},
	ndis.NdisOpenAdapterEx:              {enterOpenAdapter, returnOpenAdapter},
	ndis.NdisOpenAdapter:                {enterOpenAdapter, returnOpenAdapter},
	ndis.ProtocolOpenAdapterCompleteEx:  {enterOpenAdapterComplete, nil},
	ndis.ProtocolUnbindAdapterEx:        {enterUnbind, returnUnbind},
	ndis.ProtocolUnbindAdapter:          {enterUnbind, returnUnbind},
	ndis.NdisCompleteUnbindAdapterEx:    {enterCompleteUnbind, nil},
	ndis.NdisCloseAdapterEx:             {enterCloseAdapter, returnCloseAdapter},
	ndis.NdisCloseAdapter:               {enterCloseAdapter, returnCloseAdapter},
	ndis.ProtocolCloseAdapterCompleteEx: {enterCloseAdapterComplete, nil},
	ndis.NdisUnbindAdapter:              {enterUnbindAdapter, returnUnbindAdapter},
	ndis.MiniportInitializeEx:           {enterInitialize, returnInitialize},
	ndis.NdisMSetMiniportAttributes:     {enterSetMiniportAttributes, nil},
	ndis.NdisMSetAttributesEx:           {enterSetMiniportAttributes, nil},
	ndis.MiniportHaltEx:                 {enterHalt, returnHalt},
	ndis.NdisMDeregisterMiniportDriver:  {enterDeregisterMiniport, returnDeregisterMiniport},

	ndis.NdisCmRegisterAddressFamilyEx:  {enterCmRegister, returnCmRegister},
	ndis.NdisCmRegisterAddressFamily:    {enterCmRegister, returnCmRegister},
	ndis.NdisMCmRegisterAddressFamilyEx: {enterMCmRegister, returnMCmRegister},
	ndis.NdisMCmRegisterAddressFamily:   {enterMCmRegister, returnMCmRegister},
	ndis.ProtocolCoAfRegisterNotify:     {enterNotify, returnNotify},

	ndis.NdisClOpenAddressFamilyEx:        {enterClOpen, returnClOpen},
	ndis.NdisClOpenAddressFamily:          {enterClOpen, returnClOpen},
	ndis.ProtocolCmOpenAf:                 {enterCmOpen, returnCmOpen},
	ndis.NdisCmOpenAddressFamilyComplete:  {enterCmOpenComplete, nil},
	ndis.NdisMCmOpenAddressFamilyComplete: {enterCmOpenComplete, nil},
	ndis.ProtocolClOpenAfCompleteEx:       {enterClOpenComplete, nil},
	ndis.ProtocolClOpenAfComplete:         {enterClOpenComplete, nil},

	ndis.NdisClCloseAddressFamily:               {enterClClose, returnClClose},
	ndis.ProtocolCmCloseAf:                      {enterCmClose, returnCmClose},
	ndis.NdisCmCloseAddressFamilyComplete:       {enterCmCloseComplete, returnCmCloseComplete},
	ndis.NdisMCmCloseAddressFamilyComplete:      {enterCmCloseComplete, returnCmCloseComplete},
	ndis.ProtocolClCloseAfComplete:              {enterClCloseComplete, returnClCloseComplete},
	ndis.NdisCmNotifyCloseAddressFamily:         {enterCmNotify, returnCmNotify},
	ndis.NdisMCmNotifyCloseAddressFamily:        {enterCmNotify, returnCmNotify},
	ndis.ProtocolClNotifyCloseAf:                {enterClNotify, returnClNotify},
	ndis.NdisClNotifyCloseAddressFamilyComplete: {enterClNotifyComplete, returnClNotifyComplete},
	ndis.ProtocolCmNotifyCloseAfComplete:        {enterCmNotifyComplete, returnCmNotifyComplete},

	ndis.NdisCoOidRequest:             {enterOidRequest, returnOidRequest},
	ndis.NdisCoRequest:                {enterOidRequest, returnOidRequest},
	ndis.NdisMCmOidRequest:            {enterOidRequest, returnOidRequest},
	ndis.NdisMCmRequest:               {enterOidRequest, returnOidRequest},
	ndis.ProtocolCoOidRequest:         {enterOidUpcall, returnOidUpcall},
	ndis.ProtocolCoRequest:            {enterOidUpcall, returnOidUpcall},
	ndis.MiniportCoOidRequest:         {enterMiniportOidUpcall, returnOidUpcall},
	ndis.MiniportCoRequest:            {enterMiniportOidUpcall, returnOidUpcall},
	ndis.NdisCoOidRequestComplete:     {enterOidAnswer, returnOidAnswer},
	ndis.NdisCoRequestComplete:        {enterOidAnswer, returnOidAnswer},
	ndis.NdisMCmOidRequestComplete:    {enterOidAnswer, returnOidAnswer},
	ndis.NdisMCmRequestComplete:       {enterOidAnswer, returnOidAnswer},
	ndis.NdisMCoOidRequestComplete:    {enterOidAnswer, returnOidAnswer},
	ndis.NdisMCoRequestComplete:       {enterOidAnswer, returnOidAnswer},
	ndis.ProtocolCoOidRequestComplete: {enterOidComplete, nil},
	ndis.ProtocolCoRequestComplete:    {enterOidComplete, nil},

	ndis.MiniportDevicePnPEventNotify: {enterDevicePnPEvent, nil},
	ndis.ProtocolNetPnPEvent:          {enterNetPnPEvent, nil},

	ndis.NdisClRegisterSap:               {enterClRegisterSap, returnClRegisterSap},
	ndis.ProtocolCmRegisterSap:           {enterCmRegisterSap, returnCmRegisterSap},
	ndis.NdisCmRegisterSapComplete:       {enterCmRegisterSapComplete, returnSapCompletion},
	ndis.NdisMCmRegisterSapComplete:      {enterCmRegisterSapComplete, returnSapCompletion},
	ndis.ProtocolClRegisterSapComplete:   {enterClRegisterSapComplete, returnSapCompletion},
	ndis.NdisClDeregisterSap:             {enterClDeregisterSap, returnClDeregisterSap},
	ndis.ProtocolCmDeregisterSap:         {enterCmDeregisterSap, returnCmDeregisterSap},
	ndis.NdisCmDeregisterSapComplete:     {enterCmDeregisterSapComplete, returnSapCompletion},
	ndis.NdisMCmDeregisterSapComplete:    {enterCmDeregisterSapComplete, returnSapCompletion},
	ndis.ProtocolClDeregisterSapComplete: {enterClDeregisterSapComplete, returnSapCompletion},

	ndis.NdisCoCreateVc:                       {enterCreateVc, returnCreateVc},
	ndis.NdisMCmCreateVc:                      {enterCreateVc, returnCreateVc},
	ndis.ProtocolCoCreateVc:                   {enterCoCreate, returnCoCreate},
	ndis.MiniportCoCreateVc:                   {enterCoCreate, returnCoCreate},
	ndis.NdisCoDeleteVc:                       {enterDeleteVc, returnDeleteVc},
	ndis.NdisMCmDeleteVc:                      {enterDeleteVc, returnDeleteVc},
	ndis.ProtocolCoDeleteVc:                   {enterCoDelete, returnCoDelete},
	ndis.MiniportCoDeleteVc:                   {enterCoDelete, returnCoDelete},
	ndis.NdisCmActivateVc:                     {enterActivate, returnActivate},
	ndis.NdisMCmActivateVc:                    {enterActivate, returnActivate},
	ndis.MiniportCoActivateVc:                 {enterMiniActivate, returnMiniActivate},
	ndis.NdisMCoActivateVcComplete:            {enterMiniActivated, nil},
	ndis.ProtocolCmActivateVcComplete:         {enterActivated, nil},
	ndis.NdisCmDeactivateVc:                   {enterDeactivate, returnDeactivate},
	ndis.NdisMCmDeactivateVc:                  {enterDeactivate, returnDeactivate},
	ndis.MiniportCoDeactivateVc:               {enterMiniDeactivate, returnMiniDeactivate},
	ndis.NdisMCoDeactivateVcComplete:          {enterMiniDeactivated, returnMiniDeactivated},
	ndis.ProtocolCmDeactivateVcComplete:       {enterDeactivated, nil},
	ndis.NdisCoAssignInstanceName:             {enterAssignName, nil},
	ndis.NdisCoGetTapiCallId:                  {enterUsedVC, nil},
	ndis.NdisCoSendNetBufferLists:             {enterData, returnData},
	ndis.NdisMCoIndicateReceiveNetBufferLists: {enterData, returnData},
	ndis.ProtocolCoSendNetBufferListsComplete: {enterSendComplete, nil},

	ndis.NdisClMakeCall:                       {enterMakeCall, returnMakeCall},
	ndis.ProtocolCmMakeCall:                   {enterCmMakeCall, returnCmMakeCall},
	ndis.NdisCmMakeCallComplete:               {enterCmMakeCallComplete, returnCmMakeCallComplete},
	ndis.NdisMCmMakeCallComplete:              {enterCmMakeCallComplete, returnCmMakeCallComplete},
	ndis.ProtocolClMakeCallComplete:           {enterClMakeCallComplete, nil},
	ndis.NdisCmDispatchIncomingCall:           {enterDispatch, returnDispatch},
	ndis.NdisMCmDispatchIncomingCall:          {enterDispatch, returnDispatch},
	ndis.ProtocolClIncomingCall:               {enterIncoming, returnIncoming},
	ndis.NdisClIncomingCallComplete:           {enterIncomingComplete, nil},
	ndis.ProtocolCmIncomingCallComplete:       {enterCmIncomingComplete, nil},
	ndis.NdisCmDispatchCallConnected:          {enterDispatchConnected, returnDispatchConnected},
	ndis.NdisMCmDispatchCallConnected:         {enterDispatchConnected, returnDispatchConnected},
	ndis.ProtocolClCallConnected:              {enterConnected, nil},
	ndis.NdisClCloseCall:                      {enterCloseCall, returnCloseCall},
	ndis.ProtocolCmCloseCall:                  {enterCmCloseCall, returnCmCloseCall},
	ndis.NdisCmCloseCallComplete:              {enterCmCloseCallComplete, nil},
	ndis.NdisMCmCloseCallComplete:             {enterCmCloseCallComplete, nil},
	ndis.ProtocolClCloseCallComplete:          {enterClCloseCallComplete, returnClCloseCallComplete},
	ndis.NdisCmDispatchIncomingCloseCall:      {enterDispatchClose, nil},
	ndis.NdisMCmDispatchIncomingCloseCall:     {enterDispatchClose, nil},
	ndis.ProtocolClIncomingCloseCall:          {enterIncomingClose, nil},
	ndis.NdisClModifyCallQoS:                  {enterModify, returnModify},
	ndis.ProtocolCmModifyCallQoS:              {enterCmModify, returnCmModify},
	ndis.NdisCmModifyCallQoSComplete:          {enterCmModifyComplete, returnCmModifyComplete},
	ndis.NdisMCmModifyCallQoSComplete:         {enterCmModifyComplete, returnCmModifyComplete},
	ndis.ProtocolClModifyCallQoSComplete:      {enterClModifyComplete, nil},
	ndis.NdisCmDispatchIncomingCallQoSChange:  {enterDispatchQoS, returnDispatchQoS},
	ndis.NdisMCmDispatchIncomingCallQoSChange: {enterDispatchQoS, returnDispatchQoS},
	ndis.ProtocolClIncomingCallQoSChange:      {enterCalledVC, nil},

	ndis.NdisClAddParty:                   {enterAddParty, returnAddParty},
	ndis.ProtocolCmAddParty:               {enterCmAddParty, returnCmAddParty},
	ndis.NdisCmAddPartyComplete:           {enterCmAddPartyComplete, nil},
	ndis.NdisMCmAddPartyComplete:          {enterCmAddPartyComplete, nil},
	ndis.ProtocolClAddPartyComplete:       {enterClAddPartyComplete, nil},
	ndis.NdisClDropParty:                  {enterDropParty, returnDropParty},
	ndis.ProtocolCmDropParty:              {enterCmDropParty, returnCmDropParty},
	ndis.NdisCmDropPartyComplete:          {enterCmDropPartyComplete, returnCmDropPartyComplete},
	ndis.NdisMCmDropPartyComplete:         {enterCmDropPartyComplete, returnCmDropPartyComplete},
	ndis.ProtocolClDropPartyComplete:      {enterClDropPartyComplete, nil},
	ndis.NdisCmDispatchIncomingDropParty:  {enterDispatchDrop, returnDispatchDrop},
	ndis.NdisMCmDispatchIncomingDropParty: {enterDispatchDrop, returnDispatchDrop},
	ndis.ProtocolClIncomingDropParty:      {enterIncomingDrop, nil},
}

// Facts about functions that the hot path asks for.
var (
	isUp            [ndis.NumFuncs]bool // a callback: NDIS calls the driver
	isMCm           [ndis.NumFuncs]bool // NdisMCmXxx
	isManagerCall   [ndis.NumFuncs]bool // NdisCmXxx or NdisMCmXxx
	isOpenComplete  [ndis.NumFuncs]bool
	isCloseComplete [ndis.NumFuncs]bool
	is5x, is6x      [ndis.NumFuncs]bool // a name of one generation that the other has another for
)

// fact is what is looked up at every row of a function, in one place.
type fact struct {
	transition
	watched transition
	irql    rule.ID
	sound   uint8 // soundIRQL
	up      bool
	only5x6 bool // is5x or is6x
}

var facts [ndis.NumFuncs]fact

func init() {
	for fn := ndis.FuncUnknown + 1; fn < ndis.NumFuncs; fn++ {
		name, info := fn.String(), fn.Info()
		isUp[fn] = info.Dir == ndis.Up
		isMCm[fn] = strings.HasPrefix(name, "NdisMCm")
		isManagerCall[fn] = isMCm[fn] || strings.HasPrefix(name, "NdisCm")
		isOpenComplete[fn] = strings.HasSuffix(name, "CmOpenAddressFamilyComplete")
		isCloseComplete[fn] = strings.HasSuffix(name, "CmCloseAddressFamilyComplete")
		if info.Alias != ndis.FuncNone {
			is5x[fn], is6x[info.Alias] = true, true
		}
	}
	for fn := range facts {
		facts[fn] = fact{transitions[fn], watch[fn], irqlRules[fn], soundIRQL(ndis.Func(fn)), isUp[fn], is5x[fn] || is6x[fn]}
	}
}

// entered applies the entry of a call.
func (c *Checker) entered(cl *call) {
	c.cur = cl
	f := &facts[cl.fn]
	if cl.label != 0 {
		d := c.labelled(cl.label)
		if d.first == ndis.FuncNone {
			d.first = cl.fn
		}
		if cl.d.caller != callerSelf && c.crossing(cl) {
			d.touch(f.up)
		}
		if f.only5x6 {
			c.generation(cl, d)
		}
	}
	switch {
	case c.now.irql < f.sound && cl.has&format.HasIRQL != 0 && cl.d.caller != callerSelf:
		c.check(f.irql)
	case f.irql != rule.None:
		c.irql(cl, f.irql)
	}
	if f.enter == nil {
		c.unjudged[cl.fn]++
		if cl.fn == ndis.FuncUnknown {
			c.defect(DefectUnknownFunction)
		}
		if !isUp[cl.fn] {
			c.passThrough(cl)
		}
	} else {
		f.enter(c, cl)
	}
	if w := f.watched.enter; w != nil {
		w(c, cl)
	}
}

// passThrough notes the use of handles by a function that is not judged itself.
func (c *Checker) passThrough(cl *call) {
	var b *binding
	if cl.has&format.HasBinding != 0 {
		b = c.useBinding(cl)
	}
	if cl.has&format.HasAF == 0 || cl.af == 0 {
		return
	}
	defer func() {
		if b != nil {
			cl.b = b
		}
	}()
	if isManagerCall[cl.fn] {
		cl.o = c.managerUse(cl, false)
	} else {
		cl.o = c.clientOrManagerUse(cl)
	}
	if cl.o != nil {
		cl.n = int(cl.o.id)
		c.coVariant(cl, cl.o)
		if ndis.OID(cl.d.oid) == ndis.OIDCoAFClose && cl.d.has&keyOID != 0 {
			if !cl.o.oidAsked.seen() && cl.o.cmNotify.state != opIdle && cl.o.cmNotify.state != opUnknown && c.byManager(cl, cl.o) {
				c.askedBothWays(cl.o, cl.ev, cl.o.cmNotify.call)
			}
			cl.o.oidAsked = cl.ev
		}
	}
}

// returned applies the return of a call.
func (c *Checker) returned(cl *call, at ev, known bool, st ndis.Status) {
	c.cur = cl
	f := &facts[cl.fn]
	if w := f.watched.ret; w != nil {
		w(c, cl, at, known, st)
	}
	if f.ret != nil {
		f.ret(c, cl, at, known, st)
		return
	}
	c.passedThrough(cl, at)
}

// passedThrough notes the return of such a function.
func (c *Checker) passedThrough(cl *call, at ev) {
	if cl.b != nil && cl.b.id != 0 {
		c.usedBinding(cl, at)
	}
	if cl.verdict&suspectAFPending != 0 && cl.o != nil && cl.o.id == uint64(cl.n) {
		c.stillPending(cl, at)
	}
}
