//go:build windows && cgo

package host

// liveBuild says that this build has live sessions.
const liveBuild = true
