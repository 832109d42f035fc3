package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"
)

// The recipes of docs/ci.md do what the text says, run as they are printed.
func TestRecipesOfTheDocs(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the recipes are for a POSIX shell")
	}
	doc, err := os.ReadFile("../../docs/ci.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := func(lang string) (out []string) {
		for _, m := range regexp.MustCompile("(?s)```"+lang+"\n(.*?)```").FindAllSubmatch(doc, -1) {
			out = append(out, string(m[1]))
		}
		return out
	}
	recipes, files := blocks("sh"), blocks("json")
	if len(recipes) != 3 || len(files) != 1 {
		t.Fatalf("%d shell and %d JSON blocks, want 3 and 1", len(recipes), len(files))
	}
	bin := t.TempDir()
	if out, err := exec.Command("go", "build", "-o", filepath.Join(bin, "afreplay"), ".").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	dir := t.TempDir()
	trace := func(path, text string) {
		t.Helper()
		traceOf(t, path, text, filepath.Join(dir, path))
	}
	run := func(recipe string, want int) string {
		t.Helper()
		cmd := exec.Command("sh", "-c", recipe)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "PATH="+bin+string(os.PathListSeparator)+os.Getenv("PATH"))
		out, _ := cmd.CombinedOutput()
		if got := cmd.ProcessState.ExitCode(); got != want {
			t.Errorf("exit code %d, want %d:\n%s\n%s", got, want, recipe, out)
		}
		return string(out)
	}
	const legal = "adapter A\ndriver cm1 call-manager\ndriver cm2 call-manager\ncm1: bind A\n  register A Q2931\n"
	const twice = legal + "cm2: bind A\n  register A Q2931\n"
	trace("traces/lab1/good.arrow", legal)
	if out := run(recipes[0], 0); !strings.HasPrefix(out, "# afreplay: conforms") {
		t.Errorf("the summary is\n%s", out)
	}
	trace("traces/lab2/bad.arrow", twice)
	run(recipes[0], 1)
	for _, name := range []string{"afreplay.xml", "afreplay.sarif", "afreplay.json", "afreplay.md"} {
		if st, err := os.Stat(filepath.Join(dir, "reports", name)); err != nil || st.Size() == 0 {
			t.Errorf("%s: %v", name, err)
		}
	}
	// The defect is known from now on; another one is not.
	if err := os.Rename(filepath.Join(dir, "reports", "afreplay.json"), filepath.Join(dir, "baseline.json")); err != nil {
		t.Fatal(err)
	}
	if out := run(recipes[1], 0); !strings.Contains(out, "0 new, 1 known") {
		t.Errorf("the report is\n%s", out)
	}
	trace("traces/lab2/worse.arrow", strings.ReplaceAll(twice, "Q2931", "PPP"))
	run(recipes[1], 1)
	if err := os.WriteFile(filepath.Join(dir, "suppressions.json"), []byte(files[0]), 0o666); err != nil {
		t.Fatal(err)
	}
	if out := run(recipes[2], 1); !strings.Contains(out, "suppression of REG-07 matches nothing") {
		t.Errorf("the report is\n%s", out)
	}
}
