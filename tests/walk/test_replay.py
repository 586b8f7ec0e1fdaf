"""Replay of a walker, and walkers that stop the run: too many flights, numbers that are not finite."""

import functools
import math

import numpy as np
import pytest
from scenes import (
    ABSORBING,
    DIFFUSE,
    FAMILY,
    PLANE,
    SPECULAR,
    STACK,
    STILL,
    L,
    blocks_of,
    budget_of,
    faces,
    few_rays,
    problem_of,
    scene,
    transient,
    walked,
)  # fmt: skip
from test_pulse_walk import DECKS
from test_pulse_walk import problem_of as pulse_problem

from mcpump.errors import InputError, WalkerError
from mcpump.names import LINES, lines_of
from mcpump.problem.scene import Scales
from mcpump.textures.moving import no_user
from mcpump.textures.parameters import USER
from mcpump.textures.user import load_user_texture
from mcpump.walk.blocks import groundwork_of
from mcpump.walk.from_birth import follow_block, ways_of
from mcpump.walk.lane_block import walk_lane_block, walk_plan
from mcpump.walk.layout import GOES_ON, scene_tallies
from mcpump.walk.plan import plan_of
from mcpump.walk.pulse_block import pulse_tallies, walk_pulse, walk_pulse_block
from mcpump.walk.replay import replay
from mcpump.walk.state import NOT_FINITE, TOO_MANY_FLIGHTS
from mcpump.walk.walker import ENDINGS

HEAD = 2


def alone(given, only, most=2000, block=0, user=None):
    """One walker: (flights, what went wrong, steps of both traces or number), its traces and its budget."""
    user, tallies = user or no_user(), scene_tallies(given)
    traces = np.full((most, 9), -1.0), np.zeros((most, 9))
    returned = follow_block(given, user, ways_of(given, user), block, tallies, GOES_ON, only, traces)
    return returned, traces, tallies[2]


def table(text):
    """Rows of a replay's table, in words."""
    return [line.split() for line in text.splitlines()[HEAD:]]


LEFT = ("left_at_left", "left_at_right")
LINE_OF = {"relaxed": ("relaxed",), "absorbed": LEFT, "gate": LEFT, "end of time": ("cut",)}


@pytest.mark.parametrize(
    "given",
    [
        scene(**faces((ABSORBING, DIFFUSE))),
        scene(layers=STACK, channels=("first", "exact"), **faces((SPECULAR, (0.4, 0.2)))),
        FAMILY["closed"],
    ],
    ids=["open", "stack", "closed"],
)
def test_the_last_line_tells_how_the_walk_ended(given):
    endings = set()
    for only in range(given.walkers_per_block):
        (_, wrong, steps), traces, budget = alone(given, only)
        assert wrong == 0
        text = replay(problem_of(given), only)
        last = text.splitlines()[-1]
        (ending,) = [name for name in LINE_OF if f" {name} " in last]
        endings.add(ending)
        lines = dict(zip(lines_of(given.axes), np.abs(budget).max(axis=1) > 0.0, strict=True))
        used = {name for name in lines if lines[name]} - {"emitted", "torque", "stored"}
        assert len(used) == 1
        assert used <= set(LINE_OF[ending])
        assert len(text.splitlines()) == HEAD + sum(steps)
        age, x = traces[1][steps[1] - 1, 1:3] if steps[1] else traces[0][steps[0] - 1, 2:4]
        if ending in ("absorbed", "gate"):
            assert x == (0.0 if lines["left_at_left"] else L)
        if ending == "end of time":
            assert age == pytest.approx(given.t_max, rel=1e-14)
        # who is scattered in its first flight walks on
        assert (steps[1] > 0) == (ENDINGS[int(traces[0][steps[0] - 1, 1])] in ("impurity", "diffuse"))
    assert endings


def test_a_replay_tells_places_ages_and_the_spin():
    """Ages grow; from line to line the walker moves at the speed of its layer; the spin of `exact` keeps its length."""
    given = scene(
        layers=STACK, channels=("first", "exact"), axes=2, **faces((SPECULAR, DIFFUSE), (DIFFUSE, SPECULAR))
    )
    (_, _, steps), traces, _ = alone(given, 3, block=2)
    text = replay(problem_of(given), 2 * given.walkers_per_block + 3, most=sum(steps))
    title, head, *rows = text.splitlines()
    assert title == f"walker 35 (block 2, number 3 of it), seed {given.seed}: {sum(steps)} steps"
    assert head.split()[:2] == ["n", "end"]
    assert "x [ell]" in head
    assert "spin of `exact`" in head
    first, later = traces[0][: steps[0], 2:], traces[1][: steps[1]][:, [1, 2, 4, 5, 6, 7, 8]]
    assert len(first) > 0
    assert len(later) > 0
    trace = np.concatenate([first, later])
    found = np.array(
        [[float(word) for word in row.replace("end of time", "end").split()[2:]] for row in rows]
    )
    np.testing.assert_allclose(found, trace, rtol=1e-3, atol=1e-12)
    age = trace[:, 0]
    assert np.all(np.diff(age) >= 0.0)
    moved = np.hypot(np.diff(trace[:, 1]), np.diff(trace[:, 2]))
    assert np.all(moved <= 2.0 * np.diff(age) + 1e-12)
    np.testing.assert_allclose(np.linalg.norm(trace[:, 4:], axis=1), np.linalg.norm(trace[0, 4:]), rtol=1e-13)


def test_places_and_ages_are_in_the_units_of_the_deck():
    given = FAMILY["ring"]
    reduced = table(replay(problem_of(given), 1))
    si = replay(problem_of(given)._replace(scales=Scales(2e-9, 3e-15, 1.0, 1.0, 1.0, 1.0, True)), 1)
    assert "age [s]" in si
    assert "x [m]" in si
    for one, other in zip(reduced, table(si), strict=True):
        assert float(other[2]) == pytest.approx(3e-15 * float(one[2]), rel=1e-4)
        assert float(other[3]) == pytest.approx(2e-9 * float(one[3]), rel=1e-4)


@pytest.mark.parametrize("number", [-1, 2**48])
def test_a_number_that_is_no_walkers_is_refused(number):
    with pytest.raises(InputError, match=f"--walker {number} must lie between"):
        replay(problem_of(FAMILY["ring"]), number)


def test_the_way_of_a_walker_from_a_plane_does_not_depend_on_its_block():
    """Births on a plane are not stratified: the same number is the same walker, whatever the size of blocks."""
    texts = []
    for size in (16, 64):
        given = transient(**STILL, **{**PLANE, "initial_walkers": size}, walkers_per_block=size)
        texts.append([line[:5] for line in table(replay(problem_of(given), 37))])
    assert texts[0] == texts[1]
    assert len(texts[0]) > 1


def test_long_ways_are_cut_short():
    given = FAMILY["ring"]
    steps = [sum(alone(given, only)[0][2]) for only in range(given.walkers_per_block)]
    longest = steps.index(max(steps))
    steps = steps[longest]
    assert steps > 4
    text = replay(problem_of(given), longest, most=3)
    assert text.splitlines()[-1] == f"… {steps - 3} more"
    assert len(text.splitlines()) == HEAD + 3 + 1


@pytest.mark.parametrize("name", ["ring", "rough-1", "stack-2", "everywhere", "box"])
def test_too_many_flights_stop_the_general_walk(name):
    """The longest walker may take just as many flights as it does; with half of them the run stops with one's number."""
    given, block = (
        FAMILY[name]._replace(walkers_per_block=8, initial_walkers=4 if FAMILY[name].initial else 0),
        5,
    )
    taken = [alone(given, only, block=block)[0][0] for only in range(8)]
    most = max(taken)
    assert most > 1
    walked(given._replace(max_flights=most), block)
    few = most // 2
    with pytest.raises(WalkerError) as caught:
        walked(given._replace(max_flights=few), block)
    number = caught.value.walker
    assert taken[number - 8 * block] > few
    assert str(caught.value).startswith(
        f"walker {number} took more than run.max_flights = {few} flights: `mcpump replay DECK --walker {number}`"
    )
    (_, wrong, _), _, _ = alone(given._replace(max_flights=few), number - 8 * block, block=block)
    assert wrong == TOO_MANY_FLIGHTS


def pulse_alone(given, block, only, most=0):
    """One walker of a pulse: its flights, trace and budget."""
    tallies, trace = pulse_tallies(given), np.zeros((most, 2))
    flights, wrong, _ = walk_pulse(given, block, tallies, only=only, trace=trace)
    assert wrong == 0
    return flights, trace, np.outer(tallies.budget, np.array(given.initial_spin) / given.walkers_per_block)


def test_too_many_flights_stop_a_pulse():
    given, block = pulse_problem(DECKS["open"]).scene._replace(walkers_per_block=64), 5
    taken = [pulse_alone(given, block, only)[0] for only in range(64)]
    most = max(taken)
    walk_pulse_block(given._replace(max_flights=most), block)
    for limit in (most - 1, most // 2):
        with pytest.raises(WalkerError) as caught:
            walk_pulse_block(given._replace(max_flights=limit), block)
        assert 64 * block <= caught.value.walker < 64 * (block + 1)
        assert taken[caught.value.walker - 64 * block] > limit
        assert f"took more than run.max_flights = {limit} flights" in str(caught.value)


@pytest.mark.parametrize("name", DECKS)
def test_one_walker_of_a_pulse_alone_is_one_of_all(name):
    given = pulse_problem(DECKS[name]).scene._replace(walkers_per_block=24)
    whole = walk_pulse_block(given, 3)
    parts = [pulse_alone(given, 3, only) for only in range(24)]
    np.testing.assert_allclose(sum(budget for _, _, budget in parts), whole.budget, rtol=0.0, atol=1e-13)
    assert sum(flights for flights, _, _ in parts) == whole.flights


def test_replay_of_a_pulse_ends_where_the_walk_ends():
    """Ages grow from line to line, and who is absorbed is last seen at that face."""
    problem = pulse_problem(DECKS["open"])
    given, absorbed, cut = problem.scene, 0, 0
    for only in range(24):
        flights, trace, budget = pulse_alone(given, 2, only, most=5000)
        assert flights <= 5000
        text = replay(problem, 2 * given.walkers_per_block + only, most=5000)
        assert text.splitlines()[0].endswith(f"{flights} steps")
        assert len(table(text)) == flights
        ages, places = trace[:flights, 0], trace[:flights, 1]
        assert np.all(np.diff(ages) > 0.0)
        assert ages[0] > 0.0
        assert np.all((places >= 0.0) & (places <= given.lengths[0]))
        for line, face in (("left_at_left", 0.0), ("left_at_right", given.lengths[0])):
            if budget[LINES.index(line)].any():
                absorbed += 1
                assert places[-1] == face
        if budget[LINES.index("cut")].any():
            cut += 1
            assert ages[-1] == pytest.approx(given.t_end)
    assert absorbed > 0
    assert cut > 0


@pytest.mark.parametrize("name", ["junction", "stack", "waves"])
def test_replay_of_a_walker_in_lanes_tells_its_pieces(name, monkeypatch):
    """Ages grow, places lie in the sample, and the last piece ends where the walker's spin is booked."""
    few_rays(monkeypatch)
    problem = problem_of(FAMILY[name]._replace(from_collisions=True, walkers_per_block=24))
    given, ends = problem.scene, set()
    laid = plan_of(problem, groundwork_of(problem).source)
    for only in range(given.walkers_per_block):
        tallies, _, wrong, steps = walk_plan(laid, 2, only)
        assert wrong == 0
        text = replay(problem, 2 * 24 + only, most=5000)
        assert text.splitlines()[0].endswith(f"{steps} steps")
        rows = table(text)
        assert len(rows) == steps
        ages, places = (np.array([float(row[i]) for row in rows]) for i in (-3, -2))
        assert np.all(np.diff(ages) >= 0.0)
        assert ages[0] > 0.0
        assert np.all((places >= 0.0) & (places <= given.lengths[0]))
        used = tallies.budget.any(axis=1)
        (line,) = (
            line
            for i, line in enumerate(lines_of(given.axes))
            if used[i] and line not in ("emitted", "torque")
        )
        ends.add(line)
        if line.startswith("left"):
            assert rows[-1][0] == "gate"
        elif line == "relaxed":
            assert rows[-1][0] == "relaxed"
        if line in ("left_at_left", "left_at_right"):
            assert places[-1] == (0.0 if line == "left_at_left" else given.lengths[0])
    assert len(ends) > 1


def test_too_many_flights_stop_a_walk_in_lanes():
    problem = problem_of(
        FAMILY["stack"]._replace(from_collisions=True, walkers_per_block=64, score_interval=1)
    )
    laid = plan_of(problem, groundwork_of(problem).source)
    taken = [walk_plan(laid, 5, only)[1] for only in range(64)]
    most = max(taken)

    def limited(limit):
        return walk_lane_block(laid._replace(numbers=laid.numbers._replace(max_flights=limit),
                                             scene=laid.scene._replace(max_flights=limit)), 5)  # fmt: skip

    limited(most)
    for limit in (most - 1, most // 2):
        with pytest.raises(WalkerError) as caught:
            limited(limit)
        assert 64 * 5 <= caught.value.walker < 64 * 6
        assert taken[caught.value.walker - 64 * 5] > limit
        assert f"took more than run.max_flights = {limit} flights" in str(caught.value)


def test_a_failing_walker_is_replayed_to_where_it_failed():
    """Its table ends with the flight that was too many: no empty lines behind it."""
    given = scene(channels=("first",), max_flights=4, walkers_per_block=32)
    with pytest.raises(WalkerError) as caught:
        walked(given)
    rows = table(replay(problem_of(given), caught.value.walker, most=50))
    assert sum(row[1] in ("impurity", "collision") for row in rows) >= 4
    ages = [float(row[2]) for row in rows]
    assert ages == sorted(ages)
    assert ages[0] > 0.0


HOLES = {
    "in a thin place": "1.0001 < x < 1.0008",
    "in a wide place": "1.0 < x < 1.2",
    "for a time": "7.0 < t < 7.3",
}


@pytest.fixture(scope="module")
def holed(tmp_path_factory):
    """Makes textures that are not finite somewhere, once each."""
    folder = tmp_path_factory.mktemp("holes")

    @functools.lru_cache
    def made(hole, value="nan"):
        path = folder / f"{hole.replace(' ', '_')}_{value}.py"
        path.write_text(
            f"import math\n\ndef S(x, y, z, t):\n    if {HOLES[hole]}:\n        return math.{value}, 0.0, 0.0\n"
            "    return 0.5 * math.cos(0.3 * t), 0.5 * math.sin(0.3 * t), 0.5\n"
        )
        return load_user_texture(path), str(path)

    return made


@pytest.mark.parametrize("channels", [("first",), ("second_ladder",), ("exact",), ("first", "second")])
@pytest.mark.parametrize(
    ("hole", "value"),
    [
        ("in a thin place", "nan"),
        ("in a wide place", "nan"),
        ("for a time", "nan"),
        ("in a wide place", "inf"),
    ],
)
def test_a_number_that_is_not_finite_stops_the_walk(hole, value, channels, holed):
    user, path = holed(hole, value)
    given = scene(channels=channels, texture=USER, parameters=(0.0,) * 32, walkers_per_block=256)
    with pytest.raises(WalkerError, match="met a number that is not finite") as caught:
        blocks_of(given, 240, user)
    shown = replay(problem_of(given, path), caught.value.walker)
    # either this walker's way shows it, or the message says that it was a first flight of the local part
    assert "nan" in shown or "inf " in shown or "first flight" in str(caught.value)


def test_the_walker_that_met_it_is_named(holed):
    """Alone, a walker stops where its trace has a number that is not finite, and only then."""
    user, _ = holed("in a wide place")
    given = scene(channels=("exact",), texture=USER, parameters=(0.0,) * 32, walkers_per_block=64)
    stopped = 0
    for only in range(64):
        (_, wrong, number), traces, _ = alone(given, only, block=3, user=user)
        bad = not all(np.isfinite(trace).all() for trace in traces)
        assert (wrong == NOT_FINITE) == bad
        if bad:
            assert number == 3 * 64 + only
        stopped += bad
    assert stopped > 0


def test_a_number_that_is_not_finite_stops_a_pulse():
    given = pulse_problem(DECKS["open"]).scene
    for bad in (math.nan, math.inf):
        with pytest.raises(WalkerError, match="walker 960 met a number that is not finite"):
            walk_pulse_block(given._replace(initial_spin=(bad, 0.0, 0.0)), 3)


def test_budget_names_of_a_walker():
    """What `budget_of` of the tests calls lines is the order of the kernel's."""
    given = scene(axes=3, **faces((ABSORBING, ABSORBING), (SPECULAR, SPECULAR), (SPECULAR, SPECULAR)))
    lines = budget_of(given, walked(given))
    assert lines["left_at_left"].any() or lines["left_at_right"].any()
    for name in ("left_at_front", "left_at_back", "left_at_bottom", "left_at_top"):
        assert not lines[name].any()
