"""A run folder seen from Python: reports, curves and settings, also as a figure in a notebook."""

import base64
import html
import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import plots
from .config import MachineSettings, fields_of, flag
from .errors import ForgeryError
from .plots.curves import figure_of
from .progress import in_words
from .recipes import find_recipe
from .training.doctor import Finding
from .training.run import Run as Folder
from .training.run import open_run
from .writing import writing

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class Run(Folder):
    """A run folder, whether the run is still trained or has ended: ``forgery.Run("runs/first")``.

    In a notebook it is displayed as its curves, last report, findings and changed settings.

    Parameters
    ----------
    path:
        The run folder.

    Raises
    ------
    ForgeryError
        If the path is no run folder, config.json is damaged, or a package is not installed.
    """

    def __init__(self, path: Path | str) -> None:
        opened = open_run(Path(path))
        super().__init__(opened.path, opened.record)

    def __repr__(self) -> str:
        reports = self.read_metrics()
        step = f"last report at step {reports[-1]['step']:,}" if reports else "no report yet"
        return f"Run({self.path}: {self.title}, {step})"

    @property
    def reports(self) -> list[dict[str, Any]]:
        """The lines of metrics.jsonl, read anew at each access; ``pandas.DataFrame`` takes them."""
        return self.read_metrics()

    @property
    def findings(self) -> list[str]:
        """The findings of the doctor, in their order, as text."""
        found = [finding for report in self.read_metrics() for finding in report["findings"]]
        return [str(Finding(**finding)) for finding in found]

    @property
    def changes(self) -> dict[str, Any]:
        """The settings that have an effect and are not those of the recipe, by name.

        The device and the threads are left out; a recipe that is not known any more has the
        defaults.
        """
        try:
            recipe = find_recipe(self.config.recipe)().to_dict()
        except ForgeryError:
            recipe = type(self.config)().to_dict()
        without = {*self.config.without_effect(), *fields_of(MachineSettings), "recipe", "data"}
        return {
            name: value
            for name, value in self.config.to_dict().items()
            if name not in without and value is not None and value != recipe[name]
        }

    def curves(self) -> "Figure":
        """The figure of curves.png, from the reports so far.

        Raises
        ------
        ForgeryError
            If there is no report yet.
        """
        reports = self.read_metrics()
        if not reports:
            raise ForgeryError(f"{self.path} has no report yet")
        return figure_of(reports, self.title, self.config.objective)

    def save_evolution(self, path: Path | str) -> None:
        """Write the sample grids as an animation: ``.gif``, or ``.mp4`` if there is ffmpeg.

        Raises
        ------
        ForgeryError
            For another suffix, or without ffmpeg, or if the file cannot be written.
        """
        plots.check_film(Path(path))
        with writing(path):
            plots.evolution(self.pictures, Path(path), self.captions)

    def _repr_html_(self) -> str:
        """The curves above a caption of a few lines."""
        reports, lines = self.read_metrics(), [f"<b>{html.escape(repr(self))}</b>"]
        picture = ""
        if reports:
            buffer = io.BytesIO()
            self.curves().savefig(buffer, format="png", dpi=80)
            encoded = base64.b64encode(buffer.getvalue()).decode("ascii")
            picture = f'<img src="data:image/png;base64,{encoded}" alt="curves">'
            last = reports[-1]
            numbers = [f"{last['seconds'] / 60:.1f} minutes", *in_words(last, last["quality"])]
            lines.append(html.escape("  ".join(numbers)))
        lines += [f"doctor: {html.escape(text)}" for text in self.findings]
        if changes := self.changes:
            settings = ", ".join(f"{flag(name)} {value}" for name, value in changes.items())
            lines.append(f"recipe {self.config.recipe} with {html.escape(settings)}")
        caption = "".join(f"<div>{line}</div>" for line in lines)
        return f"<figure>{picture}<figcaption>{caption}</figcaption></figure>"
