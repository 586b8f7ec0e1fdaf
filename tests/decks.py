"""Decks that tests change, and what is expected of a refusal."""

import copy
import math

import pytest
from hypothesis import strategies as st

from mcpump.deck import deck_from_dict, read_deck
from mcpump.errors import InputError

JUNCTION = {
    "electrons": {"fermi_wavenumber": "13.6 /nm", "mean_free_path": "1 nm", "exchange": "50 meV"},
    "sample": {"x": {"length": "40 nm", "cells": 80, "left": "specular", "right": "absorbing"}},
    "texture": {
        "kind": "junction", "interface": "20 nm", "width": "3 nm", "cone_angle": "10 deg",
        "frequency": "10 GHz",
    },
    "results": {"planes": ["0 nm", "20 nm", "40 nm"]},
    "run": {"walkers": 1000},
}  # fmt: skip
SPIRAL = {
    "units": "reduced",
    "electrons": {"exchange": 0.05},
    "sample": {"x": {"length": 10.0, "cells": 10, "left": "periodic", "right": "periodic"}},
    "texture": {"kind": "spiral", "wavelength": 5.0, "cone_angle": 0.2, "frequency": 0.01},
    "results": {"planes": [5.0]},
}
PULSE = {
    "units": "reduced",
    "electrons": {},
    "sample": {"x": {"length": 10.0, "cells": 10, "left": "absorbing", "right": "absorbing"}},
    "pulse": {"position": 5.0},
    "results": {"end": 4.0, "time_bins": 4},
}


class GONE:
    """Takes a key away. A class, so that the names of tests are the same in every process."""


def changed(deck, **changes):
    """A copy with "a__b__c" = value; GONE takes the key away."""
    deck = copy.deepcopy(deck)
    for key, value in changes.items():
        *path, last = key.split("__")
        table = deck
        for part in path:
            table = table.setdefault(part, {})
        if value is GONE:
            del table[last]
        else:
            table[last] = value
    return deck


def sentence(deck):
    with pytest.raises(InputError) as caught:
        deck_from_dict(deck)
    text = str(caught.value)
    assert "\n" not in text
    assert "\x00" not in text
    assert len(text) < 400
    return text


STOP = {"quantity": "spin_current.total.z.dc", "at": 5.0, "relative_error": 0.01, "max_walkers": 10**6}
JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.just(10**400)
    | st.sampled_from(["1 nm", "0 nm", "-1 nm", "1 s", "auto", "none", "1e60 m", "9**9**9 nm"])
    | st.sampled_from(["periodic", "\ud800"])
    | st.sampled_from([1e-60, 1e60, -1e308, 1e-320, 0.5, 3]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)  # fmt: skip


def one_line(error):
    assert "\n" not in str(error)
    assert "\x00" not in str(error)
    str(error).encode()


def paths(deck, prefix=()):
    for key, value in deck.items():
        yield (*prefix, key)
        if isinstance(value, dict):
            yield from paths(value, (*prefix, key))


AXIS = {"length": 10.0, "cells": 4, "left": "periodic", "right": "periodic"}
CLOSED = {"length": 10.0, "cells": 4, "left": "specular", "right": {"absorption": 0.5}}
STACK = changed(
    JUNCTION,
    layer=[
        {"name": "spacer", "start": "10 nm", "transmission": 0.5, "specularity": 0.2, "passage": "diffuse"},
        {"start": "20 nm", "lifetime": "2 fs", "density_of_states": "20 1/(eV nm^3)"},
        {"start": "30 nm", "fermi_velocity": "1e6 m/s", "spin_diffusion_length": "none"},
    ],
)
RING = changed(SPIRAL, layer=[{"start": 2.0, "mean_free_path": 0.5}, {"start": 5.0}])
BOX = changed(SPIRAL, sample__y=AXIS, sample__z=CLOSED)
SLAB = changed(SPIRAL, sample__x=CLOSED, sample__y=CLOSED)
TEXTURES = {
    "penetration": {"kind": "penetration", "depth": 2.0, "cone_angle": 0.3, "frequency": 0.01},
    "domain_wall": {
        "kind": "domain_wall", "center": 5.0, "width": 1.0, "wall_angle": "90 deg", "amplitude": 0.5,
        "frequency": 0.01,
    },
    "vortex": {
        "kind": "vortex", "center": [5, -1.0], "core_radius": 1.0, "gyration_radius": 0.5, "frequency": 0.01,
        "circulation": -1, "polarity": -1, "sense": 1.0,
    },
    "skyrmion": {
        "kind": "skyrmion", "center": [5, 5], "radius": 2.0, "width": 0.5, "helicity": "90 deg", "polarity": -1,
        "vorticity": -1, "gyration_radius": 0, "angular_frequency": 0.1, "sense": -1,
    },
    "crossed_waves": {
        "kind": "crossed_waves", "c": 0.5, "b": 2.0, "wavelength": 5.0, "wavenumber_y": 0.4 * math.pi,
        "frequency": 0.1,
    },
}  # fmt: skip
MOVES = {name: changed(SLAB, texture=texture) for name, texture in TEXTURES.items()}
RUN_ON = {"end": 4.0, "time_bins": 8, "planes": [5.0]}
WALL = {"kind": "domain_wall", "center": 2.0, "width": 1.0, "velocity": -0.01}
TRANSIENT = changed(SPIRAL, results=RUN_ON)
INITIAL = {
    "units": "reduced", "electrons": {}, "sample": {"x": CLOSED}, "initial": {"spin": [0, 0, 1]},
    "results": RUN_ON,
}  # fmt: skip
RAMP, HUMP = {"kind": "ramp", "rise": 2.0}, {"kind": "pulse", "time": 2.0, "duration": 0.3}


def reread(deck, tmp_path):
    path = tmp_path / "resolved.toml"
    path.write_text(deck.resolved, encoding="utf-8")
    return read_deck(path)


RASHBA = {"field": "0.1 eV angstrom", "direction": [0, 2, 0]}
IMPURITY = {"coupling": "0.0005 nm^2"}
SI = changed(JUNCTION, spin_orbit={"contact_distance": "1 mm", "rashba": RASHBA, "impurity": IMPURITY})
SI_BAR = {
    "electrons": {"fermi_wavenumber": "13.6 /nm", "mean_free_path": "1 nm", "spin_diffusion_length": "5 nm"},
    "sample": {"x": {"length": "40 nm", "cells": 40, "left": "specular", "right": "diffuse"}},
    "electric_field": {"field": "1 kV/m", "direction": [0, 1, 0]},
    "spin_orbit": {"impurity": {"spin_hall_angle": 0.02}},
}
