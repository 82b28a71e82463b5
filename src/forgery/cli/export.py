"""``forgery export``"""

from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import Parameter

from ._latent import Step


def export(
    run: Path,
    /,
    *,
    to: Literal["onnx", "safetensors", "page", "hub-folder"],
    out: Path | None = None,
    step: Step = None,
    precision: Literal["float32", "float16"] | None = None,
    all_networks: Annotated[bool, Parameter(negative=())] = False,
    license: str | None = None,
    also: Annotated[str | None, Parameter(name="--with")] = None,
) -> None:
    """Write a run's generator in a form that other programs read.

    Parameters
    ----------
    run:
        A run folder, zoo:NAME, hub:OWNER/NAME or an exported folder.
    to:
        onnx: one file for ONNX runtimes (pip install 'forgery[onnx]'). safetensors: a folder of
        weights, with plain PyTorch code in its README. page: one HTML file that draws in the
        browser, offline. hub-folder: a folder for the Hugging Face Hub, with a model card.
    out:
        The file or folder to write, which must not exist (default: the name of the run with .onnx,
        -safetensors, .html or -hub appended).
    step:
        Step of the checkpoint to use, or best (default: the newest).
    precision:
        Format of the weights in model.safetensors: float32 (the default), or float16 for half the
        size.
    all_networks:
        Add the discriminator, or the encoder of a VAE, to model.safetensors: fine-tuning starts
        from it.
    license:
        The hub's identifier of the licence, for the model card: mit, apache-2.0, cc-by-4.0 …
    also:
        Further forms in a hub folder, separated by commas: onnx, page.
    """
    from ..addresses import name_of
    from ..export import TARGETS
    from ..model import load
    from ._export import described, options_for

    given: dict[str, Any] = {
        "precision": precision,
        "all_networks": all_networks or None,
        "license": license,
        "also": also and [form.strip() for form in also.split(",")],
    }
    target = TARGETS[to]
    options = options_for(to, given)
    out = out or Path(f"{name_of(run)}{target.suffix}")
    model = load(run, step=step)
    remark = target.write(model, out, **options)
    print(f"step {model.step:,} in {described(out)}{f', {remark}' if remark else ''}")
