"""A folder for the Hugging Face Hub: a model card, the weights and pictures; and its upload."""

import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ..errors import ForgeryError, did_you_mean
from ..evaluation import read_card
from ..model import Model
from ..sample_files import save_samples
from ..training.run import open_run
from .files import fill, write_new
from .folder import Precision, model_files
from .licences import check_licence
from .model_card import model_card
from .onnx import require_packages, to_onnx
from .page import to_page

#: Samples in samples.png; with classes, as many of each, and the most classes shown.
SAMPLES, A_CLASS, CLASSES = 64, 8, 10
#: Points in samples.png.
POINTS = 1000
#: Further forms of the model → file in the folder.
ALSO = {"onnx": "model.onnx", "page": "index.html"}
#: Files of a folder that another one of the same model may lack: an upload deletes those on the hub
#: that would remain from an earlier one.
OPTIONAL = ("card.json", "metrics.jsonl", *ALSO.values())


def to_hub_folder(
    model: Model,
    path: Path | str,
    *,
    license: str | None = None,
    also: Iterable[str] = (),
    precision: Precision = "float32",
    all_networks: bool = False,
    name: str | None = None,
) -> None:
    """Write a folder for the Hugging Face Hub.

    It holds README.md (a model card with metadata), config.json, model.safetensors, samples.png,
    and if the run has them, card.json and metrics.jsonl. ``forgery.load`` opens it.

    Parameters
    ----------
    model:
        A trained model.
    path:
        The folder, which must not exist, or be empty.
    license:
        The hub's identifier of the licence, such as ``mit``. Required.
    also:
        Further forms of the model: ``onnx`` (model.onnx) and ``page`` (index.html).
    precision, all_networks:
        Format of the weights, and whether to add the other network.
    name:
        ``OWNER/NAME`` on the hub, for the title and the examples of the card.

    Raises
    ------
    ForgeryError
        If there is no licence or it is unknown, the folder exists or cannot be written, or a
        further form cannot be made.
    """
    licence, forms = check_licence(license), check_forms(also)
    run = open_run(model.path)
    with write_new(Path(path)) as folder:
        files = model_files(model, precision, all_networks)
        fill(folder, files)
        if run.metrics.is_file():
            shutil.copyfile(run.metrics, folder / run.metrics.name)
        _draw(model, folder / "samples.png")
        if "onnx" in forms:
            to_onnx(model, folder / ALSO["onnx"])
        if "page" in forms:
            to_page(model, folder / ALSO["page"])
        card = read_card(folder / "card.json") if "card.json" in files else None
        there = sorted(file.name for file in folder.iterdir())
        text = model_card(model, run, card, licence, name, there)
        (folder / "README.md").write_text(text, encoding="utf-8")


def push(
    model: Model,
    name: str,
    *,
    license: str | None = None,
    private: bool = False,
    also: Iterable[str] = (),
    precision: Precision = "float32",
    all_networks: bool = False,
) -> str:
    """Upload a model to the Hugging Face Hub, as the folder of :func:`to_hub_folder`.

    Creates the repository if there is none. Files of the same names are replaced by a new commit;
    the hub keeps the earlier ones in its history.

    Parameters
    ----------
    model:
        A trained model.
    name:
        ``OWNER/NAME`` on the hub.
    private:
        Whether a new repository is private.
    license, also, precision, all_networks:
        As in :func:`to_hub_folder`.

    Returns
    -------
    str
        The address of the model's page.

    Raises
    ------
    ForgeryError
        Before anything is written or sent: if the name is invalid, there is no licence, no token of
        the hub or no ``huggingface_hub``, or it is offline. Later: if the upload fails.
    """
    api = check_upload(name, license, also)
    from huggingface_hub.errors import HfHubHTTPError

    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "model"
        to_hub_folder(
            model,
            folder,
            license=license,
            also=also,
            precision=precision,
            all_networks=all_networks,
            name=name,
        )
        try:
            address = api.create_repo(name, private=private, exist_ok=True)
            api.upload_folder(
                repo_id=name,
                folder_path=folder,
                commit_message=f"forgery: step {model.step:,}",
                delete_patterns=[file for file in OPTIONAL if not (folder / file).exists()],
            )
        except (HfHubHTTPError, OSError, ValueError) as error:
            reason = str(error).strip().partition("\n")[0]
            raise ForgeryError(f"the upload to {name} failed: {reason}") from error
    return str(address)


def check_forms(also: Iterable[str]) -> tuple[str, ...]:
    """The further forms of a model.

    Raises
    ------
    ForgeryError
        If one is unknown, or needs a package that is not installed.
    """
    forms = tuple(also)
    for form in forms:
        if form not in ALSO:
            raise ForgeryError(f"a hub folder has no form {form!r}{did_you_mean(form, ALSO)}")
    if "onnx" in forms:
        require_packages()
    return forms


def check_upload(name: str, license: str | None, also: Iterable[str]) -> Any:
    """The hub's client; a :class:`ForgeryError` if :func:`push` would be refused."""
    check_licence(license)
    check_forms(also)
    try:
        from huggingface_hub import HfApi, constants, get_token
        from huggingface_hub.utils import HFValidationError, validate_repo_id
    except ImportError:
        raise ForgeryError("an upload needs huggingface_hub: pip install 'forgery[hub]'") from None
    try:
        validate_repo_id(name)
    except HFValidationError as error:
        raise ForgeryError(f"{name!r} is not a name on the hub: {error}") from None
    if name.count("/") != 1:
        raise ForgeryError(f"{name!r} is not a name on the hub: expected OWNER/NAME")
    if constants.HF_HUB_OFFLINE:
        raise ForgeryError(
            "nothing can be uploaded while HF_HUB_OFFLINE is set: unset it, or write the folder "
            "with forgery export RUN --to hub-folder"
        )
    if get_token() is None:
        raise ForgeryError(
            "no Hugging Face token was found: log in with hf auth login, or set HF_TOKEN "
            "to one that may write"
        )
    return HfApi()


def _draw(model: Model, path: Path) -> None:
    """Draw samples of seed 0: a grid, with a column for each class, or a scatter plot."""
    names = model.sampleable_classes[:CLASSES]
    n = A_CLASS * len(names) if names else SAMPLES
    n = n if len(model.shape) == 3 else POINTS
    samples = model.sample_parts(n, 0, names or None)
    save_samples(samples, n, model.shape, path, None, names if len(names) > 1 else [])
