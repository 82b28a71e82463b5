"""The convolutional families: sizes, original architectures, initial weights and whole runs."""

from itertools import product

import pytest
import torch
from torch.nn import functional

from forgery import ForgeryError
from forgery.build import batches_of, training_of
from forgery.data import load
from forgery.models import DISCRIMINATORS, GENERATORS, Spec
from forgery.models.modern import Block, _Resample
from forgery.training.minibatch import Minibatch

#: Families for square images of 4·2^k or 7·2^k pixels.
DOUBLING = ["dcgan", "resnet", "modern", "modern-patched"]


def spec(shape, width=2, depth=1, latent=5):
    return Spec(shape=shape, latent=latent, width=width, depth=depth, mean=torch.zeros(shape))


def on_paper(build, spec):
    """Build a network on the meta device, for shapes only."""
    with torch.device("meta"):
        return build(spec)


def shapes(network, *kinds):
    """Shapes of the weights in order, except those of batch norm."""
    layers = [m for m in network.modules() if isinstance(m, kinds)]
    return [tuple(layer.weight.shape) for layer in layers]


def size_of(network):
    return sum(p.numel() for p in network.parameters())


@pytest.mark.parametrize("name", DOUBLING)
@pytest.mark.parametrize("size", [8, 14, 16, 28, 32, 56, 64, 112, 128, 256])
def test_sizes_that_are_doublings_of_4_or_7(name, size):
    shape = (2, size, size)
    images = GENERATORS[name](spec(shape))(torch.randn(2, 5))
    assert images.shape == (2, *shape)
    assert DISCRIMINATORS[name](spec(shape))(images).shape == (2,)


@pytest.mark.parametrize("name", DOUBLING)
@pytest.mark.parametrize("table", [GENERATORS, DISCRIMINATORS])
@pytest.mark.parametrize("size", [(30, 30), (28, 32), (32, 28), (4, 4), (7, 7), (3, 3), (24, 24)])
def test_other_sizes_are_refused_with_the_possible_ones(name, table, size):
    height, width = size
    with pytest.raises(ForgeryError, match=rf"28, 32, .* but the data are {height} × {width}"):
        table[name](spec((1, *size)))


@pytest.mark.parametrize("name", [*DOUBLING, "relu-sigmoid-linear2014", "deconv2014"])
def test_convolutional_generators_refuse_points(name):
    with pytest.raises(ForgeryError, match="network needs images, but"):
        GENERATORS[name](spec((2,)))


@pytest.mark.parametrize("name", [*DOUBLING, "maxout-conv2014"])
def test_convolutional_discriminators_refuse_points(name):
    with pytest.raises(ForgeryError, match="network needs images, but"):
        DISCRIMINATORS[name](spec((2,)))


# --- DCGAN


def test_dcgan_weight_shapes_match_the_original():
    of = spec((3, 64, 64), width=128, latent=100)
    g, d = on_paper(GENERATORS["dcgan"], of), on_paper(DISCRIMINATORS["dcgan"], of)
    kinds = (torch.nn.Linear, torch.nn.Conv2d, torch.nn.ConvTranspose2d)
    assert shapes(g, *kinds) == [
        (1024 * 4 * 4, 100),
        (1024, 512, 5, 5),
        (512, 256, 5, 5),
        (256, 128, 5, 5),
        (128, 3, 5, 5),
    ]
    assert shapes(d, *kinds) == [
        (128, 3, 5, 5),
        (256, 128, 5, 5),
        (512, 256, 5, 5),
        (1024, 512, 5, 5),
        (1, 1024 * 4 * 4),
    ]
    norms = (torch.nn.BatchNorm1d, torch.nn.BatchNorm2d)
    assert shapes(g, *norms) == [(16384,), (512,), (256,), (128,)]
    assert shapes(d, *norms) == [(256,), (512,), (1024,)]
    assert all(m.bias is None for n in (g, d) for m in n.modules() if isinstance(m, kinds))


def test_dcgan_initial_weights():
    torch.manual_seed(0)
    of = spec((3, 32, 32), width=32, latent=100)
    for network in (GENERATORS["dcgan"](of), DISCRIMINATORS["dcgan"](of)):
        for key, p in network.named_parameters():
            if p.dim() > 1:
                assert p.mean().item() == pytest.approx(0, abs=5 * 0.02 / p.numel() ** 0.5), key
                assert p.std().item() == pytest.approx(0.02, rel=4 / p.numel() ** 0.5), key
            elif key.endswith("weight"):
                assert p.mean().item() == pytest.approx(1, abs=5 * 0.02 / p.numel() ** 0.5), key
                assert p.std().item() == pytest.approx(0.02, rel=4 / p.numel() ** 0.5), key
            else:
                assert not p.any()


def test_batch_norm_sees_real_and_fake_minibatches_separately(tiny):
    config = tiny.replace(discriminator="dcgan")
    data = load("mnist", "test")
    game = training_of(config, data, torch.device("cpu")).game
    real = batches_of(config, data, torch.device("cpu"))[0]
    fake = torch.zeros_like(real)
    judged = game.judge(Minibatch(real), Minibatch(fake))
    assert torch.equal(judged[0].logits, game.discriminator(real))


# --- the 2014 paper's networks for CIFAR-10


def test_cifar2014_sizes_match_the_configurations():
    kinds = (torch.nn.Linear, torch.nn.Conv2d, torch.nn.ConvTranspose2d)
    of = spec((3, 32, 32), width=8000, depth=2, latent=100)
    linear = on_paper(GENERATORS["relu-sigmoid-linear2014"], of)
    assert shapes(linear, *kinds) == [(8000, 100), (8000, 8000), (3072, 8000)]
    deconv = on_paper(GENERATORS["deconv2014"], of)
    assert shapes(deconv, *kinds) == [(8000, 100), (8000, 8000), (80, 3, 5, 5)]
    assert deconv.unflatten.unflattened_size == (80, 10, 10)
    assert deconv.bias.shape == (3, 32, 32)  # pylearn2: tied_b 0
    assert deconv.deconv.bias is None

    d = DISCRIMINATORS["maxout-conv2014"](spec((3, 32, 32), width=32))
    assert shapes(d, *kinds) == [
        (64, 3, 8, 8),
        (64, 32, 8, 8),
        (384, 32, 5, 5),
        (500 * 5, 192 * 5 * 5),
        (1, 500),
    ]
    assert [m.p for m in d.modules() if isinstance(m, torch.nn.Dropout)] == [0.2] + [0.5] * 4
    dense = on_paper(DISCRIMINATORS["maxout"], spec((3, 32, 32), width=1600, depth=2))
    assert shapes(dense, *kinds) == [(8000, 3072), (8000, 1600), (1, 1600)]


def test_cifar2014_initial_weights_are_uniform():
    torch.manual_seed(0)
    of = spec((3, 32, 32), width=300, depth=2, latent=100)
    linear, deconv = GENERATORS["relu-sigmoid-linear2014"](of), GENERATORS["deconv2014"](of)
    d = DISCRIMINATORS["maxout-conv2014"](spec((3, 32, 32), width=8))
    for network, limit in ((linear, 0.05), (deconv, 0.05), (d, 0.005)):
        for key, p in network.named_parameters():
            if p.dim() in (2, 4):
                r = 0.5 if network is linear and len(p) == 3072 else limit
                assert p.abs().max() <= r, key
                assert p.std().item() == pytest.approx(r / 3**0.5, rel=0.1), key
            else:
                assert not p.any(), key


@pytest.mark.parametrize("size", [(28, 28), (32, 32), (64, 64), (10, 10), (29, 31), (128, 128)])
def test_cifar2014_convolutions_accept_any_size(size):
    shape = (2, *size)
    images = GENERATORS["deconv2014"](spec(shape, width=500))(torch.randn(3, 5))
    assert images.shape == (3, *shape)
    assert DISCRIMINATORS["maxout-conv2014"](spec(shape))(images).shape == (3,)


def test_cifar2014_discriminator_refuses_small_images():
    with pytest.raises(ForgeryError, match="at least 10 × 10 pixels, not 9 × 12"):
        DISCRIMINATORS["maxout-conv2014"](spec((1, 9, 12)))


# --- SN-GAN


def test_resnet_weight_shapes_match_sngan_at_32_pixels():
    g = on_paper(GENERATORS["resnet"], spec((3, 32, 32), width=256, latent=128))
    block = 2 * (9 * 256 * 256 + 256) + (256 * 256 + 256) + 2 * 2 * 256
    assert size_of(g) == 129 * 16 * 256 + 3 * block + 2 * 256 + (9 * 256 * 3 + 3)

    d = DISCRIMINATORS["resnet"](spec((3, 32, 32), width=128))
    first = (9 * 3 * 128 + 128) + (9 * 128 * 128 + 128) + (3 * 128 + 128)
    block = 2 * (9 * 128 * 128 + 128)
    assert size_of(d) == first + block + (128 * 128 + 128) + 2 * block + 128
    assert d.blocks(torch.zeros(1, 3, 32, 32)).shape == (1, 128, 8, 8)


def test_the_resnet_discriminator_sums_over_positions():
    torch.manual_seed(0)
    d = DISCRIMINATORS["resnet"](spec((1, 28, 28), width=4)).eval()
    x = torch.randn(2, 1, 28, 28)
    maps = d.blocks(x)
    assert maps.shape == (2, 4, 7, 7)
    expected = sum(d.output(maps[:, :, i, j]) for i in range(7) for j in range(7)).squeeze(1)
    torch.testing.assert_close(d(x), expected)


# --- R3GAN


@pytest.mark.parametrize("size", [28, pytest.param(64, marks=pytest.mark.slow)])
@pytest.mark.parametrize("depth", [1, 6])
def test_modern_initial_outputs_are_of_order_one(size, depth):
    torch.manual_seed(0)
    of = spec((3, size, size), width=24, depth=depth, latent=64)
    images = GENERATORS["modern"](of)(torch.randn(32, 64))
    # Bilinear upsampling keeps between 4/9 and 1 of the variance, everything else all of it.
    assert 0.4 < images.std() < 1.2
    logits = DISCRIMINATORS["modern"](of)(torch.randn(32, 3, 1, 1).expand(images.shape))
    assert 0.05 < logits.std() < 3


def test_the_size_of_a_modern_update_does_not_depend_on_depth():
    moved = dict.fromkeys((1, 8), 0.0)
    for seed, depth in product(range(8), moved):  # averages over the random last layers
        torch.manual_seed(seed)
        g = GENERATORS["modern"](spec((1, 28, 28), width=16, depth=depth, latent=64))
        z, target = torch.randn(16, 64), torch.randn(16, 1, 28, 28)
        blocks = [p for m in g.modules() if isinstance(m, Block) for p in m.parameters()]
        before = g(z)
        (before - target).square().mean().backward(inputs=blocks)
        torch.optim.SGD(blocks, lr=0.01).step()
        moved[depth] += (g(z) - before).square().mean().sqrt().item()
    # Without the scale, eight times as many blocks would change them eight times as much.
    assert 0.4 < moved[8] / moved[1] < 2.5


def test_modern_blocks_start_as_the_identity_with_groups_of_16():
    block = Block(24, blocks=3)
    x = torch.randn(2, 24, 5, 5)
    assert torch.equal(block(x), x)
    enter, _, mix, _, leave = block.residual
    assert (enter.out_channels, mix.groups, leave.bias) == (48, 3, None)
    assert Block(1, blocks=1).residual[2].groups == 1


def test_resampling_is_bilinear():
    ramp = torch.arange(8.0).expand(1, 3, 8, 8)
    up, down = _Resample(up=True)(ramp), _Resample(up=False)(ramp)
    # A linear ramp stays linear, except at the edges, where the filter is padded with zeros.
    torch.testing.assert_close(up[0, 0, 3, :-1], torch.arange(15.0) / 2)
    torch.testing.assert_close(down[0, 0, 1, 1:], ramp[0, 0, 0, 2::2])
    impulse = torch.zeros(1, 1, 5, 5)
    impulse[0, 0, 2, 2] = 1
    expected = torch.outer(torch.tensor([1.0, 2, 1]), torch.tensor([1.0, 2, 1])) / 4
    torch.testing.assert_close(_Resample(up=True)(impulse)[0, 0, 3:6, 3:6], expected)
    # Each is the transpose of the other, up to a factor of 4.
    a, b = torch.randn(1, 2, 8, 8), torch.randn(1, 2, 4, 4)
    one, other = (_Resample(up=False)(a) * b).sum(), (a * _Resample(up=True)(b)).sum()
    torch.testing.assert_close(4 * one, other)


def test_modern_channels_double_up_to_eight_times():
    g = on_paper(GENERATORS["modern"], spec((3, 256, 256), width=16))
    assert g.basis.shape == (128, 4, 4)
    widths = [m.residual[0].in_channels for m in g.modules() if isinstance(m, Block)]
    assert widths == [128, 128, 128, 128, 64, 32, 16]
    assert on_paper(GENERATORS["modern"], spec((1, 28, 28), width=16)).basis.shape == (64, 7, 7)
    d = on_paper(DISCRIMINATORS["modern"], spec((3, 256, 256), width=16))
    assert [m.residual[0].in_channels for m in d.modules() if isinstance(m, Block)] == widths[::-1]


# --- whole runs


def test_dcgans_last_layer_is_the_transposed_convolution_of_its_weights():
    spec = Spec((1, 28, 28), 5, 4, 1, torch.zeros(1, 28, 28))
    layer = GENERATORS["dcgan"](spec).double().layers[-2]
    x = torch.randn(3, 4, 14, 14, dtype=torch.float64).to(memory_format=torch.channels_last)
    expected = functional.conv_transpose2d(x, layer.weight, stride=2, padding=2, output_padding=1)
    torch.testing.assert_close(layer(x), expected)
