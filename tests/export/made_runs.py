"""Runs of untrained networks of every family, made without training."""

from pathlib import Path

import torch
from torch import nn

import forgery
from forgery import recipes
from forgery.parts import networks
from forgery.training import checkpoint, run

UNITS = {"offset": [1.5, -20.0], "scale": [0.3, 40.0]}


def stirred(network: nn.Module, seed: int) -> nn.Module:
    """The network with random values in the place of zeros and of batch norm's statistics."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in network.parameters():
            if not parameter.any():
                parameter.normal_(std=0.3, generator=generator)
        for name, buffer in network.named_buffers():
            if name.endswith("running_mean"):
                buffer.normal_(std=0.3, generator=generator)
            if name.endswith("running_var"):
                buffer.uniform_(0.5, 2, generator=generator)
    return network


def make_run(path: Path, shape=(1, 16, 16), classes=(), units=None, **settings) -> Path:
    """A run of step 3 with the given settings, whose weights were never trained."""
    settings = {"steps": 3, "g_width": 8, "d_width": 8, "latent": 5, "ema": 0.0} | settings
    config = recipes.mlp().replace(**settings)
    kind = "images" if len(shape) == 3 else "points"
    data = {"name": "mnist[train]", kind: 100, "shape": list(shape), "fingerprint": "ab" * 32}
    if classes:
        data["classes"] = dict.fromkeys(classes, 10)
    if units:
        data["units"] = units
    facts = {
        "forgery": forgery.__version__,
        "torch": torch.__version__,
        "machine": {"device": "a processor", "system": "a system"},
        "data": data,
    }
    made = run.create(path, config, facts)
    roles = ("generator", "discriminator" if config.model == "gan" else "encoder")
    pair = networks(config, torch.zeros(shape), len(classes))
    tensors = {
        f"{role}.{name}": tensor
        for i, (role, network) in enumerate(zip(roles, pair, strict=True))
        for name, tensor in stirred(network, i).state_dict().items()
    }
    checkpoint.write(made.checkpoints, checkpoint.Checkpoint(3, tensors, {}, {}), 1)
    return path


#: Run → its settings: what a generator may be, beside its family.
KINDS = {
    "conditional": {"conditional": "concat", "classes": ("a", "b", 'c"\\')},
    "vae": {"model": "vae", "noise": "normal"},
    "points": {"shape": (2,), "units": UNITS, "data": "ring8"},
    "uniform": {"noise": "uniform", "shape": (3, 8, 8)},
}


def settings_of(family: str) -> dict:
    """The settings of a family's run; skip excites its maps from 32 pixels on."""
    return {"generator": family, "shape": (1, 32, 32) if family == "skip" else (1, 16, 16)}
