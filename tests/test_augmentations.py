import pytest
import torch

from forgery.augmentations import (
    AUGMENTATIONS,
    HOLE,
    MOVE_EVERY,
    SHIFT,
    Augment,
    Augmentation,
    brightness,
    contrast,
    cut_out,
    saturation,
    translate,
    turn_and_scale,
)

ALWAYS, NEVER = torch.tensor(1.0), torch.tensor(0.0)
TRANSFORMS = [brightness, saturation, contrast, translate, cut_out, turn_and_scale]
NAMES = [name for name, augmentation in AUGMENTATIONS.items() if augmentation]


@pytest.fixture(autouse=True)
def _seeded():
    torch.manual_seed(0)


@pytest.fixture
def images():
    """Images that are neither square nor grey, with distinct pixel values."""
    return torch.rand(40, 3, 16, 24, dtype=torch.float64) * 2 - 1


def repeated(n):
    """One image n times, so that results differ by their random numbers only."""
    return (torch.rand(1, 3, 16, 24, dtype=torch.float64) * 2 - 1).expand(n, -1, -1, -1)


@pytest.mark.parametrize("transform", TRANSFORMS)
@pytest.mark.parametrize("shape", [(5, 1, 28, 28), (5, 3, 9, 14), (1, 2, 1, 1)])
def test_shapes_and_types_are_kept(transform, shape):
    for dtype in (torch.float32, torch.float64):
        out = transform(torch.rand(shape, dtype=dtype), ALWAYS)
        assert out.shape == shape
        assert out.dtype == dtype
        assert out.isfinite().all()


@pytest.mark.parametrize("transform", TRANSFORMS)
def test_with_probability_0_nothing_changes(transform, images):
    torch.testing.assert_close(transform(images, NEVER), images, atol=1e-12, rtol=0)


@pytest.mark.parametrize("transform", TRANSFORMS)
def test_a_fraction_p_of_the_images_changes(transform):
    images = repeated(2000)
    changed = (transform(images, torch.tensor(0.3)) - images).abs().flatten(1).amax(1) > 1e-9
    share = changed.double().mean().item()
    # Three standard errors are .031; 1 of 5 · 7 shifts is zero. An image is rotated or
    # scaled with 1 - .7².
    expected = {translate: 0.3 * 34 / 35, turn_and_scale: 0.51}.get(transform, 0.3)
    assert share == pytest.approx(expected, abs=0.034)


@pytest.mark.parametrize("transform", TRANSFORMS)
def test_each_image_gets_different_random_numbers(transform):
    out = transform(repeated(12), ALWAYS)
    differing = [not torch.equal(a, b) for i, a in enumerate(out) for b in out[:i]]
    assert sum(differing) > len(differing) * 0.8  # small shifts may coincide


@pytest.mark.parametrize("transform", TRANSFORMS)
def test_an_image_does_not_depend_on_the_others(transform):
    images = torch.rand(6, 3, 16, 24)
    others = torch.cat([images[:3], torch.rand(3, 3, 16, 24)])
    torch.manual_seed(3)
    out = transform(images, ALWAYS)
    torch.manual_seed(3)
    assert torch.equal(transform(others, ALWAYS)[:3], out[:3])


@pytest.mark.parametrize("transform", TRANSFORMS)
def test_gradients_with_respect_to_images_are_correct(transform):
    images = torch.rand(2, 3, 4, 6, dtype=torch.float64, requires_grad=True)

    def same_numbers(x):
        torch.manual_seed(5)
        return transform(x, ALWAYS)

    assert torch.autograd.gradcheck(same_numbers, images)
    (gradient,) = torch.autograd.grad(same_numbers(images).sum(), images)
    assert (gradient != 0).any()


def test_brightness_adds_at_most_a_half(images):
    added = brightness(images, ALWAYS) - images
    torch.testing.assert_close(added, added[:, :1, :1, :1].expand_as(added))
    assert added.abs().max() <= 0.5
    assert added.min() < -0.3
    assert added.max() > 0.3


def test_contrast_keeps_the_mean_of_an_image(images):
    out, axes = contrast(images, ALWAYS), (1, 2, 3)
    torch.testing.assert_close(out.mean(axes), images.mean(axes))
    factors = out.std(axes) / images.std(axes)
    assert ((factors >= 0.5) & (factors <= 1.5)).all()
    assert factors.std() > 0.2


def test_saturation_keeps_each_pixels_grey_and_leaves_grey_images(images):
    out = saturation(images, ALWAYS)
    torch.testing.assert_close(out.mean(1), images.mean(1))
    factors = ((out - out.mean(1, True)) / (images - images.mean(1, True))).flatten(1).median(1)
    assert ((factors.values >= 0) & (factors.values <= 2)).all()
    assert factors.values.std() > 0.3
    assert torch.equal(saturation(images[:, :1], ALWAYS), images[:, :1])


def test_a_translated_image_is_shifted_with_repeated_borders():
    (image,) = repeated(1)
    furthest = [int(side * SHIFT + 0.5) for side in image.shape[1:]]  # 2 and 3 pixels
    expected = {}
    for down in range(-furthest[0], furthest[0] + 1):
        for right in range(-furthest[1], furthest[1] + 1):
            rows = [min(max(i - down, 0), 15) for i in range(16)]
            columns = [min(max(i - right, 0), 23) for i in range(24)]
            expected[down, right] = image[:, rows][:, :, columns]
    out = translate(image.expand(1000, -1, -1, -1), ALWAYS)
    shifts = [next(s for s, e in expected.items() if torch.equal(e, x)) for x in out]
    assert set(shifts) == set(expected)  # each of the 35 shifts occurs


def test_a_cut_out_rectangle_is_half_as_long_as_the_sides():
    images = torch.ones(3000, 2, 16, 24)
    out = cut_out(images, ALWAYS)
    assert set(out.unique().tolist()) == {0.0, 1.0}
    assert torch.equal(out[:, 0], out[:, 1])
    rows, columns = ((out[:, 0] == 0).any(axis).sum(1) for axis in (2, 1))
    assert (rows * columns == (out[:, 0] == 0).sum((1, 2))).all()  # a rectangle
    assert rows.max() == 16 * HOLE
    assert columns.max() == 24 * HOLE
    assert rows.min() == 16 * HOLE / 2  # with its centre on the border
    assert (out == 0).any(0).all()  # every pixel is covered in some image


def test_a_rotation_keeps_shapes_in_images_that_are_not_square():
    """A disc in the centre stays a disc, up to its scale."""
    down, right = torch.meshgrid(
        torch.arange(48.0) - 23.5, torch.arange(96.0) - 47.5, indexing="ij"
    )
    disc = ((down**2 + right**2).sqrt() < 10).float().expand(200, 1, -1, -1)
    out = turn_and_scale(disc, ALWAYS)[:, 0]
    heights, widths = ((out.sum(axis) > 0.5).sum(1) for axis in (2, 1))
    assert (heights - widths).abs().max() <= 2
    scales = (out.sum((1, 2)) / disc[0].sum()).sqrt()
    assert scales.log2().std().item() == pytest.approx(0.2, abs=0.04)
    bar = ((down.abs() < 2) & (right.abs() < 15)).float().expand(200, 1, -1, -1)
    upright = turn_and_scale(bar, ALWAYS)[:, 0]
    tall = (upright.sum(2) > 0.5).sum(1) > (upright.sum(1) > 0.5).sum(1)
    assert 0.3 < tall.double().mean() < 0.7  # about half are upright


@pytest.mark.parametrize("name", NAMES)
def test_every_augmentation_is_differentiable(name, images):
    augment = Augment(AUGMENTATIONS[name])
    augment.p.fill_(1.0)
    images.requires_grad_()
    out = augment(images)
    assert out.shape == images.shape
    assert not torch.allclose(out, images)
    (gradient,) = torch.autograd.grad(out.square().sum(), images)
    assert (gradient.flatten(1) != 0).any(1).all()


def adaptive(**changes):
    return Augment(Augmentation((brightness,), adaptive=True), **changes)


def watch(augment, margins, updates):
    for _ in range(updates):
        augment.adjust(torch.tensor(margins), len(margins))
    return augment.p.item()


def test_p_starts_at_0_and_rises_only_while_d_is_sure():
    augment = adaptive(target=0.6, ramp=1000)
    assert augment.p == 0
    sure, unsure = [2.0] * 9 + [-1.0], [2.0] * 7 + [-1.0] * 3  # r = .8 and .4
    steps = [watch(augment, sure, 1) for _ in range(3 * MOVE_EVERY)]
    # With 10 images per update, p changes by .04 after every four updates.
    assert steps == pytest.approx([0.0] * 3 + [0.04] * 4 + [0.08] * 4 + [0.12])
    assert watch(augment, unsure, MOVE_EVERY) == pytest.approx(0.08)


def test_parts_of_a_minibatch_adjust_p_as_the_whole():
    whole, parts = adaptive(ramp=1000), adaptive(ramp=1000, parts=2)
    steps = [[watch(whole, [2.0] * 10, 1), watch(parts, [2.0] * 5, 2)] for _ in range(9)]
    for of_whole, of_parts in steps:
        assert of_whole == pytest.approx(of_parts)
    assert steps[-1][0] > 0


def test_the_sign_is_averaged_over_the_updates_between_two_adjustments():
    augment = adaptive(target=0.6, ramp=1000)
    watch(augment, [1.0] * 10, 2)
    assert watch(augment, [-1.0] * 10, 2) == 0  # r = 0
    watch(augment, [1.0] * 10, 3)
    assert watch(augment, [1.0, -1.0] * 5, 1) == pytest.approx(0.04)  # r = .75


def test_p_stays_a_probability():
    augment = adaptive(ramp=100)
    assert watch(augment, [-1.0] * 10, 8) == 0
    assert watch(augment, [1.0] * 10, 50 * MOVE_EVERY) == 1
    assert watch(augment, [-1.0] * 10, 50 * MOVE_EVERY) == 0


def test_p_is_1_without_adaptation_whatever_d_outputs():
    augment = Augment(AUGMENTATIONS["diffaugment"])
    assert watch(augment, [-1.0] * 10, 10) == 1
