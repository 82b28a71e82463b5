"""What a benchmark ran on: every recorded result begins with this line."""

import platform

import numpy as np
import torch


def machine() -> str:
    """Processor, threads, and the versions that decide speed, in one line."""
    return (
        f"{processor()}, {torch.get_num_threads()} threads, Python {platform.python_version()}, "
        f"torch {torch.__version__}, numpy {np.__version__}"
    )


def processor() -> str:
    """The name of the processor as Linux states it, or what Python knows."""
    try:
        with open("/proc/cpuinfo") as lines:
            names = (line.split(":")[1] for line in lines if line.startswith("model name"))
            return next(names).strip()
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()
