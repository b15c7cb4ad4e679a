"""How many faults are tried: the same sample every time, or with `OSSATURE_FAULTS=all` every one."""

from __future__ import annotations

import os
import random
from typing import TypeVar

TRIES_ALL = os.environ.get("OSSATURE_FAULTS") == "all"
SEED = int(os.environ.get("OSSATURE_FAULTS_SEED", "1"))


def chance(*names: object) -> random.Random:
    """Random numbers of a test, the same for the same seed."""
    return random.Random(f"{SEED} {names}")


T = TypeVar("T")


def some(sample: T, all_of_them: T) -> T:
    """*sample* by default, *all_of_them* when all are asked for."""
    return all_of_them if TRIES_ALL else sample
