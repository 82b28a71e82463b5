"""The README of an exported model: what it is, and how to draw with it."""

from collections.abc import Sequence

from ..addresses import name_of
from ..errors import ForgeryError
from ..model import Model
from ..training.run import Run
from .plain_pytorch import drawing_code

#: Noise → code that draws z, with torch and with NumPy.
DRAW_Z = {
    "normal": ("torch.randn({n}, {z})", "random.standard_normal(({n}, {z}))"),
    "uniform": (
        "(2 * torch.rand({n}, {z}) - 1) * 3**0.5",
        "random.uniform(-(3**0.5), 3**0.5, ({n}, {z}))",
    ),
}
#: Number of samples in the examples.
N = 64


def readme(model: Model, run: Run, folder: str) -> str:
    """The README of a folder of weights."""
    return (
        "\n\n".join(
            [f"# {name_of(model.path)}", introduction(model, run), *usage(model, run, folder)]
        ).rstrip()
        + "\n"
    )


def introduction(model: Model, run: Run) -> str:
    """What the model draws, and from what it was trained."""
    config, data = model.config, run.record["data"]
    weights = sum(p.numel() for p in model.generator.parameters())
    whole = "the decoder of a VAE" if config.model == "vae" else "the generator of a GAN"
    text = (
        f"This is {whole} that draws {described(model)}. It has {weights:,} weights and takes a "
        f"latent z of {config.latent} dimensions"
    )
    if classes := model.sampleable_classes:
        text += f" and one of {len(classes)} classes ({', '.join(classes[:20])}"
        text += ", …)" if len(classes) > 20 else ")"
    steps = f"{model.step:,} step{'' if model.step == 1 else 's'}"
    return (
        f"{text}. It was trained on the {run.count:,} {run.kind} of {data['name']} in {steps}, by "
        f"forgery {run.record['forgery']}."
    )


def described(model: Model) -> str:
    """The samples in words, with their size."""
    if len(model.shape) != 3:
        return f"points of {model.shape[0]} dimensions"
    channels, height, width = model.shape
    colour = {1: "grey ", 3: "colour "}.get(channels, "")
    more = "" if channels in (1, 3) else f" and {channels} channels"
    return f"{colour}images of {height} × {width} pixels{more}"


def usage(model: Model, run: Run, address: str, files: Sequence[str] = ()) -> list[str]:
    """Headings and examples: with this package, with plain PyTorch, and by the other ``files``."""
    latent, classes = model.sampler.latent, model.sampleable_classes
    torch_z, numpy_z = (code.format(n=N, z=latent) for code in DRAW_Z[model.sampler.noise])
    images = "images" if len(model.shape) == 3 else "points"
    shape = ", ".join(map(str, (N, *model.shape)))
    range_ = " in [-1, 1]" if images == "images" else ""
    of_class = f", classes={classes[0]!r}" if classes else ""
    again = [
        f"`{setting}=…`, which was `{part['name']}` in training"
        for setting, part in run.record.get("parts", {}).items()
        if ":" in part["name"] and setting in ("generator", "discriminator")
    ]
    parts = [
        "## Use it",
        "With forgery:",
        _python(
            "import forgery",
            "",
            f'model = forgery.load("{address}")',
            f"{images} = model.sample({N}, seed=0{of_class})  # float32 [{shape}]{range_}",
        ),
    ]
    if again:
        parts.append(f"`forgery.load` also needs {'; '.join(again)}.")
    number = list(model.classes).index(classes[0]) if classes else 0
    try:
        code = drawing_code(model)
    except ForgeryError:  # of a network of another package, or given from Python
        parts += ["The generator cannot be written as code in plain PyTorch."]
    else:
        drawn = [f"z = {torch_z}"]
        drawn += [f"y = torch.full(({N},), {number})  # {classes[0]!r}"] if classes else []
        drawn += [f"{images} = generate(z{', y' if classes else ''})  # [{shape}]{range_}"]
        parts += [
            "With PyTorch and safetensors alone, beside `model.safetensors`:",
            _python(code, "", "", *drawn),
        ]
    if "model.onnx" in files:
        given = '{"z": z, "class": y}' if classes else '{"z": z}'
        parts += [
            "With ONNX, beside `model.onnx`:",
            _python(
                "import numpy as np",
                "import onnxruntime",
                "",
                'session = onnxruntime.InferenceSession("model.onnx")',
                "random = np.random.default_rng()",
                f"z = {numpy_z}.astype(np.float32)",
                *([f"y = np.full({N}, {number})  # {classes[0]!r}"] if classes else []),
                f"({images},) = session.run(None, {given})  # [{shape}]{range_}",
            ),
        ]
    if "index.html" in files:
        parts += ["In a browser: open `index.html`, which draws without a server or a network."]
    return parts


def _python(*lines: str) -> str:
    return "\n".join(["```python", *lines, "```"])
