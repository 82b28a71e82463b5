"""The page in a real browser, offline: its pixels are PyTorch's, and every part does its work."""

import io
import json

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from forgery import latent
from forgery.export.page import page_of, to_page
from forgery.pixels import to_pixels

pytestmark = pytest.mark.slow

#: One hundredth of the range of pixels, and half a level for rounding.
MOST = 2.55 + 0.5

# All canvases of a selector, from copies: Chromium warns of canvases that are read again and again.
PIXELS = """canvases => canvases.map(canvas => {
  const copy = new OffscreenCanvas(canvas.width, canvas.height).getContext('2d');
  copy.drawImage(canvas, 0, 0);
  const data = copy.getImageData(0, 0, canvas.width, canvas.height).data;
  return Array.from(data).filter((_, i) => i % 4 !== 3);
})"""

#: Family → recipe and settings.
FAMILIES = {
    "mlp": ("mlp", {}),
    "relu-sigmoid": ("goodfellow2014", {"split": "test"}),
    "relu-sigmoid-linear2014": ("mlp", {"generator": "relu-sigmoid-linear2014"}),
    "deconv2014": ("mlp", {"generator": "deconv2014", "g_width": 300}),
    "mlp-batchnorm": ("mlp", {"generator": "mlp-batchnorm"}),
    "mlp-softplus": ("mlp", {"generator": "mlp-softplus", "noise": "uniform"}),
    "dcgan": ("dcgan", {}),
    "dcgan-colour": ("dcgan", {"data": "stacked-mnist", "image_size": 32}),
    "resnet": ("sngan", {"d_steps": 1}),
    "modern": ("modern", {"generator": "modern", "discriminator": "modern"}),
    "modern-patched": ("modern", {}),
    "skip": ("mlp", {"generator": "skip", "image_size": 32}),
    "conditional": ("conditional", {}),
    "conditional-dcgan": ("dcgan", {"conditional": "projection"}),
    "infogan": ("infogan", {}),
    "infogan-mlp": ("infogan", {"generator": "mlp", "discriminator": "mlp"}),
    "vae": ("vae", {}),
}


@pytest.fixture
def opened(page_of, tmp_path):
    """Write the page of a model and open it: (model, …) → page of playwright."""

    def open_page(model, width=1280, height=900, dark=False):
        path = tmp_path / f"{model.path.name}.html"
        to_page(model, path)
        page = page_of(path.as_uri(), width, height, dark)
        page.context.set_offline(True)
        page.locator(".samples .sample").first.wait_for()
        return page

    return open_page


def lively(model):
    """Give a generator weights with which its images differ clearly from each other."""
    torch.manual_seed(0)
    generator = model.generator
    for weights in generator.parameters():
        if weights.dim() > 1:
            weights.data = torch.randn_like(weights) * (2 * len(weights) / weights.numel()) ** 0.5
    for layer in generator.modules():
        if isinstance(layer, nn.modules.batchnorm._BatchNorm):
            layer.momentum = 1.0  # the statistics of the next batch
    y = torch.arange(200) % len(model.classes) if model.takes_class else None
    generator.train()
    generator(*(given for given in (model.sampler.z(200, 1), y) if given is not None))
    generator.eval()
    assert model.sample(20).std(0).mean() > 0.1
    return model


def shown(page, selector):
    return np.array(page.locator(selector).evaluate_all(PIXELS), np.float32)


def wanted(model, z, y=None):
    pixels = to_pixels(model.sampler.draw(z, y)).expand(-1, 3, -1, -1)
    return pixels.permute(0, 2, 3, 1).flatten(1).float().numpy()


def becomes(page, selector, pixels):
    """Wait until canvases show these pixels."""
    for _ in range(100):
        found = shown(page, selector)
        if found.shape == pixels.shape and np.abs(found - pixels).max() <= MOST:
            return True
        page.wait_for_timeout(50)
    return False


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_draws_what_pytorch_draws(trained, opened, family):
    recipe, settings = FAMILIES[family]
    model = lively(trained(family, recipe, **settings))
    page = opened(model)
    z = model.sampler.z(40, 0)
    grid = ".samples .sample canvas"
    conditional = bool(model.sampleable_classes)
    y = torch.zeros(40, dtype=torch.long) if conditional else None
    assert becomes(page, grid, wanted(model, z, y))
    if conditional:
        page.get_by_role("group", name="code" if recipe == "infogan" else "class").get_by_role(
            "button", name="7", exact=True
        ).click()
        assert becomes(page, grid, wanted(model, z, torch.full((40,), 7)))
    assert page.evaluate("performance.getEntriesByType('resource').length") == 0
    page.picture(f"page-{family}")


def test_new_samples_come_from_a_seed(digits, opened):
    page = opened(digits)
    section = page.locator("section", has_text="Click a sample")
    seed, grid = section.get_by_label("page seed"), ".samples .sample canvas"
    first = shown(page, grid)
    section.get_by_role("button", name="New samples").click()
    page.locator(".samples .sample", has_text="#0 of page seed").wait_for()
    page.wait_for_timeout(300)
    second, number = shown(page, grid), seed.input_value()
    assert not np.array_equal(first, second)
    section.get_by_role("button", name="As in the terminal").click()
    assert becomes(page, grid, first)
    seed.fill(number)
    seed.press("Enter")
    assert becomes(page, grid, second)
    seed.fill("-1")
    seed.press("Enter")
    section.get_by_role("alert").get_by_text("whole number").wait_for()
    page.keyboard.press("Tab")
    page.keyboard.press("n")  # a new sample, which is the first of its seed
    title = page.locator(".chosen strong").inner_text()
    assert title.startswith("#0 of page seed ")
    page.wait_for_timeout(300)
    large = shown(page, ".chosen canvas.large")
    seed.fill(title.rpartition(" ")[2])
    seed.press("Enter")
    assert becomes(page, ".samples .sample:nth-child(1) canvas", large)


@pytest.mark.parametrize("noise", ["normal", "uniform"])
def test_the_pages_z_are_distributed_as_in_training(trained, opened, noise):
    page = opened(trained(f"noise-{noise}", noise=noise, latent=64))
    page.get_by_role("button", name="New samples").click()
    page.locator(".samples .sample", has_text="#0 of page seed").wait_for()
    with page.expect_download() as download:
        page.locator("section", has_text="Click a sample").get_by_text("Save z (JSON)").click()
    saved = json.loads(download.value.path().read_text())["samples"]
    z = np.array([sample["z"] for sample in saved])
    assert z.shape == (40, 64)
    # 2,560 numbers: five standard errors.
    assert abs(z.mean()) < 5 / 2560**0.5
    assert abs(z.var() - 1) < 5 * (2 / 2560) ** 0.5
    assert abs(np.corrcoef(z[:-1].ravel(), z[1:].ravel())[0, 1]) < 0.1
    bound, kurtosis = np.abs(z).max(), (z**4).mean() / z.var() ** 2
    if noise == "uniform":
        assert bound <= 3**0.5
        assert kurtosis == pytest.approx(1.8, abs=0.15)
    else:
        assert 2.5 < bound < 6
        assert kurtosis == pytest.approx(3, abs=0.6)


def test_a_slider_moves_the_chosen_sample(digits, opened):
    page = opened(digits)
    space = digits.space()
    directions = latent.principal_directions(space)
    slider = page.locator(".directions input").nth(1)
    slider.fill("2.5")
    [_, z] = space.z(2, 0)  # the second one is chosen
    vector = directions.vectors[1]
    moved = z + (2.5 - z @ vector) * vector
    assert becomes(page, ".chosen canvas.large", wanted(digits, moved[None]))
    page.locator(".chosen").get_by_role("button", name="Reset").click()
    assert becomes(page, ".chosen canvas.large", wanted(digits, z[None]))


def test_a_line_and_a_sum(digits, opened):
    page = opened(digits)
    z = digits.sampler.z(3, 0)
    line = page.locator("section", has=page.locator("canvas.strip"))
    line.get_by_role("slider").fill("0.25")
    middle = latent.sphere(z[0], z[1], torch.tensor(0.25))
    assert becomes(page, "section:has(canvas.strip) canvas.large", wanted(digits, middle[None]))
    page.locator(".samples .sample").nth(2).click()  # held, and chosen
    for name in ("Add to the sum: #0", "Subtract from the sum: #1", "Add to the sum: #2"):
        page.get_by_role("button", name=name).click()
    result = "section:has(.groups) canvas.large"
    page.locator(result).wait_for()
    # Additions fill the first concept, up to three.
    assert becomes(page, result, wanted(digits, ((z[0] + z[2]) / 2 - z[1])[None]))
    page.get_by_label("with eight neighbours").check()
    page.wait_for_timeout(300)
    assert page.locator(result).evaluate("c => c.width") > 3 * 28


def test_images_and_their_z_are_saved(conditional, opened):
    page = opened(conditional)
    page.get_by_role("group", name="class").get_by_role("button", name="3").click()
    with page.expect_download() as download:
        page.locator(".chosen").get_by_role("button", name="Save z (JSON)").click()
    saved = json.loads(download.value.path().read_text())
    assert saved["name"] == "of-class"
    assert saved["class"] == "3"
    assert saved["of"]["number"] == 1
    assert np.allclose(saved["z"], conditional.sampler.z(2, 0)[1])
    page.wait_for_timeout(300)
    with page.expect_download() as download:
        page.locator(".chosen").get_by_role("button", name="Save PNG").click()
    picture = Image.open(io.BytesIO(download.value.path().read_bytes())).convert("RGB")
    scale = picture.width // 28
    corners = np.asarray(picture)[scale // 2 :: scale, scale // 2 :: scale].reshape(1, -1)
    drawn = wanted(conditional, torch.tensor([saved["z"]]), torch.tensor([3]))
    assert np.abs(corners - drawn).max() <= MOST


@pytest.mark.parametrize(("width", "dark"), [(390, False), (1280, True)])
def test_it_fits_a_phone_and_the_dark(conditional, opened, width, dark):
    page = opened(conditional, width=width, dark=dark)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    background = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (background == "rgb(255, 255, 255)") is not dark
    page.picture(f"page-{'dark' if dark else 'phone'}")


def test_a_page_of_mnist_is_small(trained):
    model = trained("mnist", g_width=512, latent=64)  # the default's sizes
    assert len(page_of(model).content.encode()) <= 3_000_000
