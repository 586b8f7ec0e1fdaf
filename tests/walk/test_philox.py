"""Random numbers: the published vectors, an independent implementation, uniform ranges, streams."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from parts import callable_from_python

from mcpump.compiled import twins
from mcpump.walk import arithmetic
from mcpump.walk.arithmetic import key
from mcpump.walk.events import STREAM_BIRTH
from mcpump.walk.lane_loops import STREAM_AZIMUTH, STREAM_WALK
from mcpump.walk.pulse import STREAM_DEATH, STREAM_FACE

NUMBERS = twins(arithmetic)
draw, philox, uniform, uniform52 = map(
    callable_from_python, (NUMBERS.draw, NUMBERS.philox, NUMBERS.uniform, NUMBERS.uniform52)
)
STREAMS = (STREAM_WALK, STREAM_BIRTH, STREAM_AZIMUTH, STREAM_DEATH, STREAM_FACE)
FULL = 2**32 - 1
WORD = st.integers(0, FULL)
# kat_vectors of Random123 (Salmon et al., SC'11): philox4x32, 10 rounds; counter, key, result
KNOWN = [
    ((0, 0, 0, 0), (0, 0), (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
    ((FULL, FULL, FULL, FULL), (FULL, FULL), (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)),
    (
        (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
        (0xA4093822, 0x299F31D0),
        (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
    ),
]


def plain_philox(counter, keys):
    """Philox4x32-10 in Python integers, written from the paper: ten S-P rounds, the key raised between them."""
    c, k = list(counter), list(keys)
    for turn in range(10):
        if turn:
            k = [(k[0] + 0x9E3779B9) % 2**32, (k[1] + 0xBB67AE85) % 2**32]
        high_0, low_0 = divmod(0xD2511F53 * c[0], 2**32)
        high_1, low_1 = divmod(0xCD9E8D57 * c[2], 2**32)
        c = [high_1 ^ c[1] ^ k[0], low_1, high_0 ^ c[3] ^ k[1], low_0]
    return tuple(c)


def words(*numbers):
    return [np.uint64(number) for number in numbers]


def draws(walker, number, stream, seed):
    return tuple(
        int(word) for word in draw(np.uint64(walker), np.uint64(number), np.uint64(stream), *key(seed))
    )


@pytest.mark.parametrize(("counter", "keys", "expected"), KNOWN)
def test_published_vectors(counter, keys, expected):
    assert plain_philox(counter, keys) == expected
    assert tuple(int(word) for word in philox(*words(*counter, *keys))) == expected


@settings(max_examples=300, deadline=None, derandomize=True)
@given(st.tuples(WORD, WORD, WORD, WORD), st.tuples(WORD, WORD))
def test_agrees_with_plain_integers(counter, keys):
    found = philox(*words(*counter, *keys))
    assert all(isinstance(int(word), int) and 0 <= int(word) <= FULL for word in found)
    assert tuple(int(word) for word in found) == plain_philox(counter, keys)


@settings(max_examples=200, deadline=None, derandomize=True)
@given(
    st.integers(0, 2**64 - 1), st.integers(0, 2**62 - 1), st.sampled_from(STREAMS), st.integers(0, 2**64 - 1)
)
def test_draw_counts_in_number_stream_and_walker(walker, number, stream, seed):
    counter = (number & FULL, (number >> 32) ^ int(stream), walker & FULL, walker >> 32)
    assert draws(walker, number, stream, seed) == plain_philox(counter, (seed & FULL, seed >> 32))


def test_uniform_numbers_lie_inside_the_open_interval():
    least, most = words(0, FULL)
    assert uniform(least) == 2.0**-33
    assert uniform(most) == 1.0 - 2.0**-33
    assert uniform52(least, least) == 2.0**-53
    assert uniform52(most, most) == 1.0 - 2.0**-53
    assert math.isfinite(math.log(uniform52(least, least)))
    assert math.log(uniform52(most, most)) < 0.0
    # the two ends lie symmetrically, so that the mean is 1/2 exactly
    assert uniform(least) + uniform(most) == 1.0
    assert uniform52(least, least) + uniform52(most, most) == 1.0
    # the high word decides, the low one refines by 2^-52
    assert uniform52(np.uint64(1), least) - uniform52(least, most) == 2.0**-52
    assert uniform52(*words(0, 4096)) - uniform52(*words(0, 0)) == 2.0**-52


def test_uniform_numbers_are_uniform():
    found = np.array([draws(walker, 0, STREAM_WALK, 7) for walker in range(20000)])
    for column in range(4):
        u = np.array([uniform(np.uint64(word)) for word in found[:, column]])
        for power in (1, 2, 3):
            error = math.sqrt((1.0 / (2 * power + 1) - 1.0 / (power + 1) ** 2) / len(u))
            assert abs((u**power).mean() - 1.0 / (power + 1)) < 4.0 * error
    correlation = np.corrcoef(found.T / 2.0**32)[np.triu_indices(4, 1)]
    assert np.all(np.abs(correlation) < 4.0 / math.sqrt(len(found)))


def test_key_is_the_low_and_the_high_half_of_the_seed():
    assert key(0) == (0, 0)
    assert key(2**64 - 1) == (FULL, FULL)
    assert key(0x0123456789ABCDEF) == (0x89ABCDEF, 0x01234567)
    assert all(isinstance(half, np.uint64) for half in key(1))


def test_both_halves_of_the_seed_matter():
    seeds = [0, 1, 2**31, 2**32 - 1, 2**32, 2**33, 2**63, 2**63 + 1, 2**64 - 1]
    assert len({draws(5, 3, STREAM_WALK, seed) for seed in seeds}) == len(seeds)


def test_streams_walkers_and_draws_do_not_collide():
    # different counters by construction: the streams differ in the four top bits of a word that holds
    # the draw's number above 2^32, and no walker draws 2^60 times
    assert len({int(stream) >> 28 for stream in STREAMS}) == len(STREAMS)
    assert all(int(stream) % 2**28 == 0 for stream in STREAMS)
    walkers = [0, 1, 2, 2**32 - 1, 2**32, 2**40 + 1]
    numbers = [0, 1, 2, 2**32 - 1, 2**32, 2**33]
    found = {draws(w, n, s, 1) for w in walkers for n in numbers for s in STREAMS}
    assert len(found) == len(walkers) * len(numbers) * len(STREAMS)
