"""The plane pulse AZURV1 in space AND time: every cell of 201 × 20 against Ganapol's values.

A tally can conserve the total in every time bin and still put the walkers into the wrong cells; only the joint
table and causality see it.
"""

import tomllib
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import f as f_distribution
from walks import Z, assert_agrees, assert_near, block_sums, mean_and_error, problem_of

from mcpump.cli import examples
from mcpump.names import PARTS
from mcpump.walk.blocks import ground_of

REFERENCE = Path(__file__).with_name("azurv1_c1_cells.csv")
CELLS, BINS, H = 201, 20, 0.2
HALF = CELLS // 2 + 1
BLOCKS, BLOCK = 256, 16384


@pytest.fixture(scope="module")
def densities():
    """Local and total density in |x| cells and time bins, block by block: (blocks, 2, HALF, BINS)."""
    deck = tomllib.loads(examples.text("azurv1"))
    deck["run"] |= {"walkers": BLOCKS * BLOCK, "walkers_per_block": BLOCK, "first_flights": 1}
    problem = problem_of(deck)
    assert (problem.scene.cells[0], problem.scene.time_bins, problem.scene.lengths[0]) == (
        CELLS,
        BINS,
        CELLS * H,
    )
    found = np.empty((BLOCKS, 2, HALF, BINS))
    for block, sums in enumerate(block_sums(problem, ground_of(problem))):
        local, diffusive = (
            sums.profiles[problem.scene.profiles.index(f"{part} density"), :, Z] for part in PARTS[:2]
        )
        table = np.array([local, local + diffusive]).reshape(2, CELLS, BINS)
        assert not np.any(sums.profiles[..., :Z])
        found[block] = 0.5 * (table[:, CELLS // 2 :] + table[:, CELLS // 2 :: -1])
    return found


@pytest.fixture(scope="module")
def reference():
    """Cell averages of the exact density, (HALF, BINS)."""
    rows = np.loadtxt(REFERENCE, delimiter=",", comments="#", skiprows=1)
    assert rows.shape == (HALF * BINS, 5)
    return rows[:, 4].reshape(BINS, HALF).T


def weights():
    """How many of the mesh's cells each |x| cell stands for."""
    return np.where(np.arange(HALF) == 0, 1.0, 2.0)


def test_every_cell(densities, reference):
    # Cells that few walkers reach are no Gaussian variables: those with less than 400 visits expected are joined
    # into one per time bin. About 950 comparisons at 5 standard errors: false alarm 5e-4.
    mean, error = mean_and_error(densities[:, 1])
    visits = reference * H * weights()[:, None] * BLOCKS * BLOCK
    frequent = visits >= 400.0
    assert frequent.sum() > 700
    assert np.all(np.abs(mean - reference)[frequent] <= 5.0 * error[frequent])
    assert np.all(error[reference > 0.1] <= 0.01 * reference[reference > 0.1])
    assert np.all(error[frequent] <= 0.1 * reference[frequent])
    tails = np.einsum("bxt,xt->bt", densities[:, 1], weights()[:, None] * ~frequent)
    expected = (reference * weights()[:, None] * ~frequent).sum(axis=0)
    mean, error = mean_and_error(tails)
    reached = expected * H * BLOCKS * BLOCK >= 50.0
    assert reached.sum() >= 12
    assert np.all(np.abs(mean - expected)[reached] <= 5.0 * error[reached])


def test_ten_coarse_bins(densities, reference):
    # Hotelling's T² with the blocks' covariance; the threshold has a false-alarm probability of 1e-4.
    edges = (
        (0, 1, 2),
        (1, 3, 4),
        (3, 7, 8),
        (7, 13, 12),
        (13, 20, 18),
    )  # time bins from, to, |x| cells of the inner part
    coarse, expected = [], []
    for start, stop, inner in edges:
        for cells in (slice(0, inner), slice(inner, HALF)):
            w = weights()[cells, None] * H / (stop - start)
            coarse.append((densities[:, 1, cells, start:stop] * w).sum(axis=(1, 2)))
            expected.append((reference[cells, start:stop] * w).sum())
    samples, n = np.array(coarse).T, len(coarse)
    deviation = samples.mean(axis=0) - expected
    covariance = np.cov(samples.T) / BLOCKS
    t_squared = deviation @ np.linalg.solve(covariance, deviation)
    assert t_squared * (BLOCKS - n) / (n * (BLOCKS - 1)) <= f_distribution.isf(1e-4, n, BLOCKS - n)
    assert_agrees(samples, expected, "coarse bins", small=0.005)


def test_unscattered_part(densities):
    # Means of e^(−t)/2t over the part of each cell with |x| < t; errors against the bin's largest, since the cell
    # that holds the front is hardly reached.
    def inside(t, low, high):
        return max(0.0, min(high, t) - max(low, -t))

    for k in range(3):
        exact = np.zeros(HALF)
        for i in range(HALF):
            low, high = (i - 0.5) * H, (i + 0.5) * H
            breaks = sorted({k, k + 1, *(t for t in (abs(low), abs(high)) if k < t < k + 1)})
            exact[i] = sum(
                quad(lambda t, a=low, b=high: np.exp(-t) / (2.0 * t) * inside(t, a, b) / H, a, b)[0]
                for a, b in pairwise(breaks)
            )
        mean, error = mean_and_error(densities[:, 0, :, k])
        assert np.all(mean[exact == 0.0] == 0.0)
        seen = exact > 0.0
        assert_near(
            mean[seen], error[seen], exact[seen], f"unscattered, bin {k}", scale=exact.max(), small=0.02
        )
        assert_agrees(
            (densities[:, 0, :, k] * weights()).sum(axis=1) * H, np.exp(-k) - np.exp(-k - 1.0), "e^(−t)"
        )


def test_nobody_outruns_v_f_t(densities):
    low = (np.arange(HALF) - 0.5) * H
    for k in range(BINS):
        assert not np.any(densities[:, :, low > k + 1.0, k])
        assert np.all(densities[:, 1, low < 0.3 * k, k].mean(axis=0) > 0.0)


def test_total_is_conserved_in_every_time_bin(densities):
    total = (densities[:, 1] * weights()[:, None]).sum(axis=1) * H
    assert_agrees(total, 1.0, "walkers in each time bin", small=0.002)
