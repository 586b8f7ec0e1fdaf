"""The compiled walk: its lane loops are vector code, and its loops count no references.

Looked at is what LLVM has made of `mcpump.walk.walkers`, compiled here apart from the cache,
which keeps no text: blocks of instructions, and which of them lie on a loop.
"""

import re

import numba
import numpy as np
import pytest
from llvmlite import binding
from numba import types
from scenes import FAMILY

from mcpump.deck.read import deck_from_dict
from mcpump.problem.reduce import make_problem
from mcpump.textures.moving import no_user
from mcpump.walk import lane_loops, pulse
from mcpump.walk.arithmetic import key
from mcpump.walk.blocks import groundwork_of
from mcpump.walk.course import plain
from mcpump.walk.from_birth import NO_FIRST_TRACE, NO_LANE_TRACE, lane_state, new_handed, ways_of
from mcpump.walk.handed import HANDED_ALIVE
from mcpump.walk.lane_block import NO_TRACE, tallies_of
from mcpump.walk.layout import GOES_ON, scene_tallies
from mcpump.walk.plan import plan_of, turning_of
from mcpump.walk.pulse_block import PULSE_TRACE, pulse_course, pulse_spins, pulse_tallies
from mcpump.walk.state import LANES as COUNT
from mcpump.walk.state import Spins, new_walkers
from mcpump.walk.walked_flights import (
    Jobs,
    walk_first_flights,
)
from mcpump.walk.walked_scores import (
    Books,
)
from mcpump.walk.walkers import walk_in_lanes

FEATURES = binding.get_host_cpu_features()
pytestmark = [
    pytest.mark.skipif(
        not binding.get_process_triple().startswith("x86_64"),
        reason="the instructions of x86-64 are looked for",
    ),
    pytest.mark.skipif(
        not (FEATURES.get("avx2") or FEATURES.get("avx512f")), reason="this processor has no AVX2 or AVX-512"
    ),
    pytest.mark.skipif(bool(numba.config.DISABLE_JIT), reason="nothing is compiled with NUMBA_DISABLE_JIT"),
]

WORD, FLOAT, INTEGER = types.uint64, types.float64, types.int64
FLOATS, INTEGERS, WORDS = (types.Array(kind, 1, "C") for kind in (FLOAT, INTEGER, WORD))
LANES = types.Array(FLOAT, 2, "C")
ROWS = types.Array(types.int32, 2, "C")
PULSE = {
    "units": "reduced",
    "electrons": {},
    "sample": {"x": {"length": 4.0, "cells": 4, "left": "specular", "right": "absorbing"}},
    "pulse": {"position": 2.0, "spin": [0, 0, 1]},
    "results": {"end": 3.0, "time_bins": 2},
}
PLAIN = numba.typeof(pulse_course(make_problem(deck_from_dict(PULSE)).scene)[0])
LANE_LOOPS = {
    # Philox's products of 32-bit words, words to numbers, the logarithm's division
    "lane_flights": (
        (INTEGER, INTEGER, LANES, WORDS, WORDS, WORDS, WORDS, INTEGERS, WORD, WORD),
        ("vpmuludq", "vmulpd", "vaddpd", "vdivpd"),
    ),
    "lane_pieces": (
        (INTEGER, LANES, WORDS, WORDS, INTEGERS, WORD, FLOAT),
        ("vmulpd", "vdivpd", "vcmp\\w*pd"),
    ),
    "lane_pieces_on_mesh": (
        (
            INTEGER,
            INTEGER,
            types.UniTuple(FLOAT, 3),
            types.UniTuple(types.boolean, 3),
            LANES,
            WORDS,
            WORDS,
            INTEGERS,
            WORD,
            FLOAT,
        ),
        ("vmulpd", "vdivpd", "vcmp\\w*pd"),
    ),
    # the rotation's square root, sine and cosine
    "lane_turns": (
        (INTEGER, LANES, FLOAT, FLOAT, FLOAT, FLOAT, FLOAT),
        ("vmulpd", "vaddpd", "vdivpd", "vsqrtpd"),
    ),
    "lane_kicks": ((INTEGER, LANES, FLOAT, FLOAT, FLOAT, FLOAT, FLOAT), ("vmulpd", "vaddpd", "vdivpd")),
    "lane_moves": ((INTEGER, LANES), ("vmovup[sd]",)),
    # of a pulse
    "lane_pairs": (
        (INTEGER, INTEGER, LANES, WORDS, WORDS, WORD, WORD),
        ("vpmuludq", "vmulpd", "vaddpd", "vdivpd"),
    ),
    "lane_collisions": (
        (INTEGER, INTEGER, PLAIN, INTEGER, LANES, ROWS, INTEGERS),
        ("vmulpd", "vaddpd", "vdivpd", "vcmp\\w*pd", "vcvttpd2\\w+"),
    ),
}
VECTOR = r"<[48] x double>"
COUNTS = re.compile(r"call [^\n]*@(NRT_incref|NRT_decref)\b|\batomicrmw\b")


def compiled(function, signature=None, arguments=()):
    """Compile a kernel without the cache: (LLVM's text after optimization, assembly)."""
    fresh = numba.njit(nogil=True, error_model="numpy")(getattr(function, "py_func", function))
    if signature is None:
        fresh(*arguments)
    else:
        fresh.compile(signature)
    (only,) = fresh.signatures
    return fresh.inspect_llvm(only), fresh.inspect_asm(only)


def functions(text):
    """The functions of LLVM's text: name → lines."""
    found = re.finditer(
        r"^define [^\n]*?@(\"[^\"]+\"|[\w.$]+)\([^\n]*\{\n(.*?)^\}", text, re.MULTILINE | re.DOTALL
    )
    return {match[1]: match[2].splitlines() for match in found}


def blocks_of(lines):
    """The basic blocks of a function: name → (text, names of the blocks that may follow)."""
    blocks, name = {"": []}, ""
    for line in lines:
        label = re.match(r"(\"[^\"]+\"|[\w.$-]+):", line)
        if label:
            name = label[1]
            blocks[name] = []
        else:
            blocks[name].append(line)
    follow = re.compile(r"label %(\"[^\"]+\"|[\w.$-]+)")
    return {name: ("\n".join(part), follow.findall("\n".join(part))) for name, part in blocks.items()}


def on_loops(lines):
    """Texts of the blocks of a function from which control may come back to them."""
    blocks = blocks_of(lines)
    found = {}
    for name, (text, _) in blocks.items():
        seen, ahead = set(), list(blocks[name][1])
        while ahead:
            one = ahead.pop()
            if one not in seen:
                seen.add(one)
                ahead += blocks[one][1]
        if name in seen:
            found[name] = text
    return found


def counted(text):
    """Blocks on loops that count references, in every function of a module: (function, block, what)."""
    found = []
    for name, lines in functions(text).items():
        if "NRT_" not in name:
            found += [
                (name, block, match[0])
                for block, part in on_loops(lines).items()
                for match in COUNTS.finditer(part)
            ]
    return found


@pytest.fixture(scope="module", params=[1.0, 0.5], ids=["rigid", "turning"])
def whole(request):
    """The walk's kernel, everything swallowed: LLVM's text. A precession that is not round turns spins in another way."""
    given = make_problem(
        deck_from_dict({
            "units": "reduced",
            "electrons": {"exchange": 0.1, "spin_relaxation_time": 20.0},
            "sample": {"x": {"length": 4.0, "cells": 4, "left": "specular", "right": "absorbing"}},
            "texture": {"kind": "junction", "interface": 2.0, "width": 0.7, "cone_angle": 0.5, "angular_frequency": 0.1,
                        "ellipticity": request.param},
            "results": {"planes": [2.0], "channels": ["first", "second", "second_ladder", "exact"]},
            "run": {"walkers": 32, "walkers_per_block": 2},
        })
    )  # fmt: skip
    plan = plan_of(given, groundwork_of(given).source)
    columns, tallies, turning = plan.columns, tallies_of(plan), turning_of(plan)
    assert (turning is None) == (request.param == 1.0)
    kinds = np.vstack([columns.relaxes, columns.mirrored])
    spin = Spins(np.zeros((COUNT, columns.row)), kinds, plan.table, turning)
    start = plan.numbers, plan.course, new_walkers(), spin, tallies
    return compiled(walk_in_lanes, arguments=(*start, key(1), GOES_ON, 0, -1, NO_TRACE))[0]


@pytest.mark.parametrize("name", LANE_LOOPS)
def test_a_lane_loop_alone_is_vector_code(name):
    signature, wanted = LANE_LOOPS[name]
    text, assembly = compiled(
        getattr(pulse if name in ("lane_pairs", "lane_collisions") else lane_loops, name), signature
    )
    for instruction in wanted:
        assert re.search(rf"\b{instruction}\s[^\n]*%[yz]mm", assembly), instruction
    loops = "\n".join("\n".join(on_loops(lines).values()) for lines in functions(text).values())
    assert re.search(VECTOR, loops)
    assert not counted(text)
    assert not re.search(r"call [^\n]*@(log|cos|sin|exp)\b", text)


def test_the_lane_loops_stay_vector_code_in_the_walk(whole):
    """What only they do: products of Philox, the logarithm's divisions, the rotation's roots, comparisons of a piece."""
    loops = [part for lines in functions(whole).values() for part in on_loops(lines).values()]

    def somewhere(*patterns):
        return any(all(re.search(pattern, part) for pattern in patterns) for part in loops)

    assert somewhere(r"mul [^\n]*<[48] x i64>", r"3528531795|-766435501")  # 0xD2511F53
    assert somewhere(rf"fdiv {VECTOR}", rf"fmul {VECTOR}")
    assert somewhere(r"@llvm.sqrt.v[48]f64")
    assert somewhere(rf"fcmp [^\n]*{VECTOR}", r"<[48] x i64>")
    assert somewhere(
        rf"fadd {VECTOR}[^\n]*-1\.0|fadd {VECTOR}[^\n]*splat \(double -1\.0"
    )  # directions, d = 3


def test_no_loop_of_the_walk_counts_references(whole):
    assert counted(whole) == []


def test_no_loop_counts_references_where_walkers_are_handed_over():
    given = FAMILY["charge-time"]
    ways, tallies = ways_of(given, no_user()), scene_tallies(given)
    handed = new_handed(given, 4)
    # who is handed over flies somewhere, and has birth times that have not ended
    handed.numbers[:, HANDED_ALIVE], handed.places[:, 3] = given.phases, 1.0
    state = lane_state(given, no_user(), ways, handed, tallies)
    start = ways.numbers._replace(walkers=4), ways.lanes, new_walkers(), *state
    text = compiled(walk_in_lanes, arguments=(*start, key(1), GOES_ON, 0, -1, NO_LANE_TRACE))[0]
    assert counted(text) == []


def test_no_loop_of_first_flights_counts_references():
    given = FAMILY["charge-time"]
    course, handed = ways_of(given, no_user()).course, new_handed(given, 16)
    jobs, books = Jobs(0, 0, 4), Books(*scene_tallies(given))
    arguments = plain(given), no_user(), key(1), course, GOES_ON, jobs, books, handed, NO_FIRST_TRACE
    assert counted(compiled(walk_first_flights, arguments=arguments)[0]) == []


def test_no_loop_of_a_pulse_counts_references():
    given = make_problem(deck_from_dict(PULSE)).scene
    start = *pulse_course(given), new_walkers(), pulse_spins(given), pulse_tallies(given)
    text = compiled(walk_in_lanes, arguments=(*start, key(1), GOES_ON, 0, -1, PULSE_TRACE))[0]
    assert counted(text) == []
    loops = [part for lines in functions(text).values() for part in on_loops(lines).values()]
    assert any(re.search(rf"fptosi {VECTOR}", part) for part in loops), "collisions are vector code"


def test_counting_in_a_loop_would_be_found():
    def careless(arrays):
        last = arrays[0]
        for array in arrays:
            if array[0] >= last[0]:
                last = array
        return last[0]

    arrays = numba.typed.List([np.zeros(3), np.ones(3)])
    assert counted(compiled(careless, arguments=(arrays,))[0])
