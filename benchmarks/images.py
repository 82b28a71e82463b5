"""How fast pictures are decoded into the cache, beside Pillow's decoding alone on the same cores.

    python benchmarks/images.py --pictures 3000 --rounds 3

Pictures are drawn into a temporary folder, which is removed. "Pillow alone" opens and loads each
picture, from bytes in memory, in as many processes as there are cores, and does nothing with it;
building the cache also reads the files, hashes them, crops, resamples, and writes. The two take
turns; files are in the page cache for both.
"""

import argparse
import io
import multiprocessing
import os
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median

import numpy as np
from PIL import Image

from forgery.data import ImageSettings, load_pictures
from forgery.data import pictures as pictures_module
from machine import machine

#: Format, width and height of the pictures, and the size that they are made.
CASES = (
    ("png", 64, 64, 64),
    ("jpg", 128, 128, 128),
    ("png", 85, 64, 64),
    ("jpg", 170, 128, 64),
    ("png", 341, 256, 64),
    ("jpg", 682, 512, 64),
)


def draw(folder: Path, n: int, width: int, height: int, kind: str) -> None:
    """n smooth random pictures with some noise, about as hard to decode as photographs."""
    random = np.random.default_rng(0)
    for i in range(n):
        coarse = Image.fromarray(random.integers(0, 256, (12, 12, 3), dtype=np.uint8))
        smooth = np.asarray(coarse.resize((width, height), Image.Resampling.BICUBIC), np.int16)
        noisy = smooth + random.integers(-8, 9, smooth.shape, dtype=np.int16)
        pixels = Image.fromarray(noisy.clip(0, 255).astype(np.uint8))
        pixels.save(folder / f"{i:06d}.{kind}", quality=90)


def decode_all(contents: list[bytes]) -> None:
    for content in contents:
        with Image.open(io.BytesIO(content), formats=("PNG", "JPEG")) as image:
            image.load()


def alone(contents: list[bytes], workers: int, pool: type) -> float:
    parts = [contents[i : i + 16] for i in range(0, len(contents), 16)]
    if workers == 1:
        start = time.perf_counter()
        decode_all(contents)
        return time.perf_counter() - start
    with pool(workers) as running:
        list(running.map(decode_all, parts[:workers]))  # the workers have started
        start = time.perf_counter()
        list(running.map(decode_all, parts))
        return time.perf_counter() - start


def cached(folder: Path, size: int) -> float:
    with tempfile.TemporaryDirectory() as cache:
        os.environ["FORGERY_CACHE"] = cache
        start = time.perf_counter()
        load_pictures(folder, ImageSettings(size=size))
        return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pictures", type=int, default=3000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    cores = pictures_module._cores()
    print(f"{machine()}, Pillow {Image.__version__}, {cores} cores", flush=True)
    print(f"{options.pictures} pictures, medians of {options.rounds}, pictures a second")
    print(
        "| pictures | made | Pillow, threads | Pillow, processes | cache | cache / best of Pillow |"
    )
    print("|---|---|---|---|---|---|")
    for kind, width, height, size in CASES:
        with tempfile.TemporaryDirectory() as temporary:
            folder = Path(temporary)
            n = options.pictures // (1 if height < 256 else 4)
            draw(folder, n, width, height, kind)
            contents = [path.read_bytes() for path in sorted(folder.iterdir())]
            times = {"threads": [], "processes": [], "cache": []}
            for _ in range(options.rounds):
                times["threads"].append(alone(contents, cores, ThreadPoolExecutor))
                times["processes"].append(alone(contents, cores, multiprocessing.Pool))
                times["cache"].append(cached(folder, size))
            rate = {name: n / median(taken) for name, taken in times.items()}
            ratio = rate["cache"] / max(rate["threads"], rate["processes"])
            print(
                f"| {n} {kind}, {width} × {height} | {size} × {size} | {rate['threads']:,.0f} "
                f"| {rate['processes']:,.0f} | {rate['cache']:,.0f} | {ratio:.2f} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
