"""A generator as a list of operations computes what the generator computes."""

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from forgery.errors import ForgeryError
from forgery.export.program import Program
from forgery.export.tracing import program_of
from forgery.models import CONDITIONS, GENERATORS, Spec

LATENT, CLASSES = 6, 3
#: Families that differ in kind; the others are slow.
FAST = {("mlp", "concat"), ("dcgan", "none"), ("modern-patched", "none"), ("skip", "concat")}


def built(family: str, condition: str, shape=(1, 28, 28)) -> nn.Module:
    """A generator whose weights, and statistics of batch norm, are not those of its start."""
    torch.manual_seed(0)
    spec = Spec(shape, LATENT, 8, 2, torch.zeros(shape))
    generator = CONDITIONS[condition].generator(GENERATORS[family], spec, CLASSES)
    for layer in generator.modules():
        if isinstance(layer, nn.modules.batchnorm._BatchNorm):
            layer.running_mean.normal_()
            layer.running_var.uniform_(0.2, 2)
    for weights in generator.parameters():
        weights.data += 0.05 * torch.randn_like(weights)
    return generator.eval().requires_grad_(False)


def same(generator: nn.Module, program: Program, conditional: bool = False) -> bool:
    z, y = torch.randn(5, LATENT), torch.arange(5) % CLASSES
    wanted = generator(z, y) if conditional else generator(z)
    return torch.allclose(program(z, y), wanted, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("family", "condition"),
    [
        pytest.param(f, c, marks=() if (f, c) in FAST else pytest.mark.slow)
        for f in GENERATORS
        for c in ("none", "concat")
    ],
)
def test_every_family_as_a_program(family, condition):
    generator = built(family, condition)
    program = program_of(generator, LATENT, CLASSES if condition == "concat" else 0)
    assert same(generator, program, condition == "concat")
    # Batch norm, weight norm and summed kernels are part of the layers' weights.
    norms = {operation.kind for operation in program.operations} & {"affine", "power", "sum"}
    assert norms <= {"affine"} if family == "resnet" else not norms


@pytest.mark.slow
@pytest.mark.parametrize("family", GENERATORS)
def test_every_family_in_colour(family):
    generator = built(family, "none", (3, 32, 32))
    assert same(generator, program_of(generator, LATENT))


class Own(nn.Module):
    """A generator of one's own, with what the families do not use."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(CLASSES, 4)
        self.mix = nn.Linear(4, 4)
        self.start = nn.Linear(LATENT + 4, 3 * 8 * 4 * 4)
        self.grow = nn.ConvTranspose2d(8, 4, 4, 2, 1, groups=2, bias=False)
        self.norm = nn.BatchNorm2d(4)
        self.wide = nn.Conv2d(4, 8, 3, padding=2, dilation=2, groups=4)
        self.last = nn.Conv2d(2, 3, (3, 1), stride=(2, 1), padding=(1, 0))
        self.matrix = nn.Parameter(torch.randn(LATENT, LATENT))
        self.drop = nn.Dropout(0.5)

    def forward(self, z: Tensor, y: Tensor) -> Tensor:
        of_class = F.silu(self.mix(self.embed(y)))
        z = z @ self.matrix / (z.square().mean(1, keepdim=True) + 1e-6).sqrt()
        h = self.start(torch.cat([self.drop(z), of_class], 1)).view(-1, 3, 8, 4, 4)
        h = torch.maximum(h.amax(1), h[:, 0] - 1)  # maxout over three pieces
        first, second = h.chunk(2, 1)
        h = torch.cat([F.elu(first), -second.abs().clamp(min=0.1)], 1)
        h = F.relu6(1 - self.norm(self.grow(h)) * 2)
        h = h + F.interpolate(h.mean((2, 3), keepdim=True), (8, 8)) * 0.5
        h = F.interpolate(h, scale_factor=2, mode="bilinear", align_corners=False)
        h = F.pixel_shuffle(self.wide(h), 2).transpose(2, 3)
        h = self.last(h) * h.sum(1).exp().select(1, 3)[:, None, None, :].sigmoid()
        return torch.tanh(h.permute(0, 1, 3, 2) + of_class[:, :3, None, None])


def test_a_generator_of_ones_own():
    torch.manual_seed(0)
    generator = Own().eval().requires_grad_(False)
    generator.norm.running_mean.normal_()
    program = program_of(generator, LATENT, CLASSES)
    assert same(generator, program, conditional=True)
    kinds = [operation.kind for operation in program.operations]
    assert kinds.count("table") == 2  # of_class, and its three numbers that are added at the end
    assert sum(p.numel() for p in generator.parameters()) > program.numbers - 2 * CLASSES * 4


def test_products_are_counted():
    torch.manual_seed(0)
    layers = nn.Sequential(
        nn.Linear(LATENT, 4 * 3 * 3), nn.Unflatten(1, (4, 3, 3)),
        nn.ConvTranspose2d(4, 2, 4, 2, 1), nn.Conv2d(2, 1, 3, padding=1),
    )  # fmt: skip
    program = program_of(layers.eval(), LATENT)
    assert program.multiply_adds == LATENT * 36 + 9 * 4 * 2 * 16 + 36 * 2 * 9


class Centred(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x - x.mean(0, keepdim=True)


class Attention(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x[:, :, None] @ x[:, None, :]


class Choosing(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x if x.sum() > 0 else -x


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        (nn.Fold(2, 2), r"layer 1 \(Fold\) uses the operation (col2im|im2col)"),
        (nn.GELU(), r"layer 1 \(GELU\) uses the operation gelu"),
        (Centred(), r"layer 1 \(Centred\) mixes the samples of a batch"),
        (Attention(), r"layer 1 \(Attention\) multiplies by something other"),
        (Choosing(), "torch.export cannot trace the generator"),
    ],
)
def test_a_layer_without_a_translation_is_named(layer, message):
    generator = nn.Sequential(nn.Linear(LATENT, 4), layer).eval()
    if isinstance(layer, nn.Fold):
        generator[0] = nn.Sequential(nn.Linear(LATENT, 4), nn.Unflatten(1, (4, 1)))
    with pytest.raises(ForgeryError, match=message):
        program_of(generator, LATENT)
