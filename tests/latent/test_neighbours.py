import torch

from forgery.latent import nearest
from forgery.latent.neighbours import BLOCK


def pictures(n, seed):
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, (n, 1, 4, 4), generator=generator, dtype=torch.uint8)


def test_a_copy_is_found_in_any_block():
    train = pictures(BLOCK + 300, 0)
    samples = train[[BLOCK + 250, 3]]
    found = nearest(samples, train)
    assert found.rows.tolist() == [BLOCK + 250, 3]
    assert found.distances.max() < 1e-5


def test_distances_are_between_pixels_in_0_1():
    train = torch.zeros(3, 1, 2, 2, dtype=torch.uint8)
    train[1] = 255
    sample = torch.full((1, 1, 2, 2), 51, dtype=torch.uint8)
    found = nearest(sample, train)
    assert found.rows.tolist() == [0]
    assert torch.allclose(found.distances, torch.tensor([0.4], dtype=torch.float64))


def test_neighbours_depend_on_the_features():
    train = torch.zeros(2, 1, 2, 2, dtype=torch.uint8)
    train[0, 0, 0, 0], train[1, 0, 1] = 200, 200
    sample = torch.zeros(1, 1, 2, 2, dtype=torch.uint8)
    sample[0, 0, 0] = 200

    def brightness(images):
        return images.float().mean((2, 3))

    assert nearest(sample, train).rows.tolist() == [0]
    assert nearest(sample, train, brightness).rows.tolist() == [1]
