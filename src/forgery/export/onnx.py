"""A generator as an ONNX file, which other runtimes and languages draw with."""

import json
from pathlib import Path
from typing import Any

import torch

from .. import __version__
from ..addresses import name_of
from ..errors import ForgeryError
from ..model import Model
from ..resources import in_words
from ..training.run import open_run
from .drawing import Drawing, inputs_of, quiet, traced
from .files import write_new

#: The least version of ONNX's operators that a runtime must know.
OPSET = 18
#: Batches in which the file is compared with PyTorch, and the largest difference of its samples,
#: relative to their largest value if that exceeds 1.
BATCHES = (1, 7)
TOLERANCE = 1e-4
#: Bytes of weights that fit into one file: protobuf allows 2 GiB.
MOST = 2_000_000_000
#: Noise → the distribution of each component of z.
DISTRIBUTIONS = {"normal": "N(0, 1)", "uniform": "U(-√3, √3)"}


def to_onnx(model: Model, path: Path | str) -> float:
    """Write the generator as one ONNX file, for batches of any size.

    Its inputs are ``z``, float32 ``[batch, Z]``, and ``class``, int64 ``[batch]``, if the generator
    takes one. Its output is ``images``, float32 ``[batch, C, H, W]`` in [-1, 1], or ``points``,
    ``[batch, D]`` in the units of the data. ``metadata_props`` holds the data, the training step,
    the distribution of z, the classes and the difference from PyTorch.

    Parameters
    ----------
    model:
        A trained model. The file holds the average of its generator, if there is one.
    path:
        The file, which must not exist.

    Returns
    -------
    float
        The largest difference of samples of onnxruntime from those of PyTorch in batches of 1 and
        7, relative to their largest absolute value if that exceeds 1.

    Raises
    ------
    ForgeryError
        If a package is not installed, the file exists or cannot be written, the generator cannot be
        exported or is too large for one file, or the difference exceeds 1e-4.
    """
    require_packages()
    _check_size(model)
    path = Path(path)
    with write_new(path) as file:
        proto = _proto(model)
        difference = _difference(model, proto.SerializeToString())
        if not difference <= TOLERANCE:  # NaN too
            raise ForgeryError(
                f"the ONNX program of {model.path} differs from PyTorch by {difference:.1e}, where "
                f"at most {TOLERANCE:.0e} is allowed, so {path} was not written"
            )
        for key, value in _metadata(model, difference).items():
            proto.metadata_props.add(key=key, value=value)
        file.write_bytes(proto.SerializeToString())
    return difference


def require_packages() -> None:
    """Raise a :class:`ForgeryError` with the extra to install, unless all packages are there."""
    try:
        import onnx  # noqa: F401
        import onnxruntime  # noqa: F401
        import onnxscript  # noqa: F401
    except ImportError as error:
        raise ForgeryError(
            f"ONNX needs the package {error.name}: pip install 'forgery[onnx]'"
        ) from None


def _check_size(model: Model) -> None:
    size = sum(t.numel() * t.element_size() for t in model.generator.state_dict().values())
    if size > MOST:
        raise ForgeryError(
            f"the generator of {model.path} has {in_words(size)} of weights, but one ONNX file "
            f"holds at most {in_words(MOST)}"
        )


def _proto(model: Model) -> Any:
    """The program as an ``onnx.ModelProto``."""
    program = traced(model)
    names = ["z", "class"][: len(inputs_of(model, 1))]
    with quiet():
        exported = torch.onnx.export(
            program,
            input_names=names,
            output_names=["images" if len(model.shape) == 3 else "points"],
            opset_version=OPSET,
            dynamo=True,
            external_data=False,
            verbose=False,
        )
    assert exported is not None
    proto = exported.model_proto
    # The exporter notes in which lines of which files of this machine an operator was called.
    graph = proto.graph
    for part in (*graph.node, *graph.value_info, *graph.input, *graph.output, *graph.initializer):
        del part.metadata_props[:]
        part.doc_string = ""
    del graph.metadata_props[:], proto.metadata_props[:]
    return proto


def _difference(model: Model, content: bytes) -> float:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # errors only
    session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    drawing, names = Drawing(model), [given.name for given in session.get_inputs()]
    differences = []
    for n in BATCHES:
        given = inputs_of(model, n, seed=n)
        with torch.no_grad():
            expected = drawing(*given)
        (found,) = session.run(None, {k: v.numpy() for k, v in zip(names, given, strict=True)})
        scale = expected.abs().max().clamp(min=1)
        differences.append(((torch.from_numpy(found) - expected).abs().max() / scale).item())
    return max(differences)


def _metadata(model: Model, difference: float) -> dict[str, str]:
    images = len(model.shape) == 3
    config = model.config
    facts = {
        "forgery": __version__,
        "model": "decoder of a VAE" if config.model == "vae" else "generator of a GAN",
        "name": name_of(model.path),
        "data": open_run(model.path).record["data"]["name"],
        "step": str(model.step),
        "latent": str(config.latent),
        "noise": f"{config.noise}: each component of z is from {DISTRIBUTIONS[config.noise]}",
        "output": "images in [-1, 1]" if images else "points in the units of the data",
        "difference": f"{difference:.1e}",
    }
    if classes := model.sampleable_classes:
        facts["classes"] = json.dumps(list(model.classes))
        if len(classes) < len(model.classes):
            facts["classes trained on"] = json.dumps(classes)
    if model.units:
        facts["units"] = json.dumps(model.units.to_lists())
    return facts
