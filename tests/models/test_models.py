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
def test_every_generator_returns_images_in_range(name, shape, depth):
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
def test_every_discriminator_returns_one_logit_per_image(name, shape, depth):
    network = DISCRIMINATORS[name](spec(shape, depth=depth, mean=torch.zeros(shape)))
    logits = network(torch.randn(7, *shape))
    assert logits.shape == (7,)
    logits.sum().backward()
    assert all(p.grad is not None for p in network.parameters())


def of_points(build, dimensions):
    """Build the network for points; return None if it refuses them."""
    try:
        return build(spec((dimensions,), mean=torch.zeros(dimensions)))
    except ForgeryError as error:
        assert "needs images" in str(error)  # noqa: PT017
        return None


@pytest.mark.parametrize("name", GENERATORS)
def test_every_generator_returns_or_refuses_points(name):
    torch.manual_seed(0)
    network = of_points(GENERATORS[name], 2)
    if network is not None:
        points = network(torch.randn(7, 100) * 100)
        assert points.shape == (7, 2)
        assert points.abs().max() > 1 or name == "mlp-batchnorm"  # points may lie anywhere


@pytest.mark.parametrize("name", DISCRIMINATORS)
def test_every_discriminator_accepts_or_refuses_points(name):
    network = of_points(DISCRIMINATORS[name], 2)
    if network is not None:
        assert network(torch.randn(7, 2)).shape == (7,)


@pytest.mark.parametrize("name", DISCRIMINATORS)
def test_penalty_gradients_match_finite_differences(name):
    torch.manual_seed(0)
    network = DISCRIMINATORS[name](spec(width=4, depth=2)).double()
    stir(network)
    x = torch.randn(3, 1, 28, 28, dtype=torch.float64)
    # First run on real minibatches, as in training; then without dropout.
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
    """Perturb the initial weights, some of which are zero."""
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
    for _ in range(2):  # before a layer initialised to zero, gradients are zero in the first step
        optimizer.zero_grad()
        output = network(x)
        (output * torch.randn_like(output)).mean().backward()
        optimizer.step()
    for key, parameter in network.named_parameters():
        assert parameter.grad is not None, key
        # A bias before batch norm has no gradient.
        assert parameter.grad.any() or parameter.dim() == 1, key


def test_pacgan_initial_weights_are_small():
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


def test_tutorial_sizes():
    g = GENERATORS["mlp"](spec(latent=64, width=256))
    d = DISCRIMINATORS["mlp"](spec(width=256))
    assert linear_sizes(g) == [(64, 256), (256, 256), (256, 784)]
    assert linear_sizes(d) == [(784, 256), (256, 256), (256, 1)]


def test_goodfellow2014_generator_starts_at_the_mean():
    torch.manual_seed(0)
    g = GENERATORS["relu-sigmoid"](spec(width=1200))
    assert linear_sizes(g) == [(100, 1200), (1200, 1200), (1200, 784)]
    for layer in (m for m in g.modules() if isinstance(m, torch.nn.Linear)):
        assert layer.weight.abs().max() <= 0.05
        assert layer.weight.std().item() == pytest.approx(0.05 / 3**0.5, rel=0.02)
    torch.testing.assert_close(g(torch.zeros(1, 100))[0], MEAN, atol=1e-5, rtol=0)


def test_goodfellow2014_discriminator():
    torch.manual_seed(0)
    d = DISCRIMINATORS["maxout"](spec(width=240))
    assert linear_sizes(d) == [(784, 1200), (240, 1200), (240, 1)]
    for layer in (m for m in d.modules() if isinstance(m, torch.nn.Linear)):
        assert layer.weight.abs().max() <= 0.005
        assert not layer.bias.any()
    rates = [m.p for m in d.modules() if isinstance(m, torch.nn.Dropout)]
    assert rates == [0.2, 0.5, 0.5]
    # Black is 0 for the first layer, so that the logit of a black image is due to biases only.
    assert not d(-torch.ones(3, 1, 28, 28)).any()


def test_maxout_is_the_maximum_of_five_pieces():
    torch.manual_seed(0)
    layer = Maxout(3, 4)
    x = torch.randn(6, 3)
    pieces = layer.pieces(x)
    expected = torch.stack([pieces[:, 5 * i : 5 * i + 5].amax(1) for i in range(4)], 1)
    torch.testing.assert_close(layer(x), expected)
    # Initially each piece is symmetric about 0, and the maximum of five is above it.
    assert layer(torch.randn(1000, 3)).mean() > 0.1
