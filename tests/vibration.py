"""A synthetic vibration signal of a rotating machine, with planted faults of a bearing.

A healthy machine gives the harmonics of its shaft's speed. The speed and each harmonic's amplitude
and phase drift slowly; the sensor adds white noise. A damaged bearing adds short impulses, each of
which rings at a resonance far above the harmonics and decays within a few samples. They repeat at
a rate of their own with a little jitter, since the rolling elements slip: R. B. Randall and
J. Antoni, "Rolling element bearing diagnostics: a tutorial", Mechanical Systems and Signal
Processing 25(2), 2011.

The impulses carry less power than the harmonics' own drift, so that a window's power alone does not
show them; what a model of the healthy signal cannot reconstruct does.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

#: Shaft's revolutions per sample, and the largest relative drift of this speed.
SPEED, _SPEED_DRIFT = 1 / 48, 0.02
#: Amplitudes of the harmonics: of one, two, … revolutions.
_AMPLITUDES = (1.0, 0.6, 0.4, 0.25, 0.15)
#: Largest relative drift of an amplitude, and of a phase in radians.
_AMPLITUDE_DRIFT, _PHASE_DRIFT = 0.25, 1.0
#: Samples over which drifts run from one value to the next.
_SLOW = 2_000
#: Standard deviation of the sensor's white noise.
NOISE = 0.2
#: Impulses: samples between two of them, its jitter, peak, resonance in cycles per sample, decay.
_BETWEEN, _JITTER, _PEAK, _RESONANCE, _DECAY = 37, 2, 1.5, 0.31, 6.0
#: Length of a faulty section; it begins at a multiple of this, so that windows of a power of two,
#: cut one after another, are wholly faulty or wholly healthy.
SECTION = 4_096


@dataclass(frozen=True)
class Recording:
    """A recording of one sensor.

    Attributes:
        signal: float32 (samples,).
        faulty: bool (samples,), whether the sample lies in a section with impulses.
    """

    signal: NDArray[np.float32]
    faulty: NDArray[np.bool_]


def record(seed: int, samples: int = 1_000_000, faults: int = 0) -> Recording:
    """Return a recording; the same seed gives the same healthy signal, whatever `faults` is.

    Args:
        seed: seed of all drifts, of the noise and of the faults.
        samples: length of the recording.
        faults: number of faulty sections of `SECTION` samples, at random and apart.
    """
    draw = np.random.default_rng([seed, 0])
    turns = np.cumsum(SPEED * (1 + _SPEED_DRIFT * _drift(draw, samples)))
    signal = NOISE * draw.standard_normal(samples)
    for order, amplitude in enumerate(_AMPLITUDES, 1):
        size = amplitude * (1 + _AMPLITUDE_DRIFT * _drift(draw, samples))
        phase = draw.uniform(0, 2 * np.pi) + _PHASE_DRIFT * _drift(draw, samples)
        signal += size * np.sin(2 * np.pi * order * turns + phase)
    chance = np.random.default_rng([seed, 1])
    faulty = np.zeros(samples, np.bool_)
    for section in chance.choice(samples // SECTION, faults, replace=False):
        start = int(section) * SECTION
        signal[start : start + SECTION] += _impulses(chance)
        faulty[start : start + SECTION] = True
    return Recording(signal.astype(np.float32), faulty)


def windows(recording: Recording, size: int) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Cut disjoint windows: float32 (n, size), and bool (n,), whether any of it is faulty."""
    n = len(recording.signal) // size
    rows, faulty = recording.signal[: n * size], recording.faulty[: n * size]
    return rows.reshape(n, size), faulty.reshape(n, size).any(axis=1)


def _drift(draw: np.random.Generator, samples: int) -> NDArray[np.float64]:
    """Return values in [−1, 1] that run in straight lines between random ones."""
    knots = draw.uniform(-1, 1, samples // _SLOW + 2)
    return np.interp(np.arange(samples) / _SLOW, np.arange(len(knots)), knots)


def _impulses(chance: np.random.Generator) -> NDArray[np.float64]:
    """Return one section's impulses, of random sign and strength."""
    at = np.arange(_JITTER, SECTION - _JITTER, _BETWEEN)
    at += chance.integers(-_JITTER, _JITTER + 1, len(at))
    struck = np.zeros(SECTION)
    struck[at] = chance.choice([-1.0, 1.0], len(at)) * chance.uniform(0.8, 1.2, len(at))
    times = np.arange(round(8 * _DECAY))
    ringing = _PEAK * np.exp(-times / _DECAY) * np.cos(2 * np.pi * _RESONANCE * times)
    return np.convolve(struck, ringing)[:SECTION]
