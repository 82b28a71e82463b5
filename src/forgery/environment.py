"""What a bug report says about the machine: versions, processor, GPU, memory and disk."""

import os
import platform
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from importlib import metadata
from pathlib import Path

import torch

from . import __version__
from .resources import free_disk, free_memory, in_words
from .training import device
from .user_cache import cache_folder

#: Environment variables that change results, speed or where files are.
VARIABLES = (
    "FORGERY_CACHE",
    "XDG_CACHE_HOME",
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "MKL_CBWR",
    "ATEN_CPU_CAPABILITY",
    "CUDA_VISIBLE_DEVICES",
    "HF_HUB_OFFLINE",
)


def environment() -> list[tuple[str, str]]:
    """Describe the environment as (name, value), in the order in which it is printed."""
    cpu = torch.device("cpu")
    memory = free_memory()
    cache = cache_folder()
    return [
        ("forgery", f"{__version__}, in {Path(__file__).parent}"),
        ("Python", f"{platform.python_version()} ({platform.python_implementation()})"),
        ("platform", platform.platform()),
        *_packages(),
        ("CPU", f"{device.describe(cpu)}, {torch.backends.cpu.get_cpu_capability()}"),
        (
            "threads",
            f"{device.resolve_threads(0)} with --threads 0, {torch.get_num_threads()} in torch",
        ),
        ("libraries", _libraries()),
        *(("GPU", gpu) for gpu in _gpus()),
        ("free memory", "unknown" if memory is None else in_words(memory)),
        ("free disk", f"{in_words(free_disk(Path()))} in {Path.cwd()}"),
        ("cache", f"{in_words(_size(cache))} in {cache}, {in_words(free_disk(cache))} free"),
        ("variables", ", ".join(_variables()) or "none set"),
    ]


def _packages() -> Iterator[tuple[str, str]]:
    """The dependencies with their installed versions, then those of each extra."""
    try:
        requirements = metadata.requires("forgery") or []
    except metadata.PackageNotFoundError:
        yield "packages", f"torch {torch.__version__}; forgery is not installed as a package"
        return
    groups: dict[str, list[str]] = {}
    for requirement in requirements:
        marker = re.search(r"""extra\s*==\s*["']([\w-]+)["']""", requirement)
        name = re.split(r"[^\w.-]", requirement, maxsplit=1)[0]
        groups.setdefault(marker[1] if marker else "", []).append(f"{name} {_version(name)}")
    for extra, packages in groups.items():
        if extra != "dev":
            yield f"[{extra}]" if extra else "packages", ", ".join(packages)


def _version(name: str) -> str:
    if name == "torch":
        return str(torch.__version__)  # with the build, such as +cpu
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "not installed"


def _libraries() -> str:
    """The libraries that multiply matrices on the CPU."""
    built = torch.__config__.show()
    blas = re.search(r"BLAS_INFO=(\w+)", built)
    onednn = re.search(r"MKL-DNN (v[\d.]+)", built)
    return f"BLAS {blas[1] if blas else 'unknown'}, oneDNN {onednn[1] if onednn else 'none'}"


def _gpus() -> list[str]:
    """A line for each GPU, or one line that says why there is none."""
    if torch.cuda.is_available():
        driver = _driver()
        kit = f"ROCm {torch.version.hip}" if torch.version.hip else f"CUDA {torch.version.cuda}"
        found = []
        for number in range(torch.cuda.device_count()):
            facts = torch.cuda.get_device_properties(number)
            found.append(
                f"cuda:{number}: {facts.name}, {in_words(facts.total_memory)}, compute capability "
                f"{facts.major}.{facts.minor}, {kit}, cuDNN {torch.backends.cudnn.version()}, "
                f"driver {driver}"
            )
        return found
    if torch.backends.mps.is_available():
        return ["mps (used with --device mps)"]
    if torch.version.cuda or torch.version.hip:
        kit = f"ROCm {torch.version.hip}" if torch.version.hip else f"CUDA {torch.version.cuda}"
        return [f"none found (torch is built for {kit}; driver {_driver()})"]
    return ["none (torch is built for the CPU only)"]


def _driver() -> str:
    """The version of NVIDIA's driver, as its own tool reports it."""
    if program := shutil.which("nvidia-smi"):
        query = [program, "--query-gpu=driver_version", "--format=csv,noheader"]
        with suppress(OSError, subprocess.SubprocessError):
            done = subprocess.run(query, capture_output=True, text=True, timeout=10, check=True)
            return done.stdout.partition("\n")[0].strip()
    return "unknown"


def _size(folder: Path) -> int:
    """The bytes of all files in a folder; files that vanish or cannot be read count as none."""
    total = 0
    for path in folder.rglob("*"):
        with suppress(OSError):
            total += path.lstat().st_size if path.is_file() else 0
    return total


def _variables() -> Iterator[str]:
    for name in VARIABLES:
        if name in os.environ:
            yield f"{name}={os.environ[name]}"
