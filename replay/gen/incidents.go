package gen

import "github.com/aftrace/aftrace/replay/rule"

// incidents are histories of an adapter on which one rule is broken, in the language of package
// scenario, with the row at which it breaks: for rules that no edit of an executed world breaks
// alone.
var incidents = map[rule.ID]incident{
	rule.BIND01: {11, "A driver opens an adapter from its own thread, outside any bind, and NDIS lets it", `adapter A
driver cl client

cl: open-adapter A`},
	rule.BIND02: {15, "The open of the adapter pends, and the driver uses the handle before NDIS has completed it", `adapter A
driver cm call-manager

cm: bind A -> PENDING
  open-adapter A -> PENDING
cm/2: register A Q2931
cm: adapter-opened A
cm: bound A`},
	rule.BIND03: {14, "A bind fails after it opened the adapter, and does not close it again", `adapter A
driver cl client

cl: bind A -> RESOURCES
  open-adapter A`},
	rule.BIND04: {16, "An unbind ends and the adapter was never closed", `adapter A
driver cl client

cl: bind A
cl: unbind. A`},
	rule.BIND05: {20, "A call manager registers an AF with a binding handle that it has closed", `adapter A
driver cm call-manager

cm: bind A
  register A Q2931
cm: unbind A
  close-adapter A
  register A PSCHED -> FAILURE`},
	rule.BIND06: {17, "A pended bind is completed twice", `adapter A
driver cl client

cl: bind A -> PENDING
cl/2: bound A
cl/2: bound A`},
	rule.BIND07: {18, "ProtocolUnbindAdapterEx returns a failure; it cannot fail", `adapter A
driver cl client

cl: bind A
cl: unbind A -> RESOURCES`},
	rule.BIND08: {15, "A driver closes its adapter on its own", `adapter A
driver cl client

cl: bind A
cl: close-adapter A`},
	rule.BIND09: {18, "A driver deregisters itself from inside a callback of NDIS, which can deadlock", `adapter A
driver cl client

cl: bind A
cl: unbind A
  close-adapter A
  NdisDeregisterProtocolDriver protocol=cl.protocol`},
	rule.BIND10: {17, "A driver asks NDIS to unbind it and goes on using the binding handle", `adapter A
driver cm call-manager

cm: bind A
cm: unbind-me A
cm: register A Q2931
cm/2: unbind A`},
	rule.BIND11: {12, "A driver opens an adapter with an NdisProtocolHandle that it never got", `adapter A
driver cl client

cl: bind A
  open-adapter A protocol=0xffffa00000200bad`},
	rule.BIND12: {17, "NDIS binds a driver to a second adapter with the BindContext of a binding that is alive", `adapter A
adapter B
driver cl client

cl: bind A
cl: bind. B bind_context=cl@A.bind
  open-adapter B bind_context=cl@A.bind`},
	rule.ROLE01: {14, "A stand-alone call manager registers its AF with the function of miniport call managers", `adapter A
driver cm call-manager

cm: bind A
  NdisMCmRegisterAddressFamilyEx adapter=A af_type=Q2931 -> FAILURE`},
	rule.ROLE02: {4, "A miniport call manager registers its AF with the function of stand-alone call managers", `adapter M mcm wan

wan: MiniportSetOptions miniport_driver=0xffffa00000204000
wan: init M miniport_driver=0xffffa00000204000
  NdisCmRegisterAddressFamilyEx binding=0xffffa00000200900 af_type=TAPI_PROXY -> FAILURE`},
	rule.ROLE03: {30, "A call manager that registered no client handlers opens an AF", `adapter A
driver cm call-manager
driver other call-manager

other: bind A
cm: bind A
  register A Q2931
other: notify A Q2931
  open A Q2931 af1 -> FAILURE`},
	rule.ROLE04: {15, "A connection-oriented protocol driver that registered no call-manager handlers registers an AF", `adapter A
driver cl client

cl: bind A
  register A Q2931`},
	rule.ROLE05: {12, "The same for the structure of a call manager", `adapter A
driver cm co

cm: bind A
  open-adapter A
  NdisSetOptionalHandlers binding=cm@A handlers=call-manager null_slots=CmNotifyCloseAfCompleteHandler`},
	rule.ROLE06: {28, "NDIS calls MiniportCoDeleteVc for a VC of a miniport call manager", `adapter M mcm wan
driver cl client

wan: init M
  register M TAPI_PROXY
cl: bind M
cl: notify M TAPI_PROXY
  open M TAPI_PROXY af1
wan: create-vc af1 vc1
wan: delete-vc vc1
  wan: MiniportCoDeleteVc context=vc1.ctx
  cl: co-delete-vc vc1`},
	rule.ROLE07: {58, "The close of one client's AF is completed at another client", `adapter A
driver cm call-manager
driver cl1 client
driver cl2 client

cl1: bind A
cl2: bind A
cm: bind A
  register A Q2931
cl1: notify A Q2931
  open A Q2931 af1
cl2: notify A Q2931
  open A Q2931 af2
cl1: close af1 -> PENDING
cm: cm-closed af1
  cl2: closed af1`},
	rule.ROLE08: {27, "A miniport call manager assigns an instance name to a VC; that is for clients and stand-alone call managers", `adapter M mcm wan
driver cl client

wan: init M
  register M TAPI_PROXY
cl: bind M
cl: notify M TAPI_PROXY
  open M TAPI_PROXY af1
wan: create-vc af1 vc1
  cl: ProtocolCoCreateVc context=af1.ctx vc=vc1 <context=0xffffa00000200830
wan: NdisCoAssignInstanceName vc=vc1 irql=2`},
	rule.ROLE09: {16, "A driver that registered its AF with the name of NDIS 6 uses the name of NDIS 5 for the next one", `adapter A
driver cm call-manager

cm: bind A
  register A Q2931
  NdisCmRegisterAddressFamily binding=cm@A af_type=PSCHED`},
	rule.REG01: {41, "Two call managers hold versions of one AF type; a client is notified of each, the later one first", `adapter A
driver cm1 call-manager
driver cm2 call-manager
driver cl client

cl: bind A
cm1: bind A
  register A Q2931/1.0
cm2: bind A
  register A Q2931/2.0
cl: notify A Q2931/2.0
cl: notify A Q2931/1.0`},
	rule.REG02: {29, "NDIS gives an AF to a second stand-alone call manager although another one holds it", `adapter A
driver cm1 call-manager
driver cm2 call-manager

cm1: bind A
  register A Q2931
cm2: bind A
  register A Q2931`},
	rule.REG03: {23, "NDIS accepts an AF from a driver that registered no connection-oriented handlers at all", `adapter A
driver cm co
driver plain no-co client

cm: bind A
plain: bind A
  register A Q2931`},
	rule.REG04: {15, "NDIS accepts an AF over a miniport that is not connection-oriented", `adapter A legacy
driver cm call-manager

cm: bind A
  register A Q2931`},
	rule.REG05: {17, "A call manager registers an AF while it is being unbound, and NDIS accepts it", `adapter A
driver cm call-manager

cm: bind A
cm: unbind A
  register A Q2931`},
	rule.REG06: {15, "NDIS answers a registration with PENDING, which it never does", `adapter A
driver cm call-manager

cm: bind A
  register A Q2931 -> PENDING`},
	rule.REG07: {27, "A call manager registers an AF when its bind is long over, as NDPROXY does in reaction to an open", `adapter A
driver cm call-manager
driver cl client

cl: bind A
cm: bind A
cm: register A Q2931
cl: notify A Q2931`},
	rule.REG08: {3, "A miniport call manager registers an AF when its adapter is long up", `adapter M mcm wan

wan: init M
wan: register M TAPI_PROXY`},
	rule.REG09: {22, "A call manager serves one adapter and registers nothing on the other one it is bound to", `adapter A
adapter B
driver cm call-manager

cm: bind A
  register A Q2931
cm: bind B`},
	rule.REG11: {5, "NDIS accepts the same AF from one miniport call manager twice", `adapter M mcm wan

wan: init M
  register M TAPI_PROXY
  register M TAPI_PROXY`},
	rule.REG12: {35, "A client is notified of the AF of a call manager that has closed its adapter", `adapter A
driver cm call-manager
driver cl client

cl: bind A
cm: bind A
  register A Q2931
cl: notify A Q2931
cm: unbind A
cl: notify A Q2931`},
	rule.REG13: {17, "A stand-alone call manager registers one AF twice on one binding, and NDIS accepts", `adapter A
driver cm call-manager

cm: bind A
  register A Q2931
  register A Q2931`},
	rule.REG14: {17, "A stand-alone call manager claims an AF that the miniport call manager of the adapter holds, and NDIS accepts", `adapter M mcm wan
driver cm call-manager

wan: init M
  register M TAPI_PROXY
cm: bind M
  register M TAPI_PROXY`},
	rule.REG15: {29, "A registration fails with RESOURCES, and clients are notified all the same", `adapter A
driver cm call-manager
driver cl client

cl: bind A
cm: bind A
  register A Q2931 -> RESOURCES
cl: notify A Q2931`},
	rule.REG16: {8, "A call manager of NDIS 5 registers two AFs of one binding with different handlers", `adapter A
driver cm unseen

cm: ProtocolBindAdapter adapter=A bind_context=0xffffa00000100071
  NdisOpenAdapter adapter=A context=0xffffa00000100072 bind_context=0xffffa00000100071 <binding=0xffffa00000100073
  NdisCmRegisterAddressFamily binding=0xffffa00000100073 af_type=Q2931 handler_set=abc
  NdisCmRegisterAddressFamily binding=0xffffa00000100073 af_type=PSCHED handler_set=def`},
	rule.REG17: {31, "The bind of a call manager fails after it registered an AF, and a client is notified of it", `adapter A
driver cm call-manager
driver cl client

cl: bind A
cm: bind A -> FAILURE
  open-adapter A
  register A Q2931
  close-adapter A
cl: notify A Q2931`},
	rule.NOTE01: {40, "A call manager comes up while two clients are bound; one of them is never notified", `adapter A
driver cm call-manager
driver cl1 client
driver cl2 client

cl1: bind A
cl2: bind A
cm: bind A
  register A Q2931
cl1: notify A Q2931
cl2: unbind A`},
	rule.NOTE02: {28, "A client is bound to an adapter with a registered AF and is never notified of it", `adapter A
driver cm call-manager
driver cl client

cm: bind A
  register A Q2931
cl: bind A
cl: unbind A`},
	rule.NOTE03: {15, "A client is notified of an AF that nobody has registered on its adapter", `adapter A
driver cl client

cl: bind A
cl: notify A Q2931`},
	rule.NOTE04: {28, "A client is notified after the registration and before the bind of the call manager is over", `adapter A
driver cm call-manager
driver cl client

cl: bind A
cm: bind A
  register A Q2931
  cl/2: notify A Q2931`},
	rule.NOTE05: {16, "A client is notified of an AF of a miniport call manager before its own bind is over", `adapter M mcm wan
driver cl client

wan: init M
  register M TAPI_PROXY
cl: bind M
  open-adapter M
  notify M TAPI_PROXY`},
	rule.NOTE06: {31, "A client is notified of one registration twice", `adapter A
driver cm call-manager
driver cl client

cl: bind A
cm: bind A
  register A Q2931
cl: notify A Q2931
cl: notify A Q2931`},
	rule.NOTE07: {28, "A client is notified before its own bind has completed", `adapter A
driver cm call-manager
driver cl client

cm: bind A
  register A Q2931
cl: bind A
  open-adapter A
  notify A Q2931`},
	rule.NOTE08: {29, "The notification has another version than the registration", `adapter A
driver cm call-manager
driver cl client

cl: bind A
cm: bind A
  register A Q2931/1.0
cl: notify A Q2931/3.1`},
	rule.NOTE09: {20, "A call manager, which is a client too, opens the AF that it registered itself", `adapter A
driver both client call-manager

both: bind A
  register A Q2931
both: notify A Q2931
  open A Q2931 af1`},
	rule.NOTE10: {40, "The call manager is rebound and registers its AF again; the client is not told", `adapter A
driver cm call-manager
driver cl client

cl: bind A
cm: bind A
  register A Q2931
cl: notify A Q2931
cm: unbind A
cm: bind A
  register A Q2931
cl: unbind A`},
	rule.OPEN01: {29, "A client opens an AF that is registered, though it was not notified of it yet", `adapter A
driver cm call-manager
driver cl client

cl: bind A
cm: bind A
  register A Q2931
cl: open A Q2931 af1
cl: notify A Q2931`},
	rule.OPEN02: {16, "A client opens an AF that nobody has registered, and NDIS succeeds the open without a call manager", `adapter A
driver cl client

cl: bind A
cl: open. A Q2931 af1`},
	rule.OPEN03: {35, "A client opens an AF while it is being unbound, and NDIS lets it", `adapter A
driver cm call-manager
driver cl client

cl: bind A
cm: bind A
  register A Q2931
cl: notify A Q2931
cl: unbind A
  open A Q2931 af1
  close af1`},
	rule.OPEN04: {34, "The call manager is being unbound when an open of its AF begins, and the open succeeds", `adapter A
driver cm call-manager
driver cl client

cl: bind A
cm: bind A
  register A Q2931
cl/2> notify A Q2931
cm> unbind A
cl/2: open A Q2931 af1
cl/2<
cm: ask-close af1
  cl: asked-close af1
    close af1
cm: close-adapter A
cm<`},
	rule.OPEN05: {31, "An open succeeds although the call manager was never asked", `adapter A
driver cm call-manager
driver cl client

cl: bind A
cm: bind A
  register A Q2931
cl: notify A Q2931
  open. A Q2931 af1`},
	rule.OPEN06: {32, "A call manager accepts an open without setting CallMgrAfContext", `adapter A
driver cm call-manager
driver cl client

cl: bind A
cm: bind A
  register A Q2931
cl: notify A Q2931
  open A Q2931 af1
    cm: cm-open af1 <context=0`},
	rule.OPEN07: {32, "A call manager pends an open and closes its adapter without completing it", `adapter A
driver cm call-manager
driver cl client

cl: bind A
cm: bind A
  register A Q2931
cl: notify A Q2931
  open A Q2931 af1 -> PENDING
    cm: cm-open af1 -> PENDING
cm: unbind A`},
	rule.OPEN08: {35, "A call manager completes an open that it accepted at once", `adapter A
driver cm call-manager
driver cl client

cl: bind A
cm: bind A
  register A Q2931
cl: notify A Q2931
  open A Q2931 af1
cm: cm-opened af1`},
	rule.OPEN09: {43, "The same with a VC", `adapter A
driver cm call-manager
driver cl client

cl: bind A
cm: bind A
  register A Q2931
  register A PSCHED
cl: notify A Q2931
  open A Q2931 af1
cl: notify A PSCHED
  open A PSCHED af2 -> PENDING
    cm: cm-open af2 -> PENDING
cl: create-vc af1 vc1 -> FAILURE
cm: cm-opened af2
  cl: opened af2`},
	rule.OPEN10: {35, "A call manager completes an open with NDIS_STATUS_PENDING", `adapter A
driver cm call-manager
driver cl client

cl: bind A
cm: bind A
  register A Q2931
cl: notify A Q2931
  open A Q2931 af1 -> PENDING
    cm: cm-open af1 -> PENDING
cm: cm-opened af1 -> PENDING`},
	rule.OPEN11: {35, "A call manager fails an open at once, and NDIS calls ProtocolCmCloseAf with the context of it", `adapter A
driver cm call-manager
driver cl client

cl: bind A
cm: bind A
  register A Q2931
cl: notify A Q2931
  open A Q2931 af1 -> RESOURCES
    cm: cm-open af1 -> RESOURCES <context=af1.cm
cm: cm-close af1`},
	rule.OPEN12: {36, "NDIS tells a client that its open failed and hands it an NdisAfHandle", `adapter A
driver cm call-manager
driver cl client

cl: bind A
cm: bind A
  register A Q2931
cl: notify A Q2931
  open A Q2931 af1 -> PENDING
    cm: cm-open af1 -> PENDING
cm: cm-opened af1 -> FAILURE
  cl: opened af1 -> FAILURE af=af1`},
	rule.OPEN13: {35, "NDIS calls the completion handler of a client whose open did not pend", `adapter A
driver cm call-manager
driver cl client

cl: bind A
cm: bind A
  register A Q2931
cl: notify A Q2931
  open A Q2931 af1
cl/2: opened af1`},
	rule.OPEN14: {33, "The call manager fails an open and NDIS tells the client SUCCESS", `adapter A
driver cm call-manager
driver cl client

cl: bind A
cm: bind A
  register A Q2931
cl: notify A Q2931
  open A Q2931 af1
    cm: cm-open af1 -> RESOURCES`},
	rule.OPEN15: {35, "A call manager completes an open with a handle that NDIS never gave out", `adapter A
driver cm call-manager
driver cl client

cl: bind A
cm: bind A
  register A Q2931
cl: notify A Q2931
  open A Q2931 af1 -> PENDING
    cm: cm-open af1 -> PENDING
cm: cm-opened af1 af=0xffffa00000204444
cm: cm-opened af1
  cl: opened af1`},
	rule.OPEN16: {33, "The call manager itself refuses an open: that is its right and no conflict", `adapter A
driver cm call-manager
driver cl client

cl: bind A
cm: bind A
  register A Q2931
cl: notify A Q2931
  open. A Q2931 af1 -> FAILURE
    cm: cm-open. af1 -> FAILURE`},
	rule.OPEN17: {35, "A stand-alone call manager completes an open with the function of miniport call managers", `adapter A
driver cm call-manager
driver cl client

cl: bind A
cm: bind A
  register A Q2931
cl: notify A Q2931
  open A Q2931 af1 -> PENDING
    cm: cm-open af1 -> PENDING
cm: NdisMCmOpenAddressFamilyComplete af=af1 context=af1.cm status=SUCCESS
  cl: opened af1`},
	rule.OPEN18: {35, "A client asks something of a call manager with an AF handle that it made up", `adapter A
driver cm call-manager
driver cl client

cl: bind A
cm: bind A
  register A Q2931
cl: notify A Q2931
  open A Q2931 af1
cl: NdisCoOidRequest binding=cl@A af=0xffffa00000204444 oid=0xfe000006 -> FAILURE`},
	rule.OPEN19: {31, "NDIS asks the call manager with a CallMgrBindingContext that is not the one of its binding", `adapter A
driver cm call-manager
driver cl client

cl: bind A
cm: bind A
  register A Q2931
cl: notify A Q2931
  open A Q2931 af1
    cm: cm-open af1 context=0xffffa00000204444`},
	rule.OPEN20: {36, "NDIS calls ProtocolCmCloseAf with a context that the call manager never handed back", `adapter A
driver cm call-manager
driver cl client

cl: bind A
cm: bind A
  register A Q2931
cl: notify A Q2931
  open A Q2931 af1
cl: close af1
  cm: cm-close af1 context=0xffffa00000204444`},
	rule.OPEN21: {33, "NDIS asks the call manager for another AF type than the client opens", `adapter A
driver cm call-manager
driver cl client

cl: bind A
cm: bind A
  register A Q2931
  register A PSCHED
cl: notify A Q2931
  open A Q2931 af1
    cm: cm-open af1 af_type=PSCHED
cl: notify A PSCHED`},
	rule.OPEN22: {32, "A call manager takes 4 ms to accept an open; one that needs so long returns PENDING", `adapter A
driver cm call-manager
driver cl client

cl: bind A
cm: bind A
  register A Q2931
cl: notify A Q2931
  open A Q2931 af1
    cm: cm-open af1
      wait 4ms`},
	rule.CLOSE01: {36, "A client closes its adapter and leaves an AF open", `adapter A
driver cm call-manager
driver cl client

cl: bind A
cm: bind A
  register A Q2931
cl: notify A Q2931
  open A Q2931 af1
cl: unbind A
  close-adapter A`},
	rule.CLOSE02: {41, "NDIS fails a close itself because of a live VC: the call manager is not asked", `adapter A
driver cm call-manager
driver cl client

cl: bind A
cm: bind A
  register A Q2931
cl: notify A Q2931
  open A Q2931 af1
cl: create-vc af1 vc1
cl: close. af1 -> FAILURE
cl: delete-vc vc1
cl: close af1`},
	rule.CLOSE03: {39, "A client closes an AF that it has closed before", `adapter A
driver cm call-manager
driver cl client

cl: bind A
cm: bind A
  register A Q2931
cl: notify A Q2931
  open A Q2931 af1
cl: close af1
cl: close. af1 -> FAILURE`},
	rule.CLOSE04: {39, "A call manager succeeds a close although a SAP is registered", `adapter A
driver cm call-manager
driver cl client

cl: bind A
cm: bind A
  register A Q2931
cl: notify A Q2931
  open A Q2931 af1
cl: register-sap af1 sap1
cl: close af1
  cm: cm-close af1`},
	rule.CLOSE05: {37, "A worker of the call manager completes a close whose handler then returns SUCCESS", `adapter A
driver cm call-manager
driver cl client

cl: bind A
cm: bind A
  register A Q2931
cl: notify A Q2931
  open A Q2931 af1
cl> close af1
cm> cm-close af1
cm/2: cm-closed af1
cm<
cl<`},
	rule.CLOSE06: {39, "A call manager completes a close with a failure", `adapter A
driver cm call-manager
driver cl client

cl: bind A
cm: bind A
  register A Q2931
cl: notify A Q2931
  open A Q2931 af1
cl: close af1 -> PENDING
cm: cm-closed af1 -> FAILURE
  cl: closed af1 -> FAILURE`},
	rule.CLOSE07: {37, "On one thread there is no overlap: a use after the close is a use after the close", `adapter A
driver cm call-manager
driver cl client

cl: bind A
cm: bind A
  register A Q2931
cl: notify A Q2931
  open A Q2931 af1
cl> close af1
cm> cm-close af1
cl: NdisCoOidRequest binding=cl@A af=af1 oid=0xfe000006 -> FAILURE
cm<
cl<`},
	rule.CLOSE08: {39, "A call manager creates a VC on an AF that is closed on both sides", `adapter A
driver cm call-manager
driver cl client

cl: bind A
cm: bind A
  register A Q2931
cl: notify A Q2931
  open A Q2931 af1
cl: close af1
cm: create-vc af1 vc1 -> FAILURE`},
	rule.CLOSE09: {23, "A miniport call manager halts without having asked its client to close", `adapter M mcm wan
driver cl client

wan: init M
  register M TAPI_PROXY
cl: bind M
cl: notify M TAPI_PROXY
  open M TAPI_PROXY af1
wan: halt M`},
	rule.CLOSE10: {35, "A call manager asks for the close of an AF while nobody unbinds it", `adapter A
driver cm call-manager
driver cl client

cl: bind A
cm: bind A
  register A Q2931
cl: notify A Q2931
  open A Q2931 af1
cm: ask-close af1
  cl: asked-close af1
    close af1`},
	rule.CLOSE11: {35, "NDIS asks a client to close an AF though the call manager did not ask for it", `adapter A
driver cm call-manager
driver cl client

cl: bind A
cm: bind A
  register A Q2931
cl: notify A Q2931
  open A Q2931 af1
cl: asked-close af1
  close af1`},
	rule.CLOSE12: {46, "A client answers a request to close twice", `adapter A
driver cm call-manager
driver cl client

cl: bind A
cm: bind A
  register A Q2931
cl: notify A Q2931
  open A Q2931 af1
cm: unbind A
  ask-close af1 -> PENDING
    cl: asked-close af1 -> PENDING
  cl: close af1
  cl: answer-close af1
  cl: answer-close af1
  cm: answered-close af1`},
	rule.CLOSE13: {56, "A client that is asked to close its AF deregisters its SAP first and closes its call afterwards: the page has it the other way round, which is worth a note", `adapter A
driver cm call-manager
driver cl client

cl: bind A
cm: bind A
  register A Q2931
cl: notify A Q2931
  open A Q2931 af1
cl: register-sap af1 sap1
cl: create-vc af1 vc1
cl: make-call vc1
cm: unbind A
  ask-close af1 -> PENDING
    cl: asked-close af1 -> PENDING
  cl: deregister-sap sap1
  cl: close-call vc1
  cl: delete-vc vc1
  cl: close af1
    cm: cm-close af1
  cl: answer-close af1
    cm: answered-close af1`},
	rule.CLOSE14: {38, "A client answers a request to close with SUCCESS and has not closed the AF", `adapter A
driver cm call-manager
driver cl client

cl: bind A
cm: bind A
  register A Q2931
cl: notify A Q2931
  open A Q2931 af1
cm: unbind A
  ask-close af1
    cl: asked-close af1
cl: unbind A
  close af1`},
	rule.CLOSE15: {44, "NDIS tells the call manager of an answer although its request did not pend", `adapter A
driver cm call-manager
driver cl client

cl: bind A
cm: bind A
  register A Q2931
cl: notify A Q2931
  open A Q2931 af1
cm: unbind A
  ask-close af1
    cl: asked-close af1
      close af1
  answered-close af1`},
	rule.CLOSE16: {46, "A client that is asked to close closes the AF and waits, in the handler, for the completion of that", `adapter A
driver cm call-manager
driver cl client

cl: bind A
cm: bind A
  register A Q2931
cl: notify A Q2931
  open A Q2931 af1
cm> unbind A
cm> ask-close af1
cl> asked-close af1
cl: close af1 -> PENDING
cm/2: cm-closed af1
cl/2: closed af1
cl<
cm<
cm: close-adapter A
cm<`},
	rule.CLOSE17: {58, "A call manager uses the context of a closed AF open for a new one before NDIS has told it of the answer to its notify-close, which passes the old one: worth a note", `adapter A
driver cm call-manager
driver cl client
driver cl2 client

cl: bind A
cl2: bind A
cm: bind A
  register A Q2931
cl: notify A Q2931
  open A Q2931 af1
cm: ask-close af1 -> PENDING
  cl: asked-close af1 -> PENDING
cl: close af1
  cm: cm-close af1
cl2: notify A Q2931
  open A Q2931 af2
    cm: cm-open af2 <context=af1.cm
cl: answer-close af1
  cm: answered-close af1`},
	rule.CLOSE18: {39, "NDIS calls the completion handler of a client whose close did not pend", `adapter A
driver cm call-manager
driver cl client

cl: bind A
cm: bind A
  register A Q2931
cl: notify A Q2931
  open A Q2931 af1
cl: close af1
cl: closed af1`},
	rule.CLOSE19: {38, "A client opens a second AF with the context of the first one, which is open", `adapter A
driver cm call-manager
driver cl client

cl: bind A
cm: bind A
  register A Q2931
  register A PSCHED
cl: notify A Q2931
  open A Q2931 af1
cl: notify A PSCHED
  open A PSCHED af2 context=af1.ctx`},
	rule.CLOSE20: {36, "NDIS succeeds a close without asking the call manager", `adapter A
driver cm call-manager
driver cl client

cl: bind A
cm: bind A
  register A Q2931
cl: notify A Q2931
  open A Q2931 af1
cl: close. af1`},
	rule.CLOSE21: {40, "A call manager asks for the close of an AF that is closed", `adapter A
driver cm call-manager
driver cl client

cl: bind A
cm: bind A
  register A Q2931
cl: notify A Q2931
  open A Q2931 af1
cl: close af1
cm: unbind A
  ask-close. af1 -> FAILURE`},
	rule.SAP01: {35, "NDIS hands out the handle of an open that pends, and the client does not wait for the completion", `adapter A
driver cm call-manager
driver cl client

cl: bind A
cm: bind A
  register A Q2931
cl: notify A Q2931
  open A Q2931 af1 <af=af1 -> PENDING
    cm: cm-open af1 -> PENDING
cl: register-sap af1 sap1 -> FAILURE
cm: cm-opened af1
  cl: opened af1
cl: register-sap af1 sap1`},
	rule.SAP02: {59, "A call manager accepts a SAP that another client has registered with it", `adapter A
driver cm call-manager
driver cl1 client
driver cl2 client

cm: bind A
  register A Q2931
cl1: bind A
cl1: notify A Q2931
  open A Q2931 af1
cl2: bind A
cl2: notify A Q2931
  open A Q2931 af2
cl1: register-sap af1 sap1 detail.sap=aa sap_type=1
  cm: cm-register-sap af1 sap1 detail.sap=aa sap_type=1
cl2: register-sap af2 sap2 detail.sap=aa sap_type=1
  cm: cm-register-sap af2 sap2 detail.sap=aa sap_type=1`},
	rule.SAP03: {37, "A call manager succeeds a registration and leaves CallMgrSapContext NULL", `adapter A
driver cm call-manager
driver cl client

cl: bind A
cm: bind A
  register A Q2931
cl: notify A Q2931
  open A Q2931 af1
cl: register-sap af1 sap1
  cm: cm-register-sap af1 sap1 <context=0`},
	rule.SAP04: {39, "A call manager completes the deregistration of a SAP that nobody asked for", `adapter A
driver cm call-manager
driver cl client

cl: bind A
cm: bind A
  register A Q2931
cl: notify A Q2931
  open A Q2931 af1
cl: register-sap af1 sap1
  cm: cm-register-sap af1 sap1
cm: cm-sap-deregistered sap1`},
	rule.SAP05: {41, "The first deregistration of a SAP fails; whether the SAP lives on is not said", `adapter A
driver cm call-manager
driver cl client

cl: bind A
cm: bind A
  register A Q2931
cl: notify A Q2931
  open A Q2931 af1
cl: register-sap af1 sap1
  cm: cm-register-sap af1 sap1
cl: deregister-sap sap1 -> FAILURE
cl: deregister-sap sap1 -> FAILURE
cl: close af1`},
	rule.SAP06: {57, "A call manager offers a call on a SAP whose deregistration it has completed", `adapter A
driver cm call-manager
driver cl client

cl: bind A
cm: bind A
  register A Q2931
cl: notify A Q2931
  open A Q2931 af1
cl: register-sap af1 sap1
  cm: cm-register-sap af1 sap1
cl: deregister-sap sap1 -> PENDING
  cm: cm-deregister-sap sap1 -> PENDING
cm: cm-sap-deregistered sap1
  cl: sap-deregistered sap1
cm: create-vc af1 vc1
cm: activate vc1
cm: dispatch. sap1 vc1 -> FAILURE
cm: deactivate vc1
cm: delete-vc vc1`},
	rule.SAP07: {42, "NDIS closes a call that came in on a SAP because the SAP is deregistered", `adapter A
driver cm call-manager
driver cl client

cl: bind A
cm: bind A
  register A Q2931
cl: notify A Q2931
  open A Q2931 af1
cl: register-sap af1 sap1
  cm: cm-register-sap af1 sap1
cl: deregister-sap sap1 -> PENDING
  cm: cm-deregister-sap sap1
  cl: ProtocolClIncomingCloseCall context=0xffffa00000100077 status=SUCCESS
cl: sap-deregistered sap1`},
	rule.SAP08: {38, "A client that was asked to close the AF registers another SAP first", `adapter A
driver cm call-manager
driver cl client

cl: bind A
cm: bind A
  register A Q2931
cl: notify A Q2931
  open A Q2931 af1
cm: unbind A
  ask-close af1
    cl: asked-close af1
      register-sap af1 sap1
        cm: cm-register-sap af1 sap1
      deregister-sap sap1 -> PENDING
        cm: cm-deregister-sap sap1
      sap-deregistered sap1
      close af1`},
	rule.SAP09: {43, "A call manager completes the deregistration of a SAP with FAILURE", `adapter A
driver cm call-manager
driver cl client

cl: bind A
cm: bind A
  register A Q2931
cl: notify A Q2931
  open A Q2931 af1
cl: register-sap af1 sap1
  cm: cm-register-sap af1 sap1
cl: deregister-sap sap1 -> PENDING
  cm: cm-deregister-sap sap1 -> PENDING
cm: cm-sap-deregistered sap1 -> FAILURE
  cl: sap-deregistered sap1 -> FAILURE`},
	rule.VC01: {39, "The call manager answers ProtocolCoCreateVc with PENDING, for which there is no completion", `adapter A
driver cm call-manager
driver cl client

cl: bind A
cm: bind A
  register A Q2931
cl: notify A Q2931
  open A Q2931 af1
cl: create-vc af1 vc1 -> FAILURE
  miniport: mp-create-vc vc1
  cm: co-create-vc vc1 -> PENDING
  miniport: mp-delete-vc vc1`},
	rule.VC02: {41, "NDIS tells the call manager of the deletion of a VC that nobody deletes", `adapter A
driver cm call-manager
driver cl client

cl: bind A
cm: bind A
  register A Q2931
cl: notify A Q2931
  open A Q2931 af1
cl: create-vc af1 vc1
cm: co-delete-vc vc1`},
	rule.VC03: {24, "NDIS calls MiniportCoCreateVc for a VC of a miniport call manager", `adapter M mcm wan
driver cl client

wan: init M
  register M TAPI_PROXY
cl: bind M
cl: notify M TAPI_PROXY
  open M TAPI_PROXY af1
wan: create-vc af1 vc1
  wan: MiniportCoCreateVc context=M.ctx vc=vc1 <context=0xffffa00000200810
  cl: co-create-vc vc1
wan: delete-vc vc1`},
	rule.VC04: {42, "NDIS creates a VC on an AF that the client has closed", `adapter A
driver cm call-manager
driver cl client

cl: bind A
cm: bind A
  register A Q2931
cl: notify A Q2931
  open A Q2931 af1
cl: close af1
cl: create-vc af1 vc1
  miniport: mp-create-vc vc1`},
	rule.VC05: {35, "A client creates a VC without an AF", `adapter A
driver cm call-manager
driver cl client

cl: bind A
cm: bind A
  register A Q2931
cl: notify A Q2931
  open A Q2931 af1
cl: NdisCoCreateVc binding=cl@A af=0 vc=0 context=0x55 -> FAILURE`},
	rule.VC06: {41, "The call manager deletes a VC that the client created; the client deletes one of the call manager", `adapter A
driver cm call-manager
driver cl client

cl: bind A
cm: bind A
  register A Q2931
cl: notify A Q2931
  open A Q2931 af1
cl: create-vc af1 vc1
cm: delete-vc vc1 -> FAILURE
cl: delete-vc vc1
cm: create-vc af1 vc2
cl: delete-vc vc2 -> FAILURE
cm: delete-vc vc2`},
	rule.VC07: {50, "A call manager deletes a VC that is active, and NDIS lets it", `adapter A
driver cm call-manager
driver cl client

cl: bind A
cm: bind A
  register A Q2931
cl: notify A Q2931
  open A Q2931 af1
cm: create-vc af1 vc1
cm: activate vc1
cm: delete-vc vc1`},
	rule.VC09: {45, "A miniport completes an activation that it had answered at once", `adapter A
driver cm call-manager
driver cl client

cl: bind A
cm: bind A
  register A Q2931
cl: notify A Q2931
  open A Q2931 af1
cm: create-vc af1 vc1
cm: activate vc1
miniport: mp-activated vc1
cm: deactivate vc1
cm: delete-vc vc1`},
	rule.VC10: {49, "A re-activation fails, and NDIS deactivates the VC at the miniport", `adapter A
driver cm call-manager
driver cl client

cl: bind A
cm: bind A
  register A Q2931
cl: notify A Q2931
  open A Q2931 af1
cm: create-vc af1 vc1
cm: activate vc1
cm: activate vc1 -> RESOURCES
  miniport: mp-activate vc1 -> RESOURCES
miniport: mp-deactivate vc1`},
	rule.VC11: {32, "A miniport call manager deactivates a VC a second time, and NDIS answers SUCCESS", `adapter M mcm wan
driver cl client

wan: init M
  register M TAPI_PROXY
cl: bind M
cl: notify M TAPI_PROXY
  open M TAPI_PROXY af1
wan: create-vc af1 vc1
wan: activate vc1
wan: deactivate vc1
wan: deactivate vc1
wan: delete-vc vc1`},
	rule.VC12: {41, "A client sends before its VC was ever activated, and a miniport indicates data after the deactivation has completed", `adapter A
driver cm call-manager
driver cl client

cl: bind A
cm: bind A
  register A Q2931
cl: notify A Q2931
  open A Q2931 af1
cl: create-vc af1 vc1
cl: send vc1 nbl=0x100
cl: sent vc1 nbl=0x100
cl: make-call vc1
miniport: receive vc1
cl: close-call vc1
miniport: receive vc1
cl: delete-vc vc1`},
	rule.VC13: {35, "The variable for the handle of the new VC is not NULL", `adapter A
driver cm call-manager
driver cl client

cl: bind A
cm: bind A
  register A Q2931
cl: notify A Q2931
  open A Q2931 af1
cl: create-vc af1 vc1 vc=0xffffa00000200900
  miniport: mp-create-vc vc1
  cm: co-create-vc vc1
cl: delete-vc vc1`},
	rule.VC14: {41, "A driver that is only a client activates and deactivates a VC", `adapter A
driver cm call-manager
driver cl client

cl: bind A
cm: bind A
  register A Q2931
cl: notify A Q2931
  open A Q2931 af1
cl: create-vc af1 vc1
cl: NdisCmActivateVc vc=vc1 -> FAILURE
cl: NdisCmDeactivateVc vc=vc1 -> FAILURE
cl: delete-vc vc1`},
	rule.VC15: {37, "ProtocolCoCreateVc succeeds without a context, and so does MiniportCoCreateVc", `adapter A
driver cm call-manager
driver cl client

cl: bind A
cm: bind A
  register A Q2931
cl: notify A Q2931
  open A Q2931 af1
cl: create-vc af1 vc1
  miniport: mp-create-vc vc1 <context=0
  cm: co-create-vc vc1 <context=0`},
	rule.CALL01: {41, "A client makes a call on a VC that the call manager created", `adapter A
driver cm call-manager
driver cl client

cl: bind A
cm: bind A
  register A Q2931
cl: notify A Q2931
  open A Q2931 af1
cm: create-vc af1 vc1
cl: make-call vc1 -> FAILURE
cm: delete-vc vc1`},
	rule.CALL02: {47, "A client makes a second call on a VC; a call manager offers one on a VC that has a call", `adapter A
driver cm call-manager
driver cl client

cl: bind A
cm: bind A
  register A Q2931
cl: notify A Q2931
  open A Q2931 af1
  register-sap af1 sap1
cl: create-vc af1 vc1
cl: make-call vc1 -> PENDING
cl: make-call. vc1 -> FAILURE
cm: activate vc1
cm: call-made vc1
  cl: told-made vc1
cl: close-call vc1
cl: delete-vc vc1
cm: create-vc af1 vc2
cm: activate vc2
cm: dispatch sap1 vc2 -> PENDING
cm: dispatch. sap1 vc2 -> FAILURE
cl: accept vc2
cm: connect vc2
cl: close-call vc2
cm: delete-vc vc2`},
	rule.CALL03: {49, "A call manager completes a make-call with PENDING", `adapter A
driver cm call-manager
driver cl client

cl: bind A
cm: bind A
  register A Q2931
cl: notify A Q2931
  open A Q2931 af1
cl: create-vc af1 vc1
cl: make-call vc1 -> PENDING
cm: activate vc1
cm: call-made vc1 -> PENDING`},
	rule.CALL04: {49, "A make-call succeeds while the activation of its VC pends", `adapter A
driver cm call-manager
driver cl client

cl: bind A
cm: bind A
  register A Q2931
cl: notify A Q2931
  open A Q2931 af1
cl: create-vc af1 vc1
cl: make-call vc1 -> PENDING
cm: activate vc1 -> PENDING
cm: call-made vc1
  cl: told-made vc1
miniport: mp-activated vc1
  cm: activated vc1
cl: close-call vc1
cl: delete-vc vc1`},
	rule.CALL05: {49, "After a make-call that failed the client neither deletes the VC nor uses it again", `adapter A
driver cm call-manager
driver cl client

cl: bind A
cm: bind A
  register A Q2931
cl: notify A Q2931
  open A Q2931 af1
cl: create-vc af1 vc1
cl: make-call vc1 -> PENDING
cm: call-made vc1 -> NO_ROUTE_TO_DESTINATION
  cl: told-made vc1 -> NO_ROUTE_TO_DESTINATION
cl: close af1 -> FAILURE`},
	rule.CALL06: {43, "A call manager offers a call on a VC that the client created", `adapter A
driver cm call-manager
driver cl client

cl: bind A
cm: bind A
  register A Q2931
cl: notify A Q2931
  open A Q2931 af1
  register-sap af1 sap1
cl: create-vc af1 vc1
cm: dispatch. sap1 vc1 -> FAILURE
cl: delete-vc vc1`},
	rule.CALL07: {53, "A call manager offers a call on a SAP that was deregistered, and on one that never was", `adapter A
driver cm call-manager
driver cl client

cl: bind A
cm: bind A
  register A Q2931
cl: notify A Q2931
  open A Q2931 af1
  register-sap af1 sap1
cl: deregister-sap sap1 -> PENDING
  cm: cm-deregister-sap sap1
cl: sap-deregistered sap1
cm: create-vc af1 vc1
cm: activate vc1
cm: dispatch. sap1 vc1 -> FAILURE
cm: NdisCmDispatchIncomingCall sap=0xffffa00000204711 vc=vc1 -> FAILURE
cm: deactivate vc1
cm: delete-vc vc1`},
	rule.CALL08: {51, "A client answers an incoming call with PENDING", `adapter A
driver cm call-manager
driver cl client

cl: bind A
cm: bind A
  register A Q2931
cl: notify A Q2931
  open A Q2931 af1
  register-sap af1 sap1
cm: create-vc af1 vc1
cm: activate vc1
cm: dispatch sap1 vc1 -> PENDING
cl: accept vc1 -> PENDING`},
	rule.CALL09: {47, "A call manager connects a call whose VC was never activated", `adapter A
driver cm call-manager
driver cl client

cl: bind A
cm: bind A
  register A Q2931
cl: notify A Q2931
  open A Q2931 af1
  register-sap af1 sap1
cm: create-vc af1 vc1
cm: dispatch sap1 vc1
cm: connect vc1
cl: close-call vc1
cm: delete-vc vc1`},
	rule.CALL10: {55, "The client rejects a call, and the call manager leaves the VC active", `adapter A
driver cm call-manager
driver cl client

cl: bind A
cm: bind A
  register A Q2931
cl: notify A Q2931
  open A Q2931 af1
  register-sap af1 sap1
cm: create-vc af1 vc1
cm: activate vc1
cm: dispatch sap1 vc1 -> FAILURE
  cl: incoming sap1 vc1 -> FAILURE
cl: deregister-sap sap1 -> SUCCESS
cl: close af1
  cm: cm-close af1`},
	rule.CALL11: {53, "The other end hangs up, and the client closes the AF without closing the call", `adapter A
driver cm call-manager
driver cl client

cl: bind A
cm: bind A
  register A Q2931
cl: notify A Q2931
  open A Q2931 af1
cl: create-vc af1 vc1
cl: make-call vc1
cm: hang-up vc1
cl: close af1 -> FAILURE`},
	rule.CALL12: {51, "A client closes a call while one of its sends is outstanding, and sends another one behind it", `adapter A
driver cm call-manager
driver cl client

cl: bind A
cm: bind A
  register A Q2931
cl: notify A Q2931
  open A Q2931 af1
cl: create-vc af1 vc1
cl: make-call vc1
cl: send vc1 nbl=0x100
cl: close-call vc1 -> PENDING
cl: send vc1 nbl=0x200
cl: sent vc1 nbl=0x100
cm: deactivate vc1
cm: call-closed vc1
  cl: told-closed vc1
cl: delete-vc vc1`},
	rule.CALL13: {51, "A call manager pends the close of a call and never completes it", `adapter A
driver cm call-manager
driver cl client

cl: bind A
cm: bind A
  register A Q2931
cl: notify A Q2931
  open A Q2931 af1
cl: create-vc af1 vc1
cl: make-call vc1
cl: close-call vc1 -> PENDING
  cm: cm-close-call vc1 -> PENDING
cm: deactivate vc1`},
	rule.CALL14: {53, "A call manager closes a call and does not deactivate the VC; the client deletes it", `adapter A
driver cm call-manager
driver cl client

cl: bind A
cm: bind A
  register A Q2931
cl: notify A Q2931
  open A Q2931 af1
cl: create-vc af1 vc1
cl: make-call vc1
cl: close-call vc1
  cm: cm-close-call. vc1
cl: delete-vc vc1`},
	rule.CALL15: {67, "A client closes a call on a VC of the call manager and goes on using the VC", `adapter A
driver cm call-manager
driver cl client

cl: bind A
cm: bind A
  register A Q2931
cl: notify A Q2931
  open A Q2931 af1
  register-sap af1 sap1
cm: create-vc af1 vc1
cm: activate vc1
cm: dispatch sap1 vc1
cm: connect vc1
cl: close-call vc1 -> PENDING
cm: deactivate vc1
cm: call-closed vc1
  cl: told-closed vc1
cl: NdisCoGetTapiCallId vc=vc1 irql=2
cl: close-call. vc1 -> FAILURE
cm: delete-vc vc1`},
	rule.CALL16: {53, "A client closes a call that has two parties, and the call manager lets it", `adapter A
driver cm call-manager
driver cl client

cl: bind A
cm: bind A
  register A Q2931
cl: notify A Q2931
  open A Q2931 af1
cl: create-vc af1 vc1
cl: make-multipoint-call vc1 p1
cl: add-party vc1 p2
cl: close-party vc1 p1
  cm: cm-close-call vc1
cl: delete-vc vc1`},
	rule.CALL17: {61, "The other end fails, and the client uses its VC for another call", `adapter A
driver cm call-manager
driver cl client

cl: bind A
cm: bind A
  register A Q2931
cl: notify A Q2931
  open A Q2931 af1
cl: create-vc af1 vc1
cl: make-call vc1
cm: hang-up vc1 -> FAILURE
cl: close-call vc1
cl: make-call vc1
cl: close-call vc1
cl: delete-vc vc1`},
	rule.CALL18: {51, "A client accepts a call with other parameters than offered and does not set CALL_PARAMETERS_CHANGED", `adapter A
driver cm call-manager
driver cl client

cl: bind A
cm: bind A
  register A Q2931
cl: notify A Q2931
  open A Q2931 af1
  register-sap af1 sap1
cm: create-vc af1 vc1
cm: activate vc1
cm: dispatch sap1 vc1 -> PENDING
  cl: incoming sap1 vc1 call_params=aa -> PENDING
cl: accept vc1 call_params=bb flags=0
cm: connect vc1
cl: close-call vc1
cm: delete-vc vc1`},
	rule.QOS01: {51, "A call manager pends a change of QoS and never completes it", `adapter A
driver cm call-manager
driver cl client

cl: bind A
cm: bind A
  register A Q2931
cl: notify A Q2931
  open A Q2931 af1
cl: create-vc af1 vc1
cl: make-call vc1
cl: modify vc1 -> PENDING
  cm: cm-modify vc1 -> PENDING`},
	rule.QOS02: {51, "A change of QoS succeeds without the VC having been activated anew, at once and later", `adapter A
driver cm call-manager
driver cl client

cl: bind A
cm: bind A
  register A Q2931
cl: notify A Q2931
  open A Q2931 af1
cl: create-vc af1 vc1
cl: make-call vc1
cl: modify vc1
  cm: cm-modify. vc1
cl: modify vc1 -> PENDING
cm: modified vc1
  cl: told-modified vc1
cl: close-call vc1
cl: delete-vc vc1`},
	rule.QOS03: {61, "A change of QoS fails at the other end, and the call manager leaves the new parameters in force", `adapter A
driver cm call-manager
driver cl client

cl: bind A
cm: bind A
  register A Q2931
cl: notify A Q2931
  open A Q2931 af1
cl: create-vc af1 vc1
cl: make-call vc1 -> PENDING
cm: activate vc1 call_params=aa
cm: call-made vc1
  cl: told-made vc1
cl: modify vc1 -> PENDING
  cm: cm-modify vc1 call_params=bb -> PENDING
cm: activate vc1 call_params=bb
cm: modified vc1 -> FAILURE
  cl: told-modified vc1 -> FAILURE
cl: close-call vc1
cl: delete-vc vc1`},
	rule.QOS04: {49, "A call manager reports another QoS without having activated the VC anew", `adapter A
driver cm call-manager
driver cl client

cl: bind A
cm: bind A
  register A Q2931
cl: notify A Q2931
  open A Q2931 af1
cl: create-vc af1 vc1
cl: make-call vc1
cm: change-qos vc1
cl: close-call vc1
cl: delete-vc vc1`},
	rule.PARTY01: {49, "A client adds a party to a point-to-point call", `adapter A
driver cm call-manager
driver cl client

cl: bind A
cm: bind A
  register A Q2931
cl: notify A Q2931
  open A Q2931 af1
cl: create-vc af1 vc1
cl: make-call vc1
cl: add-party. vc1 p2 -> FAILURE
cl: close-call vc1
cl: delete-vc vc1`},
	rule.PARTY02: {56, "NDIS tells the client twice that a party could not be added, and twice that one was dropped: the client may have freed its context after the first time", `adapter A
driver cm call-manager
driver cl client

cl: bind A
cm: bind A
  register A Q2931
cl: notify A Q2931
  open A Q2931 af1
cl: create-vc af1 vc1
cl: make-multipoint-call vc1 p1
cl: add-party vc1 p2 -> PENDING
cm: party-added p2 -> RESOURCES
  cl: told-added p2 -> RESOURCES
  cl: told-added p2 -> RESOURCES
cl: add-party vc1 p3
cl: drop-party p3 -> PENDING
cm: party-dropped p3
  cl: told-dropped p3
  cl: told-dropped p3
cl: close-party vc1 p1
cl: delete-vc vc1`},
	rule.PARTY03: {51, "A call manager adds a party and gives no context for it, at once and later", `adapter A
driver cm call-manager
driver cl client

cl: bind A
cm: bind A
  register A Q2931
cl: notify A Q2931
  open A Q2931 af1
cl: create-vc af1 vc1
cl: make-multipoint-call vc1 p1
cl: add-party vc1 p2
  cm: cm-add-party vc1 p2 <context=0
cl: add-party vc1 p3 -> PENDING
cm: party-added p3 context=0
  cl: told-added p3`},
	rule.PARTY04: {51, "A client drops the last party of a call, and the call manager lets it", `adapter A
driver cm call-manager
driver cl client

cl: bind A
cm: bind A
  register A Q2931
cl: notify A Q2931
  open A Q2931 af1
cl: create-vc af1 vc1
cl: make-multipoint-call vc1 p1
cl: drop-party p1
  cm: cm-drop-party p1`},
	rule.PARTY05: {49, "A call manager reports that the last party left", `adapter A
driver cm call-manager
driver cl client

cl: bind A
cm: bind A
  register A Q2931
cl: notify A Q2931
  open A Q2931 af1
cl: create-vc af1 vc1
cl: make-multipoint-call vc1 p1
cm: dispatch-drop p1
cl: close-party vc1 p1
cl: delete-vc vc1`},
	rule.PARTY06: {57, "A party leaves, and the client closes the AF without having dropped it", `adapter A
driver cm call-manager
driver cl client

cl: bind A
cm: bind A
  register A Q2931
cl: notify A Q2931
  open A Q2931 af1
cl: create-vc af1 vc1
cl: make-multipoint-call vc1 p1
cl: add-party vc1 p2
cm: dispatch-drop p2
cl: close af1 -> FAILURE`},
	rule.PARTY07: {61, "A client asks the call manager about a VC and a party: once while they are there, then when the party is dropped and when the VC is deleted", `adapter A
driver cm call-manager
driver cl client

cl: bind A
cm: bind A
  register A Q2931
cl: notify A Q2931
  open A Q2931 af1
cl: create-vc af1 vc1
cl: make-multipoint-call vc1 p1
cl: add-party vc1 p2
cl: oid af1 0xfe001007 r1 vc=vc1 party=p2
  cm: oid-asked af1 0xfe001007 r1
cl: drop-party p2
cl: oid af1 0xfe001007 r1 vc=vc1 party=p2 -> FAILURE
cl: close-party vc1 p1
cl: delete-vc vc1
cl: oid af1 0xfe001007 r1 vc=vc1 -> FAILURE`},
	rule.PARTY08: {41, "A point-to-point call that has a party: at the client, at NDIS and at the call manager", `adapter A
driver cm call-manager
driver cl client

cl: bind A
cm: bind A
  register A Q2931
cl: notify A Q2931
  open A Q2931 af1
cl: create-vc af1 vc1
cl: make-call vc1 context=0x66 multipoint=false
cl: close-call vc1
cl: make-call vc1
  cm: cm-make-call vc1 party=0xffffa00000100077
    cm: activate vc1
cl: close-call vc1
cl: make-call vc1
  cm: cm-make-call vc1 <context=0x88
    cm: activate vc1
cl: close-call vc1
cl: delete-vc vc1`},
	rule.OID01: {39, "NDIS calls ProtocolCoOidRequestComplete for a request that was answered at once", `adapter A
driver cm call-manager
driver cl client

cl: bind A
cm: bind A
  register A Q2931
cl: notify A Q2931
  open A Q2931 af1
cl: oid af1 0xfe000006 r1
  cm: oid-asked af1 0xfe000006 r1
cl: oid-done af1 r1`},
	rule.OID02: {35, "A client passes a party handle and no AF handle", `adapter A
driver cm call-manager
driver cl client

cl: bind A
cm: bind A
  register A Q2931
cl: notify A Q2931
  open A Q2931 af1
cl: miniport-oid A 0x10101 r1 party=0x88 -> FAILURE`},
	rule.OID03: {63, "A call manager dispatches a call and lets a make-call succeed after it has disabled signaling", `adapter A
driver cm call-manager
driver cl client

cl: bind A
cm: bind A
  register A Q2931
cl: notify A Q2931
  open A Q2931 af1
cl: register-sap af1 sap1
  cm: cm-register-sap af1 sap1
cl: create-vc af1 vc1
cm: create-vc af1 vc2
cm: activate vc2
cl: make-call vc1 -> PENDING
  cm: cm-make-call vc1 -> PENDING
cm: oid af1 0xfe000009 r1
  cl: oid-asked af1 0xfe000009 r1
cm: dispatch sap1 vc2 -> FAILURE
cm: activate vc1
cm: call-made vc1
  cl: told-made vc1
cm: oid af1 0xfe000008 r1
  cl: oid-asked af1 0xfe000008 r1
cm: dispatch sap1 vc2 -> FAILURE`},
	rule.OID04: {36, "A client receives OID_CO_AF_CLOSE and never closes the AF", `adapter A
driver cm call-manager
driver cl client

cl: bind A
cm: bind A
  register A Q2931
cl: notify A Q2931
  open A Q2931 af1
cm: oid af1 0xfe00000a r1
  cl: oid-asked af1 0xfe00000a r1`},
	rule.IRQL01: {30, "A client opens an AF at APC_LEVEL, which is not PASSIVE_LEVEL either", `adapter A
driver cm call-manager
driver cl client

cl: bind A
cm: bind A
  register A Q2931
cl: notify A Q2931
  open A Q2931 af1 irql=1`},
	rule.IRQL02: {35, "A client closes its AF from an interrupt: above DISPATCH_LEVEL no CO function may be called", `adapter A
driver cm call-manager
driver cl client

cl: bind A
cm: bind A
  register A Q2931
cl: notify A Q2931
  open A Q2931 af1
cl: close af1 irql=5`},
	rule.IRQL03: {29, "NDIS notifies a client at DISPATCH_LEVEL, where it could not open the AF", `adapter A
driver cm call-manager
driver cl client

cl: bind A
cm: bind A
  register A Q2931
cl: notify A Q2931 irql=2`},
	rule.IRQL04: {36, "NDIS asks a call manager to close an AF above DISPATCH_LEVEL", `adapter A
driver cm call-manager
driver cl client

cl: bind A
cm: bind A
  register A Q2931
cl: notify A Q2931
  open A Q2931 af1
cl: close. af1
  cm: cm-close af1 irql=9`},
	rule.IRQL05: {41, "A client asks for a TAPI call id above DISPATCH_LEVEL", `adapter A
driver cm call-manager
driver cl client

cl: bind A
cm: bind A
  register A Q2931
cl: notify A Q2931
  open A Q2931 af1
cl: create-vc af1 vc1
cl: NdisCoGetTapiCallId vc=vc1 irql=3
cl: delete-vc vc1`},
	rule.USE01: {39, "A client uses the handle of an open that failed", `adapter A
driver cm call-manager
driver cl client

cl: bind A
cm: bind A
  register A Q2931
cl: notify A Q2931
  open A Q2931 af1 -> PENDING
    cm: cm-open af1 -> PENDING
cm: cm-opened af1 -> FAILURE
  cl: opened af1 -> FAILURE
cl: NdisCoOidRequest binding=cl@A af=af1 oid=0xfe000006 -> FAILURE`},
	rule.USE02: {43, "A client deregisters a SAP whose registration failed", `adapter A
driver cm call-manager
driver cl client

cl: bind A
cm: bind A
  register A Q2931
cl: notify A Q2931
  open A Q2931 af1
cl: register-sap af1 sap1 -> PENDING
  cm: cm-register-sap af1 sap1 -> PENDING
cm: cm-sap-registered sap1 -> INVALID_DATA
  cl: sap-registered sap1 -> INVALID_DATA
cl: deregister-sap sap1 -> FAILURE`},
	rule.USE03: {47, "A call manager and a miniport use the handle of a VC after its deletion has returned", `adapter A
driver cm call-manager
driver cl client

cl: bind A
cm: bind A
  register A Q2931
cl: notify A Q2931
  open A Q2931 af1
cl: create-vc af1 vc1
cl: delete-vc vc1
cm: NdisCmActivateVc vc=vc1 -> FAILURE
miniport: NdisMCoIndicateReceiveNetBufferLists vc=vc1
cl: NdisCoDeleteVc vc=vc1 -> FAILURE`},
	rule.USE04: {57, "A call manager uses the handle of a party whose call was closed", `adapter A
driver cm call-manager
driver cl client

cl: bind A
cm: bind A
  register A Q2931
cl: notify A Q2931
  open A Q2931 af1
cl: create-vc af1 vc1
cl: make-multipoint-call vc1 p1
cl: close-party vc1 p1
cm: NdisCmDispatchIncomingDropParty party=p1 status=SUCCESS
cl: delete-vc vc1`},
	rule.LEAK01: {20, "A call manager leaves its adapter with the VC that it made for its own signaling", `adapter A
driver cm call-manager

cm: bind A
  register A Q2931
cm: NdisCoCreateVc binding=cm@A af=0 context=0xffffa00000100077 vc=0 <vc=vc1
cm: unbind A
  close-adapter A`},
	rule.LEAK02: {37, "A client pends a request of its call manager and never completes it", `adapter A
driver cm call-manager
driver cl client

cl: bind A
cm: bind A
  register A Q2931
cl: notify A Q2931
  open A Q2931 af1
cm: oid af1 0xfe000007 r1 -> PENDING
  cl: oid-asked af1 0xfe000007 r1 -> PENDING`},
	rule.LEAK03: {46, "A call manager makes a VC while the AF is being closed, and completes the close all the same", `adapter A
driver cm call-manager
driver cl client

cl: bind A
cm: bind A
  register A Q2931
cl: notify A Q2931
  open A Q2931 af1
cl: close af1 -> PENDING
  cm: cm-close af1 -> PENDING
cm: create-vc af1 vc1
cm: cm-closed af1
  cl: closed af1`},
	rule.UNLOAD01: {16, "NDIS unbinds a driver only after NdisDeregisterProtocolDriver has returned", `adapter A
driver cl client

cl: bind A
cl: unload
cl: unbind A`},
	rule.UNLOAD02: {43, "A NIC is removed by surprise, and the miniport is halted while a protocol is still bound", `adapter A
driver cm call-manager
driver cl client

cl: bind A
cm: bind A
  register A Q2931
cl: notify A Q2931
  open A Q2931 af1
cl: unbind A
  close af1
miniport: halt A halt_action=NdisHaltDeviceSurpriseRemoved
cm: unbind A`},
	rule.UNLOAD03: {39, "A miniport completes a pended request from its MiniportHaltEx: it was outstanding when that was called", `adapter A
driver cm call-manager
driver cl client

cl: bind A
cm: bind A
  register A Q2931
cl: notify A Q2931
  open A Q2931 af1
cl: miniport-oid A 0x10101 r1 -> PENDING
  miniport: miniport-oid-asked A 0x10101 r1 -> PENDING
miniport: halt A
  miniport-oid-answered A r1
    cl: miniport-oid-done r1`},
}
