"""What the notebooks share: running afreplay, and the look of the plots.

The commands come from PATH (`go install ./cmd/...`); without them there, Go runs them from
this repository. Traces and tables go to a folder that is removed with the notebook.
"""

import shutil
import subprocess
import tempfile
from pathlib import Path

import matplotlib
import matplotlib.pyplot as plt

repository = Path(__file__).resolve().parents[2]
_folder = tempfile.TemporaryDirectory(prefix="afreplay-")
work = Path(_folder.name)
_built = {}


def command(name):
    """The command, built once if it is not in PATH."""
    found = shutil.which(name)
    if found:
        return found
    if name not in _built:
        _built[name] = str(work / "bin" / name)
        subprocess.run(["go", "build", "-o", _built[name], f"./cmd/{name}"], cwd=repository, check=True)
    return _built[name]


def afreplay(*args, stdin=None):
    """Runs afreplay in the folder work and returns what it prints.

    Exit codes 1 (violations) and 4 (inconclusive) are verdicts, not failures.
    """
    run = subprocess.run([command("afreplay"), *map(str, args)], cwd=work, input=stdin, capture_output=True, text=True)
    if run.returncode not in (0, 1, 4):
        raise RuntimeError(f"afreplay {' '.join(map(str, args))}: exit code {run.returncode}\n{run.stderr}")
    return run.stdout


matplotlib.rcParams.update({
    "figure.figsize": (8, 3.2),
    "figure.constrained_layout.use": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.grid": True,
    "grid.alpha": 0.3,
    "font.size": 9,
    "svg.fonttype": "none",
    # The same figure gives the same bytes.
    "svg.hashsalt": "aftrace",
})
blue, orange, red, grey = "#2b6cb0", "#dd6b20", "#c53030", "#a0aec0"


def show(figure):
    """Shows a figure as SVG, small and without the time of its making."""
    import io

    from IPython.display import SVG, display

    out = io.BytesIO()
    figure.savefig(out, format="svg", metadata={"Date": None, "Creator": None})
    plt.close(figure)
    display(SVG(out.getvalue()))
