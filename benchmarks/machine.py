"""What a benchmark ran on: every recorded result begins with this line."""

import platform

import numpy as np
import torch

from forgery.training.device import describe


def machine(where: torch.device | None = None) -> str:
    """Processor or GPU, threads, and the versions that decide speed, in one line."""
    threads = torch.get_num_threads()
    return (
        f"{describe(where or torch.device('cpu'))}, {threads} thread{'' if threads == 1 else 's'}, "
        f"Python {platform.python_version()}, torch {torch.__version__}, numpy {np.__version__}"
    )
