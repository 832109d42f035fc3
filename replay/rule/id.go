package rule

// The rules in the order of the catalogue. A value is a position, not a stable number:
// what is written down is the name.
const (
	None ID = iota // no rule

	BIND01
	BIND02
	BIND03
	BIND04
	BIND05
	BIND06
	BIND07
	BIND08
	BIND09
	BIND10
	BIND11
	BIND12

	ROLE01
	ROLE02
	ROLE03
	ROLE04
	ROLE05
	ROLE06
	ROLE07
	ROLE08
	ROLE09

	REG01
	REG02
	REG03
	REG04
	REG05
	REG06
	REG07
	REG08
	REG09
	REG10
	REG11
	REG12
	REG13
	REG14
	REG15
	REG16
	REG17

	NOTE01
	NOTE02
	NOTE03
	NOTE04
	NOTE05
	NOTE06
	NOTE07
	NOTE08
	NOTE09
	NOTE10
	NOTE11

	OPEN01
	OPEN02
	OPEN03
	OPEN04
	OPEN05
	OPEN06
	OPEN07
	OPEN08
	OPEN09
	OPEN10
	OPEN11
	OPEN12
	OPEN13
	OPEN14
	OPEN15
	OPEN16
	OPEN17
	OPEN18
	OPEN19
	OPEN20
	OPEN21
	OPEN22

	CLOSE01
	CLOSE02
	CLOSE03
	CLOSE04
	CLOSE05
	CLOSE06
	CLOSE07
	CLOSE08
	CLOSE09
	CLOSE10
	CLOSE11
	CLOSE12
	CLOSE13
	CLOSE14
	CLOSE15
	CLOSE16
	CLOSE17
	CLOSE18
	CLOSE19
	CLOSE20
	CLOSE21

	SAP01
	SAP02
	SAP03
	SAP04
	SAP05
	SAP06
	SAP07
	SAP08
	SAP09

	VC01
	VC02
	VC03
	VC04
	VC05
	VC06
	VC07
	VC08
	VC09
	VC10
	VC11
	VC12
	VC13
	VC14
	VC15

	CALL01
	CALL02
	CALL03
	CALL04
	CALL05
	CALL06
	CALL07
	CALL08
	CALL09
	CALL10
	CALL11
	CALL12
	CALL13
	CALL14
	CALL15
	CALL16
	CALL17
	CALL18
	CALL19

	QOS01
	QOS02
	QOS03
	QOS04

	PARTY01
	PARTY02
	PARTY03
	PARTY04
	PARTY05
	PARTY06
	PARTY07
	PARTY08

	OID01
	OID02
	OID03
	OID04

	IRQL01
	IRQL02
	IRQL03
	IRQL04
	IRQL05

	USE01
	USE02
	USE03
	USE04

	LEAK01
	LEAK02
	LEAK03

	UNLOAD01
	UNLOAD02
	UNLOAD03

	NumIDs // number of rules plus one
)

// byName finds an ID by its name.
var byName = func() map[string]ID {
	m := make(map[string]ID, NumIDs)
	for id := None + 1; id < NumIDs; id++ {
		m[catalogue[id].Name] = id
	}
	return m
}()

// String is the name of the rule as the catalogue writes it (docs/rules.md), like "REG-01"; it
// is empty for None and for a value outside the catalogue.
func (id ID) String() string {
	if id >= NumIDs {
		return ""
	}
	return catalogue[id].Name
}

// Parse is the reverse of String. It accepts the exact names of the catalogue only.
func Parse(name string) (ID, bool) {
	id, ok := byName[name]
	return id, ok
}
