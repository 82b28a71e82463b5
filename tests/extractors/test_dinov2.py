"""DINOv2 ViT-S/14, with random weights: the published file is not available in tests."""

import hashlib

import pytest
import torch

from forgery.errors import ForgeryError
from forgery.extractors import dinov2, load_dinov2
from forgery.extractors.dinov2 import DinoV2


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    network = DinoV2().eval()
    for p in network.parameters():
        torch.nn.init.normal_(p, std=0.05)
    return network.requires_grad_(False)


def written(state, path, monkeypatch):
    """A weights file in place of the published one."""
    torch.save(state, path)
    monkeypatch.setattr(dinov2, "SHA256", hashlib.sha256(path.read_bytes()).hexdigest())
    return path


def test_has_the_size_and_the_names_of_the_published_network(network):
    # 22,056,576 with the mask token, which is in the file and not in this network.
    assert sum(p.numel() for p in network.parameters()) == 22_056_576 - 384
    keys = network.state_dict().keys()
    for key in (
        "cls_token",
        "pos_embed",
        "patch_embed.proj.weight",
        "blocks.0.norm1.weight",
        "blocks.3.attn.qkv.bias",
        "blocks.5.ls1.gamma",
        "blocks.11.mlp.fc2.weight",
        "norm.bias",
    ):
        assert key in keys
    assert len(keys) == 6 + 12 * 14


@pytest.mark.parametrize("has_mask", [True, False])
def test_loads_and_extracts(network, tmp_path, monkeypatch, has_mask):
    state = network.state_dict() | ({"mask_token": torch.zeros(1, 384)} if has_mask else {})
    extractor = load_dinov2(written(state, tmp_path / "weights.pth", monkeypatch))
    assert (extractor.name, extractor.axes, extractor.classes) == ("dinov2-vits14", 64, ())
    grey = torch.randint(256, (2, 1, 20, 28), dtype=torch.uint8)
    features, logits = extractor.features_and_logits(grey)
    assert (features.shape, logits.shape) == ((2, 384), (2, 0))
    assert features.isfinite().all()
    torch.testing.assert_close(extractor.features(grey.expand(-1, 3, -1, -1)), features)


def test_positions_are_interpolated_to_the_patches_of_the_images(network):
    assert network.positions(37, 37) is network.pos_embed
    positions = network.positions(16, 20)
    assert positions.shape == (1, 1 + 16 * 20, 384)
    assert torch.equal(positions[:, 0], network.pos_embed[:, 0])
    ramp = DinoV2()
    columns = torch.arange(37.0).expand(37, 37).flatten()
    ramp.pos_embed.data[0, 1:] = columns[:, None]
    inner = ramp.positions(16, 16)[0, 1:, 0].unflatten(0, (16, 16))[8, 2:14]
    # The published code scales coordinates by 16.1 / 37 instead of 16 / 37.
    expected = (torch.arange(2, 14) + 0.5) * 37 / 16.1 - 0.5
    torch.testing.assert_close(inner.detach(), expected, atol=0.05, rtol=0)


def test_refuses_other_files_before_parsing_them(tmp_path, monkeypatch):
    path = tmp_path / "dinov2_vits14_pretrain.pth"  # the name is not enough
    torch.save({"norm.bias": torch.zeros(384)}, path)
    monkeypatch.setattr(torch, "load", lambda *a, **k: pytest.fail("the file was opened"))
    with pytest.raises(ForgeryError, match=r"DINOv2 ViT-S/14, .* its SHA-256 is .* expected b938b"):
        load_dinov2(path)


@pytest.mark.parametrize("content", [[1, 2], {"norm.bias": torch.zeros(384)}])
def test_refuses_other_tensors(content, tmp_path, monkeypatch):
    path = written(content, tmp_path / "weights.pth", monkeypatch)
    with pytest.raises(ForgeryError, match="its tensors do not match those of dinov2-vits14"):
        load_dinov2(path)


def test_refuses_code_in_the_file(tmp_path, monkeypatch):
    path = written(print, tmp_path / "weights.pth", monkeypatch)
    with pytest.raises(ForgeryError, match="not a file of PyTorch tensors"):
        load_dinov2(path)
