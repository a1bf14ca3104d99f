"""Executes the notebooks, and keeps their outputs without any trace of the machine.

python notebooks/refresh.py                    execute all notebooks in full
python notebooks/refresh.py flowers --quick    execute one notebook with QUICK
python notebooks/refresh.py --quick --check    see that all can be executed; write nothing
python notebooks/refresh.py --runs FOLDER      reuse the runs that are in this folder
"""

import argparse
import os
import sys
import tempfile
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

HERE = Path(__file__).parent
MOST_BYTES = 1_500_000  # of a notebook with its outputs
REPOSITORY = ""  # OWNER/NAME on GitHub if it is public; badges and first cells use it

# The first cell of every notebook. It makes `distill` importable, so it cannot import it.
SETUP = f"""\
# In Colab this cell installs the package, with CUDA on a GPU. Elsewhere it does nothing.
import importlib.util
import shutil
import subprocess
import sys
from pathlib import Path

REPOSITORY = "{REPOSITORY}"  # OWNER/NAME on GitHub; set in notebooks/refresh.py
found = importlib.util.find_spec("distill")
if found is None or found.origin is None:  # missing, or only a folder of that name
    if "google.colab" not in sys.modules:
        raise ModuleNotFoundError("distill is not installed: pip install -e '.[notebooks]'")
    wheels = sorted(Path().glob("distill-*.whl"))
    folders = [path for path in (Path("distill"), Path("..")) if (path / "setup.cfg").is_file()]
    source = next((str(path.resolve()) for path in [*wheels[::-1], *folders]), None)
    if source is None and not REPOSITORY:
        raise ModuleNotFoundError("upload the package: its folder, or its wheel distill-….whl")
    source = source or f"git+https://github.com/{{REPOSITORY}}"
    extra = "[gpu]" if shutil.which("nvidia-smi") else ""
    package = f"distill{{extra}} @ {{source if '+' in source else Path(source).as_uri()}}"
    subprocess.check_call([sys.executable, "-m", "pip", "install", "--quiet", package])
    importlib.invalidate_caches()"""


def badge(name: str) -> str:
    """Returns the link that opens a notebook in Colab, or Colab itself without a repository."""
    colab = "https://colab.research.google.com"
    page = f"github/{REPOSITORY}/blob/main/notebooks/{name}.ipynb" if REPOSITORY else ""
    return f"[![Open in Colab]({colab}/assets/colab-badge.svg)]({colab}/{page})"


def begin(notebook: nbformat.NotebookNode, name: str) -> None:
    """Writes a notebook's badge, below the title, and its first code cell."""
    title, _, text = notebook.cells[0].source.partition("\n\n")
    if text.startswith("[!["):
        text = text.partition("\n\n")[2]
    notebook.cells[0].source = f"{title}\n\n{badge(name)}\n\n{text}"
    notebook.cells[1].source = SETUP


def execute(notebook: nbformat.NotebookNode, folder: Path, quick: bool) -> None:
    """Runs all cells in a new kernel, in `folder`, and stores their outputs in the notebook.

    Raises:
        CellExecutionError: a cell ended in an error.
    """
    os.environ["QUICK"] = str(int(quick))  # the kernel inherits it
    resources = {"metadata": {"path": str(folder)}}
    NotebookClient(notebook, timeout=None, kernel_name="python3", resources=resources).execute()


def clean(notebook: nbformat.NotebookNode) -> None:
    """Keeps only what a reader sees; drops metadata, and the state of widgets and progress bars."""
    notebook.metadata = nbformat.from_dict(
        {
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
        }
    )
    for cell in notebook.cells:
        cell.metadata = nbformat.from_dict({})
        if cell.cell_type == "code":
            outputs = [_clean_output(output) for output in cell.outputs]
            cell.outputs = _joined([output for output in outputs if output])


def _joined(outputs):
    """Joins neighbouring texts of one stream, as Jupyter does while a cell prints them."""
    joined = []
    for output in outputs:
        if joined and output.output_type == "stream" and output.name == joined[-1].get("name"):
            joined[-1].text += output.text
        else:
            joined.append(output)
    return joined


def _clean_output(output):
    if "data" not in output:
        return output
    data = {kind: value for kind, value in output.data.items() if "widget" not in kind}
    if not data.get("text/plain", "").strip() or data["text/plain"].startswith("Output("):
        return None  # a progress bar that has ended
    output.data = nbformat.from_dict(data)
    output.metadata = nbformat.from_dict({})
    return output


def faults(notebook: nbformat.NotebookNode, name: str) -> list[str]:
    """Returns one sentence for each fault of a notebook with its outputs."""
    found, cells = [], [cell for cell in notebook.cells if cell.cell_type == "code"]
    if [cell.execution_count for cell in cells] != list(range(1, len(cells) + 1)):
        found.append("the cells were not executed in order, once each")
    outputs = [output for cell in cells for output in cell.outputs]
    for output in outputs:
        if output.output_type == "error" or output.get("name") == "stderr":
            text = output.get("text") or output.get("evalue")
            found.append(f"an output is an error or a warning: {text.strip()[:200]}")
    before = nbformat.writes(notebook)
    begin(notebook, name)
    if nbformat.writes(notebook) != before:
        found.append("the badge or the first cell is not the one that refresh.py writes")
    before = nbformat.writes(notebook)
    clean(notebook)
    if nbformat.writes(notebook) != before:
        found.append("it contains metadata or the state of widgets")
    if len(before) > MOST_BYTES:
        found.append(f"it has {len(before)} bytes, more than {MOST_BYTES}")
    if not any("image/png" in output.get("data", {}) for output in outputs):
        found.append("no output is a figure")
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    names = sorted(path.stem for path in HERE.glob("*.ipynb"))
    listed = ", ".join(names)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"{listed}; default: all")
    parser.add_argument("--quick", action="store_true", help="set QUICK; takes a few minutes")
    help_runs = "folder in which they are executed; its runs are reused"
    parser.add_argument("--runs", type=Path, metavar="FOLDER", help=help_runs)
    parser.add_argument("--check", action="store_true", help="leave the notebooks as they are")
    options = parser.parse_args()
    if unknown := sorted(set(options.names) - set(names)):
        parser.error(f"there is no notebook {unknown[0]!r}; use one of {listed}")
    faulty = False
    for name in options.names or names:
        path = HERE / f"{name}.ipynb"
        notebook = nbformat.read(path, as_version=4)
        begin(notebook, name)
        with tempfile.TemporaryDirectory() as temporary:
            folder = options.runs or Path(temporary)
            folder.mkdir(parents=True, exist_ok=True)
            try:
                execute(notebook, folder, options.quick)
            except CellExecutionError as error:
                print(f"{path}: a cell ended in an error; the file is unchanged: {error}")
                faulty = True
                continue
        clean(notebook)
        if not options.check:
            nbformat.write(notebook, path)
        found = faults(notebook, name)
        if str(folder.resolve()) in nbformat.writes(notebook):
            found.append(f"it contains the path {folder.resolve()}, where it was executed")
        print(f"{path}: {'; '.join(found) or 'executed'}")
        faulty |= bool(found)
    return int(faulty)


if __name__ == "__main__":
    sys.exit(main())
