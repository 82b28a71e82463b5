"""The notebooks of examples/, executed with short settings in place of their parameters."""

import re
from pathlib import Path

import pytest

nbformat = pytest.importorskip("nbformat")

EXAMPLES = Path(__file__).parents[1] / "examples"
#: Notebook → cell that replaces the values of its parameters.
SHORT = {
    "comparing_objectives": (
        "OBJECTIVES, LEARNING_RATES = ['minimax', 'non-saturating'], [1e-4, 1e-3]\n"
        "STEPS, TUNING_SEEDS, SEEDS = 3, 1, 2"
    ),
    "own_pictures": (
        "MINUTES, PICTURES = 0.02, 300\n"
        "SETTINGS = {'recipe': 'pictures-plain', 'image_size': 16, 'g_width': 8, 'd_width': 8}\n"
        "SETTINGS |= {'batch_size': 16, 'threads': 1, 'grid': 4}"
    ),
    "paper_in_thirty_minutes": (
        "D_STEPS, LINE_STEPS, EARLY_STEPS, MINUTES = 20, 4, 10, 0.01\n"
        "SAMPLES, TEST_IMAGES = 200, 50"
    ),
}


def read(name: str):
    return nbformat.read(EXAMPLES / f"{name}.ipynb", as_version=4)


def test_every_notebook_is_executed():
    assert {path.stem for path in EXAMPLES.glob("*.ipynb")} == set(SHORT)


@pytest.mark.parametrize("name", SHORT)
def test_a_notebook_is_valid_stripped_and_has_parameters(name):
    notebook = read(name)
    nbformat.validate(notebook)
    assert (notebook.nbformat, notebook.nbformat_minor) == (4, 5)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert all(not cell.outputs and cell.execution_count is None for cell in code)
    assert len({cell.id for cell in notebook.cells}) == len(notebook.cells)
    assert code[0].metadata.tags == ["parameters"]
    given = re.findall(r"^(\w+) =", code[0].source, re.M)
    assert set(re.findall(r"\b[A-Z_]{4,}\b", SHORT[name])) <= set(given)  # no misspelt ones
    for link in re.findall(r"\]\((?!https?:)(.*?)\)", "".join(c.source for c in notebook.cells)):
        assert (EXAMPLES / link).exists(), link


@pytest.mark.slow
@pytest.mark.parametrize("name", SHORT)
def test_a_notebook_runs(name, tmp_path, monkeypatch):
    client = pytest.importorskip("nbclient")
    pytest.importorskip("ipykernel")
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    # The command line, which other tests call in this process, sets it; a notebook draws inline.
    monkeypatch.delenv("MPLBACKEND", raising=False)
    notebook = read(name)
    (at,) = [i for i, cell in enumerate(notebook.cells) if "tags" in cell.metadata]
    notebook.cells.insert(at + 1, nbformat.v4.new_code_cell(SHORT[name]))
    here = {"metadata": {"path": str(tmp_path)}}
    client.NotebookClient(notebook, timeout=600, kernel_name="python3", resources=here).execute()
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    assert any("image/png" in output.get("data", {}) for output in outputs)
    shown = [output["data"]["text/plain"] for output in outputs if "data" in output]
    assert any(text.startswith("100%") for text in shown)  # progress: one output, without widgets
    assert not any("application/vnd.jupyter.widget-view+json" in o.get("data", {}) for o in outputs)
