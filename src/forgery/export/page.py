"""One HTML file that draws with a generator in a browser, without a server or a network.

The file holds the generator as a :class:`~forgery.export.program.Program` with weights in float16,
and the JavaScript that computes it (``static/network.js``). It shows samples with the same code as
the lab's explorer (``forgery/web``).
"""

import base64
import datetime
import hashlib
import html
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from .. import latent
from ..errors import ForgeryError
from ..model import Model
from ..resources import in_words
from ..training.run import open_run
from .files import write_new
from .program import Program
from .tracing import program_of

#: Largest page in bytes, and most products of linear layers and convolutions for one sample, which
#: take a browser about a fifth of a second (benchmarks/README.md, extrapolated).
MOST_BYTES, MOST_PRODUCTS = 12_000_000, 300_000_000
#: Largest difference of a pixel from PyTorch's, as a share of the range of pixels.
MOST_DIFFERENCE = 0.01
#: Maximum and minimum samples in the grid, and the products that limit their number in between.
FIRST, LEAST, GRID_PRODUCTS = 40, 8, 1_000_000_000
#: Samples on which the weights' rounding is measured.
MEASURED = 64
#: Number of principal directions.
DIRECTIONS = 10

HERE = Path(__file__).parent / "static"
WEB = Path(__file__).parent.parent / "web"


@dataclass(frozen=True)
class Page:
    """A page before it is written.

    Parameters
    ----------
    content:
        The HTML.
    difference:
        Largest difference of a pixel from PyTorch's on :data:`MEASURED` samples, as a share of the
        range of pixels; it is that of rounding the weights to float16.
    products:
        Products of linear layers and convolutions for one sample.
    """

    content: str
    difference: float
    products: int


def to_page(model: Model, path: Path | str) -> float:
    """Write one HTML file that draws with the generator in a browser, without a network.

    Parameters
    ----------
    model:
        A trained model of images.
    path:
        The file, which must not exist.

    Returns
    -------
    float
        The largest difference of a pixel from PyTorch's, as a share of the range of pixels.

    Raises
    ------
    ForgeryError
        If the file exists or cannot be written, or the generator is too large or has a layer that
        the page cannot compute.
    """
    with write_new(Path(path)) as file:
        page = page_of(model)
        file.write_text(page.content, encoding="utf-8")
    return page.difference


def page_of(model: Model, date: datetime.date | None = None) -> Page:
    """The page of :func:`to_page`; ``date`` is stated in it, by default today's."""
    if len(model.shape) != 3 or model.shape[0] not in (1, 3):
        size = " × ".join(map(str, model.shape))
        what = "points" if len(model.shape) != 3 else "images of neither one nor three channels"
        raise ForgeryError(
            f"{model.path} draws {what} ({size}), but the page shows images: export it with "
            "--to onnx or --to safetensors"
        )
    classes = [list(model.classes).index(name) for name in model.sampleable_classes]
    try:
        program = program_of(
            model.generator, model.sampler.latent, len(model.classes) if classes else 0
        )
    except ForgeryError as error:
        raise ForgeryError(
            f"a page cannot draw with this generator: {error}; use --to onnx"
        ) from None
    _check_size(model, program)
    difference = _difference(model, program, classes)
    about = _about(model, program, classes, date or datetime.date.today())
    about["accuracy"] = {"samples": MEASURED, "most": difference}
    content = _html(about, base64.b64encode(_half(program)).decode("ascii"))
    if len(content.encode()) > MOST_BYTES:
        _refuse_size(model, f"{in_words(len(content.encode()))} large", in_words(MOST_BYTES))
    return Page(content, difference, program.multiply_adds)


def _check_size(model: Model, program: Program) -> None:
    """Refuse a generator that is too large, or too slow, for a page."""
    size = program.numbers * 2 * 4 // 3  # two bytes a weight, four letters for three bytes
    if size > MOST_BYTES:
        _refuse_size(model, f"{in_words(size)} large", in_words(MOST_BYTES))
    if program.multiply_adds > MOST_PRODUCTS:
        millions = f"{program.multiply_adds / 1e6:,.0f} million"
        most = f"{MOST_PRODUCTS / 1e6:.0f} million"
        _refuse_size(model, f"slow, with {millions} products for each image", most)


def _refuse_size(model: Model, what: str, most: str) -> None:
    raise ForgeryError(
        f"a page of {model.path} would be {what}, but the limit is {most}: use --to onnx, "
        "which other programs can run"
    )


def _difference(model: Model, program: Program, classes: list[int]) -> float:
    """Largest difference of a pixel between the page's weights and the generator's."""
    z = model.sampler.z(MEASURED, 0)
    y = torch.tensor(classes)[torch.arange(MEASURED) % len(classes)] if classes else None
    with torch.no_grad():
        drawn = program.rounded()(z, y).clamp(-1, 1)
    found = ((drawn - model.sampler.draw(z, y)).abs().max() / 2).item()
    if not found <= MOST_DIFFERENCE:  # nor NaN
        raise ForgeryError(
            f"a page of {model.path} would differ from the generator by {found:.3f} of the range "
            f"of pixels, more than {MOST_DIFFERENCE}, with weights of 16 bits: use --to onnx"
        )
    return found


def _half(program: Program) -> bytes:
    """All weights as little-endian float16, one after the other."""
    return b"".join(weight.numpy().astype("<f2").tobytes() for weight in program.weights)


def _base64(numbers: Tensor) -> str:
    """Little-endian float32 in base64."""
    return base64.b64encode(numbers.numpy().astype("<f4").tobytes()).decode("ascii")


def _about(
    model: Model, program: Program, classes: list[int], date: datetime.date
) -> dict[str, Any]:
    """What the page says of the model, and what it draws with."""
    config, names = model.config, list(model.classes)
    # Whole rows of eight, since a grid appears when all its samples are drawn.
    rows = GRID_PRODUCTS // (8 * max(1, program.multiply_adds))
    space = latent.Space(model.sampler, classes[0] if classes else None)
    try:
        # The class enters a generator beside z, so that the directions are those of every class.
        found = latent.principal_directions(space, DIRECTIONS)
        principal = {
            "vectors": _base64(found.vectors.half().float()),
            "shares": [round(share, 4) for share in found.shares.tolist()],
            "layer": found.layer,
        }
    except ForgeryError:  # no layer with weights, or one that does not vary with z
        principal = None
    return {
        "name": re.sub(r"[^\w.-]+", "-", model.path.resolve().name).strip("-") or "generator",
        "data": Path(config.data).name,
        "recipe": config.recipe,
        "model": config.model,
        "step": model.step,
        "shape": list(model.shape),
        "latent": model.sampler.latent,
        "noise": model.sampler.noise,
        "weights": sum(weight.numel() for weight in model.generator.parameters()),
        "products": program.multiply_adds,
        "date": date.isoformat(),
        "forgery": open_run(model.path).record.get("forgery", ""),
        "classes": [{"name": names[i], "number": i} for i in classes],
        "invented": config.conditional == "infogan",
        "codes": config.continuous if config.conditional == "infogan" else 0,
        "first": _base64(model.sampler.z(max(LEAST, min(FIRST, 8 * rows)), 0)),
        "moves": _base64(latent.moves(model.sampler.latent)),
        "principal": principal,
        "program": {
            "shapes": program.shapes,
            "weights": [list(weight.shape) for weight in program.weights],
            "operations": [
                {
                    "kind": operation.kind,
                    "inputs": operation.inputs,
                    "output": operation.output,
                    "weights": operation.weights,
                    "settings": dict(operation.settings),
                }
                for operation in program.operations
            ],
            "output": program.output,
        },
    }


def _html(about: dict[str, Any], weights: str) -> str:
    """The page, whose policy allows its own script and style and nothing else."""
    style = "\n".join(text_of(name) for name in ("base.css", "samples.css", "page.css"))
    script = bundle("page.js")
    policy = (
        f"default-src 'none'; script-src '{_digest(script)}'; style-src '{_digest(style)}'; "
        "img-src data: blob:; base-uri 'none'; form-action 'none'"
    )
    # Inside a script element, only "<" could end it.
    described = json.dumps(about, allow_nan=False, ensure_ascii=False).replace("<", "\\u003c")
    parts = {
        "policy": policy,
        "title": html.escape(about["name"]),
        "style": style,
        "about": described,
        "weights": weights,
        "script": script,
    }
    return re.sub(r"\{\{(\w+)\}\}", lambda found: parts[found[1]], text_of("page.html"))


def _digest(content: str) -> str:
    """A source of a content security policy: the SHA-256 of an inline script or style."""
    return f"sha256-{base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()}"


def text_of(name: str) -> str:
    """The text of a static file."""
    path = next(path for folder in (HERE, WEB) if (path := folder / name).exists())
    return path.read_text(encoding="utf-8").replace("\r\n", "\n")


#: ``import { a, b as c } from "./file.js";``, and ``export`` before a declaration.
IMPORT = re.compile(r'^import \{([^}]*)\} from "\./([\w-]+\.js)";$', re.MULTILINE)
EXPORT = re.compile(r"^export (?=((?:async )?function|class|const|let) (\w+))", re.MULTILINE)


def bundle(entry: str) -> str:
    """Join a JavaScript module and all that it imports into one script without imports.

    Browsers do not import modules of files. Each module becomes a function that returns what it
    exports, so that names of different modules do not meet.
    """
    written: dict[str, str] = {}

    def add(name: str) -> str:
        variable = re.sub(r"\W", "_", name)
        if name in written:
            return variable
        text = text_of(name)
        written[name] = ""  # holds the place; modules do not import each other in a circle
        text = IMPORT.sub(lambda found: _taken(found[1], add(found[2])), text)
        names = [found[2] for found in EXPORT.finditer(text)]
        text = EXPORT.sub("", text)
        if re.search(r"^(import|export)\b", text, re.MULTILINE):
            raise ValueError(f"{name} has an import or export that bundle() cannot read")
        del written[name]
        written[name] = (
            f"const {variable} = (() => {{\n{text}\nreturn {{ {', '.join(names)} }};\n}})();\n"
        )
        return variable

    add(entry)
    return '"use strict";\n(() => {\n' + "".join(written.values()) + "})();\n"


def _taken(names: str, variable: str) -> str:
    """``{ a, b as c }`` of an import as a declaration."""
    return f"const {{{names.replace(' as ', ': ')}}} = {variable};"
