// Package notebooks_test executes the notebooks of this folder.
package notebooks_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/aftrace/aftrace/internal/interop"
)

var notebooks = []string{"bring-up", "finding-a-conflict", "first-look", "fleet"}

// TestStripped holds that notebooks are kept without outputs, and that each is rendered.
func TestStripped(t *testing.T) {
	files, err := filepath.Glob("*.ipynb")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, file := range files {
		names = append(names, strings.TrimSuffix(file, ".ipynb"))
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var notebook struct {
			Cells []struct {
				Type    string `json:"cell_type"`
				Outputs []any
				Count   *int `json:"execution_count"`
			}
		}
		if err := json.Unmarshal(b, &notebook); err != nil {
			t.Errorf("%s: %v", file, err)
		}
		for i, c := range notebook.Cells {
			if c.Type == "code" && (len(c.Outputs) > 0 || c.Count != nil) {
				t.Errorf("%s: cell %d has outputs: run render.py --strip", file, i)
			}
		}
		if _, err := os.Stat(filepath.Join("..", "..", "docs", "notebooks", names[len(names)-1]+".html")); err != nil {
			t.Errorf("%s is not rendered: run render.py: %v", file, err)
		}
	}
	if !slices.Equal(names, notebooks) {
		t.Errorf("the notebooks are %v, want %v", names, notebooks)
	}
}

// TestExecuted runs every notebook from top to bottom and compares with what is rendered.
func TestExecuted(t *testing.T) {
	python := interop.Python(t, "analysis/notebooks/requirements.txt", "nbclient, nbconvert")
	bin := t.TempDir()
	if out, err := exec.Command("go", "build", "-o", bin, "../../cmd/afreplay").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, name := range notebooks {
		t.Run(name, func(t *testing.T) {
			cmd := exec.Command(python, "render.py", "--check", name+".ipynb")
			cmd.Env = append(os.Environ(), "PATH="+bin+string(os.PathListSeparator)+os.Getenv("PATH"))
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
		})
	}
}
