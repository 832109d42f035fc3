package decode_test

import (
	"archive/zip"
	"bytes"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aftrace/aftrace/collect/decode"
	"github.com/aftrace/aftrace/collect/etl"
	"github.com/aftrace/aftrace/format"
	"github.com/aftrace/aftrace/internal/interop"
)

// wheel returns the files with a suffix in a wheel of testdata/requirements.txt: binaries
// that are not of our making. Without AFTRACE_INTEROP=1 the test is skipped.
func wheel(t *testing.T, name, suffix string) map[string][]byte {
	t.Helper()
	interop.Need(t, "AFTRACE_WHEELS, a folder with the wheels (win_amd64) of testdata/requirements.txt")
	wheels, err := filepath.Glob(filepath.Join(os.Getenv("AFTRACE_WHEELS"), name+"-*.whl"))
	if err != nil || len(wheels) == 0 {
		t.Fatalf("AFTRACE_WHEELS=%q has no %s (%v)", os.Getenv("AFTRACE_WHEELS"), name, err)
	}
	z, err := zip.OpenReader(wheels[0])
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	files := map[string][]byte{}
	for _, f := range z.File {
		if !strings.HasSuffix(f.Name, suffix) {
			continue
		}
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		r.Close()
		files[path.Base(f.Name)] = b
	}
	if len(files) == 0 {
		t.Fatalf("%s has no %s", wheels[0], suffix)
	}
	return files
}

// TestRealPDB walks through the modules and symbols of real PDBs. None is of a driver, so
// there is no WPP message in them.
func TestRealPDB(t *testing.T) {
	for name, b := range wheel(t, "debugpy", ".pdb") {
		_, err := (&decode.Library{}).AddPDB(name, bytes.NewReader(b), int64(len(b)))
		var modules int
		if err == nil {
			t.Errorf("%s has WPP messages", name)
		} else if _, e := fmt.Sscanf(err.Error(), name+": no WPP trace messages in the symbols of its %d modules", &modules); e != nil || modules < 30 {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestRealImage decodes the events of a real recording with the resource of a real binary:
// arrays, structs and all other fields, to the byte.
func TestRealImage(t *testing.T) {
	image := wheel(t, "dotnetcore2", "/clretwrc.dll")["clretwrc.dll"]
	lib := &decode.Library{}
	n, err := lib.AddImage("clretwrc.dll", bytes.NewReader(image))
	if err != nil || n < 300 {
		t.Fatalf("%d events, %v", n, err)
	}
	f, err := etl.Open(filepath.Join(samples(t), "diaghub.user_paged.1.etl"), etl.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	d := decode.New(decode.Options{Library: lib})
	var row format.Event
	for r, err := range f.Records() {
		if err != nil {
			t.Fatal(err)
		}
		d.Decode(r, &row)
	}
	for _, p := range d.Providers() {
		if p.GUID == guid("e13c0d23-ccbc-4e12-931b-d9cc2eee27e4") && (p.Records != 21757 || p.Decoded != p.Records) {
			t.Errorf("%+v", p)
		}
	}
	// Cut anywhere, it is an error, or the resource is before the cut.
	for cut := 0; cut < len(image); cut += 4093 {
		if k, err := (&decode.Library{}).AddImage("clretwrc.dll", bytes.NewReader(image[:cut])); err == nil && k != n {
			t.Errorf("%d bytes: %d events", cut, k)
		}
	}
}
