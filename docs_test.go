package aftrace_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"

	"github.com/aftrace/aftrace/format"
	"github.com/aftrace/aftrace/replay/scenario"
)

// Links between the pages, and from them to files of the project, lead somewhere.
func TestLinksOfTheDocs(t *testing.T) {
	pages, err := filepath.Glob("docs/*.md")
	if err != nil || len(pages) < 10 {
		t.Fatalf("%d pages: %v", len(pages), err)
	}
	link := regexp.MustCompile(`\]\(([^)#\s]+)(#[^)]*)?\)`)
	for _, page := range append(pages, "README.md") {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range link.FindAllStringSubmatch(string(text), -1) {
			to := m[1]
			if strings.Contains(to, "://") {
				continue
			}
			if _, err := os.Stat(filepath.Join(filepath.Dir(page), filepath.FromSlash(to))); err != nil {
				t.Errorf("%s: %s leads nowhere", page, to)
			}
		}
	}
}

// Every page is reached from the index.
func TestIndexOfTheDocs(t *testing.T) {
	index, err := os.ReadFile("docs/README.md")
	if err != nil {
		t.Fatal(err)
	}
	pages, err := filepath.Glob("docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, page := range pages {
		if name := filepath.Base(page); name != "README.md" && !strings.Contains(string(index), "("+name+")") {
			t.Errorf("docs/README.md does not mention %s", name)
		}
	}
}

// The program of docs/api.md compiles outside of the module's packages and says what its
// table promises.
func TestProgramOfTheAPIPage(t *testing.T) {
	if _, err := exec.LookPath("go"); err != nil && runtime.GOOS == "windows" {
		t.Skipf("nothing here compiles it, as under Wine: %v", err)
	}
	page, err := os.ReadFile("docs/api.md")
	if err != nil {
		t.Fatal(err)
	}
	_, program, found := strings.Cut(string(page), "```go\n")
	program, _, closed := strings.Cut(program, "```")
	if !found || !closed {
		t.Fatal("docs/api.md has no program")
	}
	dir := t.TempDir()
	source, trace := filepath.Join(dir, "main.go"), filepath.Join(dir, "trace.arrow")
	if err := os.WriteFile(source, []byte(program), 0o666); err != nil {
		t.Fatal(err)
	}
	claim, err := scenario.Compile("claim.af", "adapter A\ndriver cm1 call-manager\ndriver cm2 call-manager\n"+
		"cm1: bind A\n  register A Q2931\ncm2: bind A\n  register A Q2931\n")
	if err != nil {
		t.Fatal(err)
	}
	w, err := format.Create(trace, format.WriterOptions{Metadata: claim.Metadata})
	if err != nil {
		t.Fatal(err)
	}
	for i := range claim.Events {
		if err := w.Write(&claim.Events[i]); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("go", "run", source, trace).CombinedOutput()
	if err != nil || !strings.HasPrefix(string(out), "violations\nREG-02@") {
		t.Errorf("%v\n%s", err, out)
	}
}

// Commands and flags that the pages show are in the reference, which is made of the commands.
func TestCommandsOfTheDocs(t *testing.T) {
	known := map[string]map[string]bool{} // flags by command
	section := regexp.MustCompile(`(?m)^## (.+)$`)
	flag := regexp.MustCompile("(?m)^\\| `(?:-(\\w), )?--([\\w-]+)")
	for _, name := range []string{"aftrace", "afreplay"} {
		text, err := os.ReadFile("docs/" + name + ".md")
		if err != nil {
			t.Fatal(err)
		}
		at := section.FindAllStringSubmatchIndex(string(text), -1)
		for i, m := range at {
			end := len(text)
			if i+1 < len(at) {
				end = at[i+1][0]
			}
			flags := map[string]bool{"--help": true}
			for _, f := range flag.FindAllStringSubmatch(string(text[m[0]:end]), -1) {
				flags["--"+f[2]] = true
				if f[1] != "" {
					flags["-"+f[1]] = true
				}
			}
			known[string(text[m[2]:m[3]])] = flags
		}
		known[name+" completion"] = map[string]bool{}
		known[name] = map[string]bool{"--help": true}
	}
	pages, err := filepath.Glob("docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	// A command line in a block, or one between backquotes.
	line := regexp.MustCompile("(?m)(?:^ {4,}|^|[|`(] ?|sudo )(aftrace|afreplay) ([a-z][^`\\n]*)")
	word := regexp.MustCompile(`^(--?[a-zA-Z][\w-]*)`)
	seen := 0
	for _, page := range append(pages, "README.md", "docs/notebooks/README.md") {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		whole := strings.ReplaceAll(string(text), "\\\n", " ")
		inBlock := regexp.MustCompile("(?ms)^```.*?^```$|^    .*?$|`[^`]+`")
		for _, block := range inBlock.FindAllString(whole, -1) {
			for _, m := range line.FindAllStringSubmatch(block, -1) {
				words := strings.Fields(m[2])
				name, rest := m[1], words
				for len(rest) > 0 && known[name+" "+rest[0]] == nil && hasPrefix(known, name+" "+rest[0]+" ") || len(rest) > 0 && known[name+" "+rest[0]] != nil {
					name, rest = name+" "+rest[0], rest[1:]
				}
				if known[name] == nil && !hasPrefix(known, name+" ") || name == m[1] {
					t.Errorf("%s: there is no command %s %s", page, m[1], words[0])
					continue
				}
				seen++
				for _, w := range rest {
					if w == "--" || w == "|" || w == "#" || w == "&&" || strings.HasPrefix(w, "||") {
						break
					}
					if f := word.FindString(strings.TrimLeft(w, "[(")); f != "" && !known[name][f] {
						t.Errorf("%s: %s has no flag %s", page, name, f)
					}
				}
			}
		}
	}
	if seen < 100 {
		t.Errorf("only %d commands were found", seen)
	}
}

func hasPrefix(known map[string]map[string]bool, prefix string) bool {
	for name := range known {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return false
}
