//go:build unix

package check

import (
	"os"
	"slices"
	"syscall"
	"testing"
)

// What is no file in a folder is not opened, whatever its name: to open a pipe would wait for
// a writer. A broken link and a folder that cannot be read are told of as traces that cannot be.
func TestExpandTakesFiles(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, dir := range []string{"folder.arrow", "locked"} {
		if err := os.Mkdir(dir, 0o777); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile("a.arrow", nil, 0o666); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile("locked/b.arrow", nil, 0o666); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo("pipe.arrow", 0o666); err != nil {
		t.Fatal(err)
	}
	for link, to := range map[string]string{"link.arrow": "a.arrow", "broken.arrow": "nothing", "loop.arrow": ".", "to-pipe.arrow": "pipe.arrow"} {
		if err := os.Symlink(to, link); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod("locked", 0); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.Chmod("locked", 0o777); err != nil {
			t.Error(err)
		}
	})
	want := []string{"a.arrow", "broken.arrow", "link.arrow", "locked"}
	if os.Geteuid() == 0 {
		want[3] = "locked/b.arrow" // to root nothing is locked
	}
	if got, err := Expand([]string{"./..."}); err != nil || !slices.Equal(got, want) {
		t.Errorf("%v, %v; want %v", got, err, want)
	}
}
