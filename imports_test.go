// Package aftrace_test holds the rules of the whole project: who may import whom, and what
// the replay may not do.
package aftrace_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/aftrace/aftrace"

// room says what the packages of a folder may import, their tests apart. The first room
// that a package belongs to holds for it.
type room struct {
	dir  string // folder in the module; its subfolders belong to it
	ours []string
	not  []string // standard packages that it may not import, subpackages included
	std  bool     // it imports nothing but ours and the standard library
}

// The rooms of the project. Data flows collect → format → replay → analysis, and a package
// knows only what comes before it; collect and replay do not know each other.
var rooms = []room{
	{dir: "format/ndis", std: true},
	{dir: "format", ours: []string{"format/ndis"}},
	{dir: "collect/decode", ours: []string{"format", "collect"}, not: []string{"os", "net", "io/ioutil", "syscall"}},
	{dir: "collect", ours: []string{"format", "collect"}},
	{dir: "replay/rule", std: true},
	{dir: "replay/gen", ours: []string{"format", "replay"}, std: true, not: impureButRandom},
	{dir: "replay", ours: []string{"format", "replay"}, std: true, not: append([]string{"math/rand"}, impureButRandom...)},
	{dir: "analysis", ours: []string{"format", "replay", "analysis"}},
	{dir: "cmd", ours: []string{"format", "collect", "replay", "analysis", "cmd", "testdata"}},
	{dir: "internal/interop", std: true},
	{dir: "internal/smalldisk", std: true},
	{dir: "internal/naive", ours: []string{"format", "replay/rule"}, std: true},
	{dir: "testdata", std: true},
}

// impureButRandom are the packages with which a state machine would do I/O or depend on
// what is not its input. Random numbers from a seed are an input.
var impureButRandom = []string{"os", "net", "io/fs", "io/ioutil", "syscall", "crypto/rand", "runtime", "log", "sync", "context", "plugin", "embed", "path/filepath"}

func roomOf(pkg string) *room {
	for i := range rooms {
		if within(pkg, rooms[i].dir) {
			return &rooms[i]
		}
	}
	return nil
}

func within(pkg, dir string) bool { return pkg == dir || strings.HasPrefix(pkg, dir+"/") }

// source is a Go file of the module that is no test. Files for every system count.
type source struct {
	name string // with slashes, from the top of the module
	pkg  string
	file *ast.File
}

func sources(t *testing.T) (files []source, fset *token.FileSet) {
	t.Helper()
	fset = token.NewFileSet()
	err := filepath.WalkDir(".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if base := d.Name(); name != "." && (base == "node_modules" || base[0] == '.' || base[0] == '_') {
				return fs.SkipDir
			}
			return nil
		}
		if filepath.Ext(name) != ".go" || strings.HasSuffix(name, "_test.go") {
			return nil
		}
		f, err := parser.ParseFile(fset, name, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		slash := filepath.ToSlash(name)
		files = append(files, source{slash, path.Dir(slash), f})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return files, fset
}

func imports(f *ast.File) (paths []string) {
	for _, s := range f.Imports {
		p, err := strconv.Unquote(s.Path.Value)
		if err == nil {
			paths = append(paths, p)
		}
	}
	return paths
}

func TestImports(t *testing.T) {
	files, _ := sources(t)
	if len(files) < 20 {
		t.Fatalf("only %d files found", len(files))
	}
	for _, src := range files {
		r := roomOf(src.pkg)
		if r == nil {
			t.Errorf("%s: its folder is no room of the project: see rooms", src.name)
			continue
		}
		for _, p := range imports(src.file) {
			if why := r.refuses(p); why != "" {
				t.Errorf("%s imports %s: %s", src.name, p, why)
			}
		}
	}
}

// refuses says why the room may not import p; "" if it may.
func (r *room) refuses(p string) string {
	own, ours := strings.CutPrefix(p, module+"/")
	switch {
	case ours && within(own, r.dir), ours && slices.ContainsFunc(r.ours, func(dir string) bool { return within(own, dir) }):
		return ""
	case ours && len(r.ours) == 0:
		return r.dir + " imports nothing of ours"
	case ours:
		return r.dir + " imports only " + strings.Join(r.ours, ", ") + " of ours"
	case strings.Contains(strings.Split(p, "/")[0], "."):
		if r.std {
			return r.dir + " imports only the standard library"
		}
	case p == "net/netip" || p == "net/url": // values, not connections
	case slices.ContainsFunc(r.not, func(not string) bool { return within(p, not) }):
		return r.dir + " may not"
	}
	return ""
}

// TestEtlKnowsNoAddressFamilies: the container is bytes and records.
func TestEtlKnowsNoAddressFamilies(t *testing.T) {
	files, _ := sources(t)
	for _, src := range files {
		if src.pkg != "collect/etl" {
			continue
		}
		for _, p := range imports(src.file) {
			if strings.HasPrefix(p, module+"/format") || strings.HasPrefix(p, module+"/collect/decode") {
				t.Errorf("%s imports %s", src.name, p)
			}
		}
	}
}

// TestReplayIsPure: no clock and no goroutine, so that the same rows give the same result.
func TestReplayIsPure(t *testing.T) {
	clock := []string{"Now", "Since", "Until", "After", "AfterFunc", "Sleep", "Tick", "NewTimer", "NewTicker", "Local", "LoadLocation"}
	files, fset := sources(t)
	for _, src := range files {
		if !within(src.pkg, "replay") {
			continue
		}
		ast.Inspect(src.file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.GoStmt:
				t.Errorf("%s: starts a goroutine", fset.Position(n.Pos()))
			case *ast.SelectStmt:
				t.Errorf("%s: waits on channels", fset.Position(n.Pos()))
			case *ast.SelectorExpr:
				if x, ok := n.X.(*ast.Ident); ok && x.Name == "time" && slices.Contains(clock, n.Sel.Name) {
					t.Errorf("%s: uses time.%s", fset.Position(n.Pos()), n.Sel.Name)
				}
			}
			return true
		})
	}
}

// TestPackageNames: a package is a thing.
func TestPackageNames(t *testing.T) {
	files, _ := sources(t)
	for _, src := range files {
		switch name := src.file.Name.Name; name {
		case "util", "utils", "common", "helper", "helpers", "misc", "base", "shared", "types":
			t.Errorf("%s: package %s says nothing", src.name, name)
		}
	}
}
