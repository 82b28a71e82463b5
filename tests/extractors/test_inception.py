import hashlib

import pytest
import torch

from forgery.errors import ForgeryError
from forgery.extractors import inception, load_inception
from forgery.extractors.inception import Inception, resize_like_tensorflow


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    return Inception().eval()


def written(state, path, monkeypatch):
    """A weights file in place of the original, which is not available in tests."""
    torch.save(state, path)
    monkeypatch.setattr(inception, "SHA256", hashlib.sha256(path.read_bytes()).hexdigest())
    return path


def test_has_the_size_of_the_published_network(network):
    # Inception-v3 without its auxiliary head has 23,834,568 weights and 1000 classes; here, 1008.
    assert sum(p.numel() for p in network.parameters()) == 23_834_568 + 8 * 2049


def test_parameter_names_match_the_file(network):
    keys = network.state_dict().keys()
    for key in (
        "Conv2d_1a_3x3.conv.weight",
        "Mixed_5b.branch5x5_2.bn.running_mean",
        "Mixed_6e.branch7x7dbl_5.conv.weight",
        "Mixed_7a.branch7x7x3_4.bn.bias",
        "Mixed_7c.branch3x3dbl_3b.conv.weight",
        "fc.bias",
    ):
        assert key in keys
    # 94 convolutions, each with 4 tensors of batch norm and a counter, and the last layer.
    assert len(keys) == 94 * 6 + 2


def test_loads_and_extracts(network, tmp_path, monkeypatch):
    path = written(network.state_dict(), tmp_path / "weights.pth", monkeypatch)
    extractor = load_inception(path)
    assert extractor.name == "inception-2015-12-05"
    assert extractor.classes == ()  # those of ImageNet are not classes of the data
    grey = torch.randint(0, 256, (2, 1, 28, 28), dtype=torch.uint8)
    features, logits = extractor.features_and_logits(grey)
    assert features.shape == (2, 2048)
    assert logits.shape == (2, 1008)
    assert torch.isfinite(features).all()
    colour = extractor.features(grey.expand(-1, 3, -1, -1))
    torch.testing.assert_close(colour, features)


def test_batch_counters_are_optional(network, tmp_path, monkeypatch):
    state = {k: v for k, v in network.state_dict().items() if "num_batches" not in k}
    extractor = load_inception(written(state, tmp_path / "weights.pth", monkeypatch))
    loaded = extractor.network.state_dict()
    assert all(torch.equal(loaded[key], value) for key, value in state.items())


def test_refuses_other_files_before_parsing_them(tmp_path, monkeypatch):
    path = tmp_path / "pt_inception-2015-12-05-6726825d.pth"  # the name is not enough
    torch.save({"fc.bias": torch.zeros(1008)}, path)
    monkeypatch.setattr(torch, "load", lambda *a, **k: pytest.fail("the file was opened"))
    with pytest.raises(
        ForgeryError, match=r"the original Inception's weights, .* its SHA-256 is .* expected 67268"
    ):
        load_inception(path)


def test_refuses_other_tensors(tmp_path, monkeypatch):
    path = written({"fc.bias": torch.zeros(1008)}, tmp_path / "weights.pth", monkeypatch)
    with pytest.raises(
        ForgeryError, match="its tensors do not match those of inception-2015-12-05"
    ):
        load_inception(path)


@pytest.mark.parametrize("content", [[1, 2], {"fc.bias": 3}])
def test_refuses_what_is_not_tensors(content, tmp_path, monkeypatch):
    path = written(content, tmp_path / "weights.pth", monkeypatch)
    with pytest.raises(ForgeryError, match="its tensors do not match"):
        load_inception(path)


def test_refuses_code_in_the_file(tmp_path, monkeypatch):
    path = written(print, tmp_path / "weights.pth", monkeypatch)
    with pytest.raises(ForgeryError, match="not a file of PyTorch tensors"):
        load_inception(path)


def test_refuses_other_channels(network):
    with pytest.raises(ForgeryError, match="takes 1 or 3 channels, not 2"):
        network(torch.zeros(1, 2, 32, 32))


def test_average_pooling_excludes_padding():
    assert torch.equal(inception._average(torch.ones(1, 1, 4, 4)), torch.ones(1, 1, 4, 4))


def test_resizes_like_tensorflow_1():
    # Twice as wide: pixel i is at i/2, and the last pixel is repeated beyond the edge.
    image = torch.tensor([0.0, 10.0, 20.0]).expand(1, 1, 3, 3)
    row = resize_like_tensorflow(image, 6)[0, 0, 0]
    torch.testing.assert_close(row, torch.tensor([0.0, 5.0, 10.0, 15.0, 20.0, 20.0]))
    # Half as wide: every second pixel, without averaging.
    image = torch.tensor([1.0, 9.0, 3.0, 9.0]).expand(1, 1, 4, 4)
    torch.testing.assert_close(resize_like_tensorflow(image, 2)[0, 0, 0], torch.tensor([1.0, 3.0]))
    same = torch.rand(1, 3, 5, 5)
    torch.testing.assert_close(resize_like_tensorflow(same, 5), same)


def test_resizes_either_axis():
    image = torch.rand(1, 1, 4, 7)
    assert resize_like_tensorflow(image, 5).shape == (1, 1, 5, 5)
    turned = resize_like_tensorflow(image.transpose(2, 3), 5).transpose(2, 3)
    torch.testing.assert_close(turned, resize_like_tensorflow(image, 5))
