package ndis

import (
	"fmt"
	"strconv"
	"strings"
)

// Status is an NDIS_STATUS. Success means exactly StatusSuccess: several codes that are
// not negative as signed numbers are failures or PENDING here.
type Status uint32

// The NDIS_STATUS values of the CoNDIS interface (Microsoft's ndis.h and ntstatus.h).
const (
	StatusSuccess              Status = 0x00000000
	StatusPending              Status = 0x00000103 // never a completion status
	StatusNotRecognized        Status = 0x00010001
	StatusNotCopied            Status = 0x00010002
	StatusNotAccepted          Status = 0x00010003
	StatusCallActive           Status = 0x00010007
	StatusBufferOverflow       Status = 0x80000005
	StatusFailure              Status = 0xC0000001
	StatusInvalidParameter     Status = 0xC000000D
	StatusResources            Status = 0xC000009A
	StatusNotSupported         Status = 0xC00000BB
	StatusClosing              Status = 0xC0010002
	StatusBadVersion           Status = 0xC0010004
	StatusBadCharacteristics   Status = 0xC0010005
	StatusAdapterNotFound      Status = 0xC0010006
	StatusOpenFailed           Status = 0xC0010007
	StatusRequestAborted       Status = 0xC001000C
	StatusResetInProgress      Status = 0xC001000D
	StatusClosingIndicating    Status = 0xC001000E
	StatusInvalidLength        Status = 0xC0010014
	StatusInvalidData          Status = 0xC0010015
	StatusBufferTooShort       Status = 0xC0010016
	StatusInvalidOID           Status = 0xC0010017
	StatusAdapterRemoved       Status = 0xC0010018
	StatusUnsupportedMedia     Status = 0xC0010019
	StatusInvalidSAP           Status = 0xC0010020
	StatusSAPInUse             Status = 0xC0010021
	StatusInvalidAddress       Status = 0xC0010022
	StatusVCNotActivated       Status = 0xC0010023
	StatusDestOutOfOrder       Status = 0xC0010024
	StatusVCNotAvailable       Status = 0xC0010025
	StatusCellrateNotAvailable Status = 0xC0010026
	StatusIncompatableQOS      Status = 0xC0010027 // spelled as in ndis.h
	StatusAALParamsUnsupported Status = 0xC0010028
	StatusNoRouteToDestination Status = 0xC0010029
)

// statusPrefix is what the documented name of a status has before the names below.
const statusPrefix = "NDIS_STATUS_"

// StatusValue is a documented status.
type StatusValue struct {
	Value Status
	Name  string // documented name, with prefix
}

// statuses is in order of value.
var statuses = [...]StatusValue{
	{StatusSuccess, "NDIS_STATUS_SUCCESS"},
	{StatusPending, "NDIS_STATUS_PENDING"},
	{StatusNotRecognized, "NDIS_STATUS_NOT_RECOGNIZED"},
	{StatusNotCopied, "NDIS_STATUS_NOT_COPIED"},
	{StatusNotAccepted, "NDIS_STATUS_NOT_ACCEPTED"},
	{StatusCallActive, "NDIS_STATUS_CALL_ACTIVE"},
	{StatusBufferOverflow, "NDIS_STATUS_BUFFER_OVERFLOW"},
	{StatusFailure, "NDIS_STATUS_FAILURE"},
	{StatusInvalidParameter, "NDIS_STATUS_INVALID_PARAMETER"},
	{StatusResources, "NDIS_STATUS_RESOURCES"},
	{StatusNotSupported, "NDIS_STATUS_NOT_SUPPORTED"},
	{StatusClosing, "NDIS_STATUS_CLOSING"},
	{StatusBadVersion, "NDIS_STATUS_BAD_VERSION"},
	{StatusBadCharacteristics, "NDIS_STATUS_BAD_CHARACTERISTICS"},
	{StatusAdapterNotFound, "NDIS_STATUS_ADAPTER_NOT_FOUND"},
	{StatusOpenFailed, "NDIS_STATUS_OPEN_FAILED"},
	{StatusRequestAborted, "NDIS_STATUS_REQUEST_ABORTED"},
	{StatusResetInProgress, "NDIS_STATUS_RESET_IN_PROGRESS"},
	{StatusClosingIndicating, "NDIS_STATUS_CLOSING_INDICATING"},
	{StatusInvalidLength, "NDIS_STATUS_INVALID_LENGTH"},
	{StatusInvalidData, "NDIS_STATUS_INVALID_DATA"},
	{StatusBufferTooShort, "NDIS_STATUS_BUFFER_TOO_SHORT"},
	{StatusInvalidOID, "NDIS_STATUS_INVALID_OID"},
	{StatusAdapterRemoved, "NDIS_STATUS_ADAPTER_REMOVED"},
	{StatusUnsupportedMedia, "NDIS_STATUS_UNSUPPORTED_MEDIA"},
	{StatusInvalidSAP, "NDIS_STATUS_INVALID_SAP"},
	{StatusSAPInUse, "NDIS_STATUS_SAP_IN_USE"},
	{StatusInvalidAddress, "NDIS_STATUS_INVALID_ADDRESS"},
	{StatusVCNotActivated, "NDIS_STATUS_VC_NOT_ACTIVATED"},
	{StatusDestOutOfOrder, "NDIS_STATUS_DEST_OUT_OF_ORDER"},
	{StatusVCNotAvailable, "NDIS_STATUS_VC_NOT_AVAILABLE"},
	{StatusCellrateNotAvailable, "NDIS_STATUS_CELLRATE_NOT_AVAILABLE"},
	{StatusIncompatableQOS, "NDIS_STATUS_INCOMPATABLE_QOS"},
	{StatusAALParamsUnsupported, "NDIS_STATUS_AAL_PARAMS_UNSUPPORTED"},
	{StatusNoRouteToDestination, "NDIS_STATUS_NO_ROUTE_TO_DESTINATION"},
}

// Statuses returns the documented statuses in order of value. The caller may keep and
// change the slice.
func Statuses() []StatusValue { return append([]StatusValue(nil), statuses[:]...) }

// Class is how a status is to be read.
type Class uint8

const (
	Success Class = iota // exactly StatusSuccess
	Pending              // exactly StatusPending
	Failure              // everything else, whatever its sign
)

func (c Class) String() string { return [...]string{"success", "pending", "failure"}[c] }

// Class classifies s. The usual signed test (NT_SUCCESS) is wrong here: it takes
// NOT_ACCEPTED, NOT_RECOGNIZED, CALL_ACTIVE and PENDING for success.
func (s Status) Class() Class {
	switch s {
	case StatusSuccess:
		return Success
	case StatusPending:
		return Pending
	}
	return Failure
}

// Canonical maps the NTSTATUS twin of an NDIS code (STATUS_NDIS_CLOSING, 0xC0230002) to
// the NDIS code with the same low word (0xC0010002), and returns every other value, the
// ones of that facility without a documented twin included, as it is.
func (s Status) Canonical() Status {
	if s>>16 != 0xC023 {
		return s
	}
	if twin := 0xC0010000 | s&0xFFFF; twin.name() != "" {
		return twin
	}
	return s
}

// name is the documented name of s, "" if it has none.
func (s Status) name() string {
	lo, hi := 0, len(statuses)
	for lo < hi {
		if mid := (lo + hi) / 2; statuses[mid].Value < s {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	if lo < len(statuses) && statuses[lo].Value == s {
		return statuses[lo].Name
	}
	return ""
}

// String is the documented name, NDIS_STATUS_SUCCESS; for the NTSTATUS twin of a code
// STATUS_NDIS_CLOSING; for any other value its eight hex digits, 0x%08X.
func (s Status) String() string {
	if n := s.name(); n != "" {
		return n
	}
	if c := s.Canonical(); c != s {
		return "STATUS_NDIS_" + strings.TrimPrefix(c.name(), statusPrefix)
	}
	return fmt.Sprintf("0x%08X", uint32(s))
}

// ParseStatus reads a status: a documented name with or without NDIS_STATUS_, in any
// case; the name of an NTSTATUS twin (STATUS_NDIS_…); or a number, decimal (negative
// ones too, as debuggers print them) or hexadecimal with 0x. Every output of String is
// accepted.
func ParseStatus(text string) (Status, error) {
	if v, ok := parseUint32(text); ok {
		return Status(v), nil
	}
	name := strings.ToUpper(strings.TrimSpace(text))
	twin := strings.HasPrefix(name, "STATUS_NDIS_")
	name = strings.TrimPrefix(strings.TrimPrefix(name, "STATUS_NDIS_"), statusPrefix)
	for _, v := range statuses {
		if v.Name[len(statusPrefix):] != name {
			continue
		}
		if !twin {
			return v.Value, nil
		}
		if v.Value>>16 == 0xC001 {
			return 0xC0230000 | v.Value&0xFFFF, nil
		}
	}
	return 0, fmt.Errorf("ndis: %q is not a status", text)
}

// parseUint32 reads a 32-bit number, decimal or hexadecimal with 0x. A negative decimal
// number stands for its two's complement.
func parseUint32(text string) (uint32, bool) {
	text = strings.TrimSpace(text)
	if len(text) > 2 && text[0] == '0' && text[1]|0x20 == 'x' {
		v, err := strconv.ParseUint(text[2:], 16, 32)
		return uint32(v), err == nil
	}
	if strings.HasPrefix(text, "-") {
		v, err := strconv.ParseInt(text, 10, 32)
		return uint32(v), err == nil
	}
	v, err := strconv.ParseUint(text, 10, 32)
	return uint32(v), err == nil
}
