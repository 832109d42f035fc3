//go:build windows && !cgo

package host

// liveBuild says that this build has no live sessions: the library that delivers them needs cgo.
const liveBuild = false
