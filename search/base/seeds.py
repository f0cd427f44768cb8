"""One seed a run, a child for every trial and purpose.

A child depends on its own key alone, never on how many were drawn before it: trial 7 has the same seed whether it is
trained first, last, again after a crash, or on another machine.
"""

from __future__ import annotations

from enum import IntEnum

import numpy as np

__all__ = ["Purpose", "Stream", "child", "generator", "integer", "stream"]


class Purpose(IntEnum):
    """What a seed is for. The numbers are part of every recorded run: never renumber, only append."""

    SPLIT = 0
    SAMPLER = 1
    TRIAL = 2
    REFIT = 3
    BOOTSTRAP = 4
    CONTROL = 5
    BALANCE = 6
    FINALIST = 7
    BASELINE = 8
    EVIDENCE = 9


def child(seed: int, purpose: Purpose, *key: int) -> np.random.SeedSequence:
    """The seed sequence of one purpose, and within it of one trial, fold or repeat.

    Args:
        seed: The run's seed. Zero is a seed like any other.
        purpose: What the child is for.
        *key: Trial number, fold, repeat: whatever tells it from its siblings.

    Returns:
        A sequence that is independent of all children with another key.
    """
    return np.random.SeedSequence(seed, spawn_key=(int(purpose), *key))


def generator(seed: int, purpose: Purpose, *key: int) -> np.random.Generator:
    """A NumPy generator for one purpose; `child` tells what the key means."""
    return np.random.default_rng(child(seed, purpose, *key))


def integer(seed: int, purpose: Purpose, *key: int) -> int:
    """A 31-bit integer for libraries that take no sequence (scikit-learn, Optuna, Keras)."""
    return int(child(seed, purpose, *key).generate_state(1)[0] & 0x7FFFFFFF)


class Stream(IntEnum):
    """What a job's seed is split into. The numbers are part of every recorded run: never renumber, only append.

    They start far above any fold or repeat, so that no stream of one job is the seed of another.
    """

    WEIGHTS = 1000
    ORDER = 1001
    DROPOUT = 1002
    AUGMENT = 1003


def stream(seed: np.random.SeedSequence, of: Stream, *key: int) -> np.random.SeedSequence:
    """One stream of a job's seed, and within it of one layer or epoch.

    The same call gives the same sequence every time; `SeedSequence.spawn` would count its calls.

    Args:
        seed: The job's seed.
        of: Which stream.
        *key: Layer or epoch: whatever tells it from its siblings.
    """
    return np.random.SeedSequence(seed.entropy, spawn_key=(*seed.spawn_key, int(of), *key))
