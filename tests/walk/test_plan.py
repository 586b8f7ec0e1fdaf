"""Plan of the walk in lanes: where walkers may jump and how far, births, and what a birth stands for."""

import math

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scenes import FAMILY, SPECULAR, STACK, L, faces, problem_of, scene
from shapes import harmonic_parameters

from mcpump.deck.read import deck_from_dict
from mcpump.problem.effort import longest_jump
from mcpump.problem.reduce import make_problem
from mcpump.problem.scene import FEWEST_JUMPED
from mcpump.textures.shapes import ENVELOPE_TANH
from mcpump.walk.blocks import groundwork_of
from mcpump.walk.plan import plan_of, slabs_of
from mcpump.walk.state import (
    BARRIER,
    FROM,
    JUMP_HIGH,
    JUMP_LOW,
    KIND_HIGH,
    KIND_LOW,
    NORMAL,
    QUANTILE,
    REFLECTS,
    RETURNS,
    START,
    TO,
)

SPIRAL = {"kind": "spiral", "cone_angle": 1.0, "angular_frequency": 1e-3, "wavelength": 300.0}
JUNCTION = {
    "kind": "junction", "interface": 2.0, "width": 0.7, "cone_angle": 0.5, "angular_frequency": 0.1,
}  # fmt: skip
RING = ("periodic", "periodic")


def scene_of(texture, ends, length=300.0, **run):
    """Scene of a deck in reduced units."""
    deck = {
        "units": "reduced",
        "electrons": {"exchange": 0.2, "spin_relaxation_time": 3000.0},
        "sample": {"x": {"length": length, "cells": 6, "left": ends[0], "right": ends[1]}},
        "texture": texture,
        "run": {"walkers": 16 * 64, "walkers_per_block": 64, **run},
    }
    return make_problem(deck_from_dict(deck, "test")).scene


def planned(given):
    """Plan of a scene in lanes."""
    problem = problem_of(given._replace(from_collisions=True))
    return plan_of(problem, groundwork_of(problem).source)


# --- jumps ----------------------------------------------------------------------------------------------------------


def test_jumps_can_be_switched_off():
    assert scene_of(SPIRAL, RING).jump >= FEWEST_JUMPED
    assert scene_of(SPIRAL, RING, jumps="off").jump == 0.0


def test_a_jump_is_short_against_the_texture_and_the_period():
    given = scene_of(SPIRAL, RING)
    assert given.jump <= 0.1 / given.Omega
    slow = given._replace(period=math.inf)
    assert math.sqrt(2.0 * longest_jump(slow) / 3.0) == pytest.approx(300.0 / (2.0 * math.pi) / 6.0)
    assert scene_of(JUNCTION, ("specular", "absorbing"), length=3.0).jump == 0.0


@pytest.mark.parametrize("name", ["ring", "junction", "stack", "rough-1"])
def test_small_samples_have_no_room_for_jumps(name):
    assert planned(FAMILY[name]._replace(jump=1000.0)).numbers.jump == 0.0


def test_ends_of_a_stretch():
    """A ring returns, a closed face mirrors, others and interfaces keep jumps off."""
    ring, _ = slabs_of(scene(planes=()))
    assert_allclose(ring[:, [JUMP_LOW, JUMP_HIGH, KIND_LOW, KIND_HIGH]], [[0.0, L, RETURNS, RETURNS]] * 2)
    closed, _ = slabs_of(scene(planes=(1.5,), **faces((SPECULAR, (0.0, 0.5)))))
    assert_allclose(closed[:, [JUMP_LOW, JUMP_HIGH, KIND_LOW, KIND_HIGH]], [[0.0, L, REFLECTS, BARRIER]] * 4)
    stack, _ = slabs_of(scene(layers=STACK, planes=(), **faces((SPECULAR, SPECULAR))))
    wanted = [[0.0, 1.0, REFLECTS, BARRIER], [1.0, 2.2, BARRIER, BARRIER], [2.2, L, BARRIER, REFLECTS]]
    assert_allclose(stack[:, [JUMP_LOW, JUMP_HIGH, KIND_LOW, KIND_HIGH]], wanted * 2)


def test_jumps_are_kept_off_the_texture_that_turns_spins():
    step = harmonic_parameters((0.0, 0.0, 0.5), (0.8, 0.0, 0.0), (0.0, 0.8, 0.0), (0.0,) * 3, 0.3, ENVELOPE_TANH,
                               (100.0, 0.0))  # fmt: skip
    given = scene(lengths=(400.0, 1.0, 1.0), parameters=step, planes=(), **faces((SPECULAR, SPECULAR)))
    slabs, _ = slabs_of(given, lambda x: np.where(x < 100.0, 1.0, 0.0))
    low, high, *kinds = slabs[0, [JUMP_LOW, JUMP_HIGH, KIND_LOW, KIND_HIGH]]
    assert (low, high) == pytest.approx((100.0, 400.0), abs=0.2)
    assert low < 100.0  # to the last place where there is some
    assert kinds == [BARRIER, REFLECTS]


# --- births ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["ring", "junction", "rough-1", "stack", "waves", "stack-2"])
def test_births_add_up_to_the_source(name):
    """Contents over the density of births, times the share that is born there, is all that is born."""
    given = FAMILY[name]
    if name == "stack-2":  # walls across, too; spins that do not turn
        given = given._replace(slots=(0, 1, -1, -1))
    problem = problem_of(given._replace(from_collisions=True))
    source = groundwork_of(problem).source
    births, contents = plan_of(problem, source).course[2:4]
    share = np.diff(births[:, QUANTILE])
    assert births[0, QUANTILE] == 0.0
    assert births[-1, QUANTILE] == 1.0
    assert np.all(share > 0.0)
    total = (source.rows[:, 0] * source.extents[:, None]).sum(axis=0)
    assert_allclose((contents[:, 0] * share[:, None]).sum(axis=0), total, rtol=1e-10, atol=1e-14)
    # nowhere less than 5 % of an even density
    assert np.all(share >= 0.05 * source.extents / source.extents.sum() * (1.0 - 1e-9))


@pytest.mark.parametrize("found", ["ordinates", "rays"])
def test_walkers_are_born_in_the_slab_of_their_place(found):
    """Planes and interfaces cut what is born, wherever they are in the cells."""
    given = FAMILY["stack"]._replace(planes=(0.3, 1.234))
    if found == "rays":
        given = scene(
            axes=2, channels=("first", "second"), layers=STACK, planes=given.planes, walkers_per_block=64,
            **faces((SPECULAR, (1.0, 1.0)), (SPECULAR, (0.0, 0.0))),
        )  # fmt: skip
    laid = planned(given)
    slabs, births = laid.course.slabs, laid.course.births[:-1]
    starts, half = slabs[:, START], len(slabs) // 2
    inside = births[births[:, 3] == 0.0]
    number = inside[:, 4].astype(int)
    assert np.all(inside[:, FROM] >= starts[:half][number] - 1e-9)
    assert np.all(inside[:, TO] <= slabs[:half, 4][number] + 1e-9)
    walls = births[(births[:, 3] != 0.0) & (births[:, NORMAL] == 0.0)]
    assert len(walls) > 0
    for wall in walls:
        ends = slabs[int(wall[4]), [START, 4]]
        assert wall[FROM] == pytest.approx(ends[0 if wall[3] > 0.0 else 1])


def test_a_number_that_is_rounding_does_not_say_where_walkers_are_born():
    """The same births for every axis of the precession, though the part along it is 0 to rounding only."""
    places = []
    for axis in ([0.0, 0.0, 1.0], [1.0 / 3.0, 2.0 / 3.0, -2.0 / 3.0]):
        texture = {**JUNCTION, "axis": axis}
        problem = problem_of(scene_of(texture, ("specular", "absorbing"), length=5.0))
        places.append(plan_of(problem, groundwork_of(problem).source).course.births)
    assert_allclose(places[1], places[0], rtol=1e-9, atol=1e-9)
