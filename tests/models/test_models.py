import pytest
import torch

from forgery import ForgeryError
from forgery.models import DISCRIMINATORS, GENERATORS, Spec
from forgery.models.layers import Maxout
from forgery.penalties import r1

MEAN = torch.linspace(-1, 1, 28 * 28).view(1, 28, 28)


def spec(shape=(1, 28, 28), latent=100, width=12, depth=2, mean=MEAN):
    return Spec(shape=shape, latent=latent, width=width, depth=depth, mean=mean)


@pytest.mark.parametrize("name", GENERATORS)
@pytest.mark.parametrize("shape", [(1, 28, 28), (3, 32, 32)])
@pytest.mark.parametrize("depth", [1, 3])
def test_every_generator_draws_images_in_range(name, shape, depth):
    network = GENERATORS[name](spec(shape, depth=depth, mean=torch.zeros(shape)))
    images = network(5 * torch.randn(7, 100))
    assert images.shape == (7, *shape)
    assert images.abs().max() <= 1 or name in {
        "modern",
        "modern-patched",
        "relu-sigmoid-linear2014",
        "deconv2014",
    }


@pytest.mark.parametrize("name", DISCRIMINATORS)
@pytest.mark.parametrize("shape", [(1, 28, 28), (3, 32, 32)])
@pytest.mark.parametrize("depth", [1, 3])
def test_every_discriminator_returns_one_logit_an_image(name, shape, depth):
    network = DISCRIMINATORS[name](spec(shape, depth=depth, mean=torch.zeros(shape)))
    logits = network(torch.randn(7, *shape))
    assert logits.shape == (7,)
    logits.sum().backward()
    assert all(p.grad is not None for p in network.parameters())


def of_points(build, dimensions):
    """The network for points, or None where it says that it is for images."""
    try:
        return build(spec((dimensions,), mean=torch.zeros(dimensions)))
    except ForgeryError as error:
        assert "for images" in str(error)  # noqa: PT017
        return None


@pytest.mark.parametrize("name", GENERATORS)
def test_every_generator_draws_points_or_says_that_it_cannot(name):
    network = of_points(GENERATORS[name], 2)
    if network is not None:
        points = network(torch.randn(7, 100) * 100)
        assert points.shape == (7, 2)
        assert points.abs().max() > 1 or name == "mlp-batchnorm"  # points may lie anywhere


@pytest.mark.parametrize("name", DISCRIMINATORS)
def test_every_discriminator_judges_points_or_says_that_it_cannot(name):
    network = of_points(DISCRIMINATORS[name], 2)
    if network is not None:
        assert network(torch.randn(7, 2)).shape == (7,)


@pytest.mark.parametrize("name", DISCRIMINATORS)
def test_the_penalty_of_every_discriminator_has_the_gradient_that_differences_give(name):
    torch.manual_seed(0)
    network = DISCRIMINATORS[name](spec(width=4, depth=2)).double()
    stir(network)
    x = torch.randn(3, 1, 28, 28, dtype=torch.float64)
    # Through real minibatches first, as in training; then without dropout.
    assert r1(network, x, x).isfinite().all()
    network.eval()
    weights = list(network.parameters())
    gradient = torch.autograd.grad(r1(network, x, x).mean(), weights, allow_unused=True)
    assert all(g is not None for w, g in zip(weights, gradient, strict=True) if w.dim() > 1)
    direction = [torch.randn_like(w) * w.std(unbiased=False) for w in weights]
    pairs = zip(gradient, direction, strict=True)
    slope = sum((g * v).sum() for g, v in pairs if g is not None)
    step = 1e-7

    def moved(sign):
        for w, v in zip(weights, direction, strict=True):
            w.data += sign * step * v
        value = r1(network, x, x).mean().item()
        for w, v in zip(weights, direction, strict=True):
            w.data -= sign * step * v
        return value

    assert slope.item() == pytest.approx((moved(1) - moved(-1)) / (2 * step), rel=1e-4)


@torch.no_grad()
def stir(network):
    """Away from the start, where some weights are zero."""
    for parameter in network.parameters():
        parameter += 0.1 * torch.randn_like(parameter)


@pytest.mark.parametrize(
    ("table", "name", "shape"),
    [(GENERATORS, name, (100,)) for name in GENERATORS]
    + [(DISCRIMINATORS, name, (1, 28, 28)) for name in DISCRIMINATORS],
)
def test_a_gradient_reaches_every_weight_of_every_network(table, name, shape):
    torch.manual_seed(0)
    network = table[name](spec(width=8))
    x = torch.randn(16, *shape)
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-3)
    for _ in range(2):  # behind a layer that begins at zero, gradients begin one step later
        optimizer.zero_grad()
        output = network(x)
        (output * torch.randn_like(output)).mean().backward()
        optimizer.step()
    for key, parameter in network.named_parameters():
        assert parameter.grad is not None, key
        # A bias in front of batch norm has none.
        assert parameter.grad.any() or parameter.dim() == 1, key


def test_pacgans_networks_begin_small():
    torch.manual_seed(0)
    g = GENERATORS["mlp-batchnorm"](spec((2,), 2, 400, 4, torch.zeros(2)))
    d = DISCRIMINATORS["mlp-maxout"](spec((4,), 2, 200, 3, torch.zeros(4)))
    assert linear_sizes(g) == [(2, 400), (400, 400), (400, 400), (400, 400), (400, 2)]
    assert linear_sizes(d) == [(4, 1000), (200, 1000), (200, 1000), (200, 1)]
    for layer in (m for n in (g, d) for m in n.modules() if isinstance(m, torch.nn.Linear)):
        assert layer.weight.std().item() == pytest.approx(0.02, rel=0.1)
        assert layer.bias is None or not layer.bias.any()
    assert sum(isinstance(m, torch.nn.BatchNorm1d) for m in g.modules()) == 4


def linear_sizes(network):
    layers = [m for m in network.modules() if isinstance(m, torch.nn.Linear)]
    return [(layer.in_features, layer.out_features) for layer in layers]


def test_the_tutorials_sizes():
    g = GENERATORS["mlp"](spec(latent=64, width=256))
    d = DISCRIMINATORS["mlp"](spec(width=256))
    assert linear_sizes(g) == [(64, 256), (256, 256), (256, 784)]
    assert linear_sizes(d) == [(784, 256), (256, 256), (256, 1)]


def test_the_2014_generator_begins_at_the_mean():
    torch.manual_seed(0)
    g = GENERATORS["relu-sigmoid"](spec(width=1200))
    assert linear_sizes(g) == [(100, 1200), (1200, 1200), (1200, 784)]
    for layer in (m for m in g.modules() if isinstance(m, torch.nn.Linear)):
        assert layer.weight.abs().max() <= 0.05
        assert layer.weight.std().item() == pytest.approx(0.05 / 3**0.5, rel=0.02)
    torch.testing.assert_close(g(torch.zeros(1, 100))[0], MEAN, atol=1e-5, rtol=0)


def test_the_2014_discriminator():
    torch.manual_seed(0)
    d = DISCRIMINATORS["maxout"](spec(width=240))
    assert linear_sizes(d) == [(784, 1200), (240, 1200), (240, 1)]
    for layer in (m for m in d.modules() if isinstance(m, torch.nn.Linear)):
        assert layer.weight.abs().max() <= 0.005
        assert not layer.bias.any()
    rates = [m.p for m in d.modules() if isinstance(m, torch.nn.Dropout)]
    assert rates == [0.2, 0.5, 0.5]
    # Black is 0 to its first layer, so a black image says nothing: every logit is the bias's.
    assert not d(-torch.ones(3, 1, 28, 28)).any()


def test_maxout_takes_the_largest_of_five_pieces():
    torch.manual_seed(0)
    layer = Maxout(3, 4)
    x = torch.randn(6, 3)
    pieces = layer.pieces(x)
    expected = torch.stack([pieces[:, 5 * i : 5 * i + 5].amax(1) for i in range(4)], 1)
    torch.testing.assert_close(layer(x), expected)
    # At the start each piece is symmetric about 0; the largest of five lies above.
    assert layer(torch.randn(1000, 3)).mean() > 0.1
