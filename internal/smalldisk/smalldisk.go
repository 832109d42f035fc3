// Package smalldisk gives tests a disk that they can fill.
package smalldisk

import (
	"bytes"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"testing"
)

const folder = "AFTRACE_SMALL_DISK"

// Dir returns an empty folder on a disk of a size as mount takes it ("256k"). The disk belongs
// to a process of its own, in which Dir runs the test that calls it again: there it returns the
// folder. In the test itself it fails if that one did, and returns false: the test is over.
//
// It needs Linux, and root or user name spaces. Elsewhere the test is skipped; with CI=true or
// AFTRACE_INTEROP=1 it fails instead on Linux.
func Dir(t *testing.T, size string) (dir string, ok bool) {
	t.Helper()
	if dir := os.Getenv(folder); dir != "" {
		return dir, true
	}
	if runtime.GOOS != "linux" {
		t.Skip("a disk to fill is mounted on Linux only")
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	flags := "-m"
	if os.Getuid() != 0 {
		flags = "-Urm"
	}
	const mount = `mount -t tmpfs -o "size=$1" none "$2" || exit 99
shift 2
exec "$@"`
	cmd := exec.Command("unshare", flags, "sh", "-c", mount, "sh", size, t.TempDir(), self, "-test.run=^"+regexp.QuoteMeta(t.Name())+"$", "-test.v")
	cmd.Env = append(os.Environ(), folder+"="+cmd.Args[7])
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err = cmd.Run()
	if ran := bytes.Contains(out.Bytes(), []byte("=== RUN   "+t.Name())); ran && err != nil {
		t.Errorf("on a disk of %s: %v\n%s", size, err, &out)
	} else if !ran {
		if os.Getenv("CI") == "true" || os.Getenv("AFTRACE_INTEROP") == "1" {
			t.Fatalf("no disk to fill: %v\n%s", err, &out)
		}
		t.Skipf("no disk to fill: %v\n%s", err, &out)
	} else if testing.Verbose() {
		t.Logf("%s", &out)
	}
	return "", false
}
