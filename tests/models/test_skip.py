"""The generator skip."""

import pytest
import torch
from torch.nn import functional

from forgery import ForgeryError
from forgery.models import GENERATORS, Spec
from forgery.models.skip import SkipGenerator, Upsample


def spec(*shape, width=2, latent=5):
    return Spec(shape, latent, width, 1, torch.zeros(shape))


@pytest.mark.parametrize(
    "shape",
    [(3, 16, 16), (1, 28, 28), (3, 32, 32), (3, 48, 64), (3, 64, 40), (3, 20, 12), (3, 256, 256)],
)
def test_images_of_many_sizes(shape):
    images = GENERATORS["skip"](spec(*shape))(torch.randn(2, 5))
    assert images.shape == (2, *shape)
    assert images.abs().max() <= 1


@pytest.mark.parametrize("shape", [(3, 30, 31), (3, 34, 34), (3, 7, 7), (3, 16, 160)])
def test_other_sizes_are_refused(shape):
    _, height, width = shape
    with pytest.raises(ForgeryError, match=rf"--image-size 32.*the data are {height} × {width}"):
        GENERATORS["skip"](spec(*shape))


def test_points_are_refused():
    with pytest.raises(ForgeryError, match="network needs images, but"):
        GENERATORS["skip"](spec(2))


def test_maps_double_as_their_size_halves():
    network = SkipGenerator(spec(3, 64, 64, width=4))
    maps = [layer[0].weight.shape[:2] for layer in network.layers]
    assert maps == [(32, 32), (16, 32), (8, 16), (4, 8)]


@pytest.mark.parametrize("size", [(2, 3), (4, 4), (8, 8), (8, 9), (16, 5)])
def test_upsampling_repeats_pixels_and_convolves(size):
    torch.manual_seed(0)
    layer = Upsample(3, 5).double()
    x = torch.randn(2, 3, *size, dtype=torch.float64)
    repeated = x.repeat_interleave(2, 2).repeat_interleave(2, 3)
    torch.testing.assert_close(layer(x), functional.conv2d(repeated, layer.weight, padding=1))


def test_the_first_maps_scale_the_last():
    network = SkipGenerator(spec(3, 32, 32)).eval()
    z = torch.randn(2, 5)
    before = network(z)
    torch.nn.init.constant_(network.excitation[2].bias, -100.0)  # the sigmoid is 0
    after = network(z)
    flat = after.std((2, 3))
    assert before.std((2, 3)).max() > 1e-4
    torch.testing.assert_close(flat[:, :, None], torch.zeros(2, 3, 1), atol=0.2, rtol=0)
