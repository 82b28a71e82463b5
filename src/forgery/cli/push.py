"""``forgery push``"""

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from ._latent import Step


def push(
    run: Path,
    name: str,
    /,
    *,
    license: str | None = None,
    private: Annotated[bool, Parameter(negative=())] = False,
    step: Step = None,
    precision: Literal["float32", "float16"] = "float32",
    all_networks: Annotated[bool, Parameter(negative=())] = False,
    also: Annotated[str | None, Parameter(name="--with")] = None,
) -> None:
    """Upload a run's generator to the Hugging Face Hub, with a model card.

    Needs pip install 'forgery[hub]', and a token: hf auth login.

    Parameters
    ----------
    run:
        A run folder, zoo:NAME, hub:OWNER/NAME or an exported folder.
    name:
        Name of the model on the hub: OWNER/NAME.
    license:
        The hub's identifier of the licence: mit, apache-2.0, cc-by-4.0 … Required.
    private:
        Make a new model private.
    step:
        Step of the checkpoint to use, or best (default: the newest).
    precision:
        Format of the weights: float32, or float16 for half the size.
    all_networks:
        Add the discriminator, or the encoder of a VAE: fine-tuning starts from it.
    also:
        Further forms, separated by commas: onnx (model.onnx), page (index.html).
    """
    from ..export import push as upload
    from ..export.hub_folder import check_upload
    from ..model import load

    forms = [form.strip() for form in also.split(",")] if also else []
    check_upload(name, license, forms)
    address = upload(
        load(run, step=step),
        name,
        license=license,
        private=private,
        also=forms,
        precision=precision,
        all_networks=all_networks,
    )
    print(f'uploaded to {address}; open it with forgery.load("hub:{name}")')
