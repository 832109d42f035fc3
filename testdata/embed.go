// Package testdata gives programs the recording that they demonstrate themselves with.
package testdata

import _ "embed"

// DemoETL is demo/host.etl: a few seconds of a host whose WAN adapter comes up, as a trace
// session records them. Which story it tells, and how it is made, is in collect/demo_test.go.
//
//go:embed demo/host.etl
var DemoETL []byte
