//go:build windows && cgo

package etw

import (
	"runtime"
	"testing"
	"unsafe"

	"github.com/bi-zone/etw"
	"golang.org/x/sys/windows"

	"github.com/aftrace/aftrace/collect/etl"
)

// TestRecordOfTheLibrary: where we reach into an event of the library is the EVENT_RECORD that it
// reads itself, and its structures are those of evntcons.h, for which the library was compiled.
func TestRecordOfTheLibrary(t *testing.T) {
	if !recordKnown {
		t.Fatal("the library keeps its record elsewhere")
	}
	activity := etl.GUID{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}
	session := uint32(77)
	items := []extendedItem{
		{typ: 3, size: 4, data: unsafe.Pointer(&session)}, // EVENT_HEADER_EXT_TYPE_TS_ID
		{typ: 1, size: 16, data: unsafe.Pointer(&activity)},
	}
	rec := &eventRecord{flags: 1, extendedCount: 2, extended: unsafe.Pointer(&items[0])} // EVENT_HEADER_FLAG_EXTENDED_INFO
	var pin runtime.Pinner
	defer pin.Unpin()
	pin.Pin(rec)
	pin.Pin(&items[0])
	pin.Pin(&session)
	pin.Pin(&activity)
	var e etw.Event
	*(**eventRecord)(unsafe.Add(unsafe.Pointer(&e), recordOffset)) = rec
	got := e.ExtendedInfo()
	if got.SessionID == nil || *got.SessionID != session || got.ActivityID == nil || *got.ActivityID != *(*windows.GUID)(unsafe.Pointer(&activity)) {
		t.Errorf("the library reads %+v", got)
	}
	if n := unsafe.Sizeof(*rec); n != 112 {
		t.Errorf("EVENT_RECORD of %d bytes", n)
	}
}
