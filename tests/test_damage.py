"""A run with any one file damaged at random is resumed, with bit-identical results."""

import random
import shutil
from contextlib import suppress
from pathlib import Path

import pytest
import torch

import forgery
from forgery import ForgeryError
from forgery.training import checkpoint


def damage(path: Path, chance: random.Random) -> None:
    """Truncate a file, flip a bit, or overwrite some bytes with noise or a block with zeros."""
    content = bytearray(path.read_bytes())
    at = chance.randrange(len(content))
    match chance.choice(["cut", "flip", "noise", "zeros"]):
        case "cut":
            del content[at:]
        case "flip":
            content[at] ^= 1 << chance.randrange(8)
        case "noise":
            content[at : at + 16] = chance.randbytes(16)
        case "zeros":
            content[at : at + 512] = bytes(min(512, len(content) - at))
    path.write_bytes(content)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    config = forgery.recipes.mlp(
        g_width=8, d_width=8, latent=4, batch_size=20, steps=6, report_every=2, sample_every=3,
        checkpoint_every=2, keep_checkpoints=9, grid=4, threads=1, device="cpu", split="test",
    )  # fmt: skip
    return forgery.train(config, tmp_path_factory.mktemp("whole") / "run").path


@pytest.mark.parametrize(
    "seed", [*range(10), *(pytest.param(i, marks=pytest.mark.slow) for i in range(10, 200))]
)
def test_a_run_with_a_damaged_file_is_resumed_to_the_same_bits(whole, tmp_path, seed):
    chance = random.Random(seed)
    run = tmp_path / "run"
    shutil.copytree(whole, run)
    files = sorted(path for path in run.rglob("*") if path.is_file() and path.stat().st_size)
    # Choose each kind of file equally often, since pictures and weights are large.
    kinds = sorted({path.name if path.suffix != ".png" else "png" for path in files})
    kind = chance.choice(kinds)
    of_kind = [p for p in files if (p.name if p.suffix != ".png" else "png") == kind]
    file = chance.choice(of_kind)
    damage(file, chance)
    if file.name == "config.json":  # without a checksum: the damage may go unnoticed
        with suppress(ForgeryError):
            forgery.resume(run, steps=8)
        return
    assert forgery.resume(run, steps=8).step == 8
    kept = checkpoint.read(run / "checkpoints", 8).model
    forgery.resume(shutil.copytree(whole, tmp_path / "straight"), steps=8)
    expected = checkpoint.read(tmp_path / "straight/checkpoints", 8).model
    assert all(torch.equal(kept[name], expected[name]) for name in expected)
