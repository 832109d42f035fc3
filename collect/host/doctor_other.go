//go:build !windows

package host

import (
	"context"
	"runtime"

	"github.com/aftrace/aftrace/collect/uprobe"
)

// Diagnose says what this host can do, and why not.
func Diagnose(context.Context) *Diagnosis {
	const route = "uprobe"
	d := &Diagnosis{System: runtime.GOOS + "/" + runtime.GOARCH, Routes: []Route{
		{Name: route, About: "aftrace capture: programs of Linux that call functions named as in ndis.h"},
	}}
	for _, r := range uprobe.Requirements() {
		c := Check{Name: r.Name, State: Good, Have: r.Have, Routes: []string{route}}
		if !r.OK {
			c.State, c.Do = Missing, r.Do
		}
		d.Checks = append(d.Checks, c)
	}
	d.Checks = append(d.Checks, Check{
		Name: "ETW", State: Missing, Have: runtime.GOOS,
		Do: "capture ETW on Windows; .etl files of it are converted here with 'aftrace convert'",
	})
	d.conclude()
	return d
}
