package host

import (
	"crypto/sha1"

	"github.com/aftrace/aftrace/collect/etl"
)

// guidOf derives a GUID (version 5, with a namespace of our own) from a text.
func guidOf(text string) etl.GUID {
	sum := sha1.Sum([]byte("github.com/aftrace/aftrace\x00" + text))
	g := etl.GUID(sum[:16])
	g[7] = g[7]&0x0F | 0x50 // the version, in memory order
	g[8] = g[8]&0x3F | 0x80
	return g
}
