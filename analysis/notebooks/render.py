"""Executes the notebooks and renders them to docs/notebooks.

    python render.py            render all
    python render.py --check    say what differs from docs/notebooks, and exit with 1 if anything does
    python render.py --strip    take outputs and counters out of the .ipynb files

Needs requirements.txt. A cell that fails is an error. The files in analysis/notebooks stay
without outputs.
"""

import argparse
import difflib
import os
import re
import sys
import tempfile
from pathlib import Path

import nbformat

here = Path(__file__).resolve().parent
docs = here.parents[1] / "docs" / "notebooks"

PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
:root {{ color-scheme: light; }}
body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #1a202c; background: #fff; }}
pre {{ background: #f7fafc; border: 1px solid #e2e8f0; border-radius: 4px; padding: .6rem .8rem; overflow-x: auto; font: 13px/1.45 ui-monospace, monospace; }}
.jp-OutputArea pre {{ background: none; border: 0; padding: 0 .8rem; }}
.jp-InputPrompt, .jp-OutputPrompt, .anchor-link {{ display: none; }}
table {{ border-collapse: collapse; font-size: 13px; display: block; overflow-x: auto; }}
th, td {{ border: 1px solid #e2e8f0; padding: .2rem .5rem; text-align: left; }}
svg {{ max-width: 100%; height: auto; }}
.k, .kn, .ow {{ color: #805ad5; }} .s1, .s2, .sd, .sa {{ color: #276749; }} .c1 {{ color: #718096; }} .mi, .mf {{ color: #b7791f; }}
</style>
</head>
<body>
{body}
<p><small>Rendered from <code>analysis/notebooks/{name}.ipynb</code> by <code>analysis/notebooks/render.py</code>.</small></p>
</body>
</html>
"""


def stripped(notebook):
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
        cell.metadata = {}
    notebook.metadata = {"kernelspec": notebook.metadata.get("kernelspec", {}), "language_info": {"name": "python"}}
    return notebook


def execute(path):
    """Runs the notebook from top to bottom with this Python, in the folder of the notebooks."""
    from jupyter_client.manager import AsyncKernelManager
    from nbclient import NotebookClient

    notebook = nbformat.read(path, as_version=4)
    os.environ.update(PYTHONHASHSEED="0", PYTHONDONTWRITEBYTECODE="1")
    with tempfile.TemporaryDirectory() as sockets:
        # Pipes between the processes rather than ports that anybody can connect to.
        kernel = AsyncKernelManager(kernel_name="python3", transport="ipc", ip=os.path.join(sockets, "kernel"))
        NotebookClient(notebook, km=kernel, timeout=600, resources={"metadata": {"path": str(here)}}).execute()
    return notebook


def render(path, notebook):
    from nbconvert import HTMLExporter

    body, _ = HTMLExporter(template_name="basic").from_notebook_node(notebook)
    body = re.sub(r'\s+id="cell-id=[^"]*"', "", body)
    body = "\n".join(line.rstrip() for line in body.splitlines())
    title = next(c.source for c in notebook.cells if c.cell_type == "markdown").splitlines()[0].lstrip("# ")
    page = PAGE.format(title=title, body=body, name=path.stem)
    for place in {str(here.parents[1]), str(Path.home()), os.environ.get("TMPDIR", "/tmp").rstrip("/") + "/", "/tmp/"} - {"/"}:
        if place in page:
            raise SystemExit(f"{path.name}: its output names {place}, a folder of this machine")
    return page


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--check", action="store_true", help="change nothing, compare")
    p.add_argument("--strip", action="store_true", help="take the outputs out of the notebooks")
    p.add_argument("notebooks", nargs="*", type=Path, help="default: all")
    args = p.parse_args()
    stale = False
    for path in args.notebooks or sorted(here.glob("*.ipynb")):
        if args.strip:
            nbformat.write(stripped(nbformat.read(path, as_version=4)), path)
            continue
        page, target = render(path, execute(path)), docs / (path.stem + ".html")
        if not args.check:
            docs.mkdir(exist_ok=True)
            target.write_text(page, encoding="utf-8")
            continue
        old = target.read_text(encoding="utf-8") if target.exists() else ""
        if old != page:
            stale = True
            diff = difflib.unified_diff(old.splitlines(), page.splitlines(), str(target.name), "rendered now", lineterm="", n=0)
            print("\n".join(line[:200] for line in list(diff)[:20]))
            print(f"{target.name} is not current: run analysis/notebooks/render.py")
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
