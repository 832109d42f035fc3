package replay

import (
	"github.com/aftrace/aftrace/format"
)

// clientOrManagerUse finds the AF open of a function that both sides may call.
func (c *Checker) clientOrManagerUse(cl *call) *afOpen {
	if o, ok := c.opens.get(key{kindAF<<56 | cl.ns, cl.af}); ok && o.client != nil {
		if o.owner != nil && o.owner.hasHdl && cl.has&format.HasBinding != 0 && o.owner.handle == cl.binding || c.byManager(cl, o) {
			return c.managerUse(cl, false)
		}
	}
	return c.clientUse(cl)
}
