"""Walks in thick metals and magnets: the exact numbers beyond diffusion, by walkers that nothing corrects."""

import math

import numpy as np
import pytest
from walks import (
    COS,
    DC,
    LOCAL,
    X,
    Y,
    Z,
    assert_agrees,
    assert_near,
    jackknife,
    problem_of,
    reduced_deck,
    walk,
)

from mcpump import theory
from mcpump.theory.medium import Medium

SLOW = 1e-5
"""Ωτ of a uniform precession so slow that −Ṡ_y = −Ω sin θ cos Ωt is a static source."""
UNIFORM = {"kind": "uniform", "cone_angle": math.pi / 2.0, "angular_frequency": SLOW}


@pytest.mark.parametrize("ratio", [0.5, 2.0])
def test_flux_out_of_a_half_space(ratio):
    """An even source before a face that absorbs: first flights, and all."""
    length = 12.0 / (1.0 + ratio)
    deck = reduced_deck(
        UNIFORM, length=length, cells=12, faces=("absorbing", "specular"), tau_sf=1.0 / ratio,
        walkers=131072, block=2048, planes=[0.0],
    )  # fmt: skip
    passages = walk(problem_of(deck)).passages[:, :, 0, COS, Y, 0] / SLOW
    medium = Medium.reduced(0.01, 1.0 / ratio)
    local, total = (float(theory.half_space_flux(medium, 1.0, local=part).real) for part in (True, False))
    assert passages[:, LOCAL].mean() == pytest.approx(local, rel=1e-8)
    assert_agrees(passages.sum(axis=1), total, "flux")


@pytest.mark.parametrize(("turn", "ratio"), [(0.3, 0.2), (1.0, 0.0), (3.0, 0.0)])
def test_ideal_step(turn, ratio):
    """j = (ħ/4π)(Re g n×ṅ − Im g ṅ) out of a thick magnet, g_Sh emitting ħ²νv_F/8: first flights, and all."""
    theta = 1.0
    deck = reduced_deck(
        {"kind": "uniform", "cone_angle": theta, "angular_frequency": SLOW}, length=12.0, cells=12,
        faces=("specular", "absorbing"), exchange=0.5 * turn, tau_sf=1.0 / ratio if ratio else "none",
        walkers=131072, block=2048, planes=[12.0],
    )  # fmt: skip
    deck["results"]["channels"] = ["exact"]
    passages = walk(problem_of(deck)).passages[:, :, 0, :, :, 0]
    medium = Medium.reduced(0.5 * turn, 1.0 / ratio if ratio else math.inf)
    # currents in ħνJ v_F: g_Sh emits 1/8 (ħ/τJ = 1/(turn/2)) of n×ṅ
    unit = SLOW * math.sin(theta) / (4.0 * turn)
    for local, samples in ((True, passages[:, LOCAL]), (False, passages.sum(axis=1))):
        g = theory.ideal_step_conductance(medium, local=local) / theory.sharvin_conductance(medium)
        for name, at, wanted in (
            ("along n×ṅ", samples[:, DC, Z], g.real * math.sin(theta)),
            ("along ṅ", samples[:, COS, Y], -g.imag),
            ("n×ṅ that turns", samples[:, COS, X], -g.real * math.cos(theta)),
        ):
            if local:  # known without walkers, to terms of order Ωħ/2J
                assert at.mean() / unit == pytest.approx(wanted, abs=2.0 * SLOW / turn)
            else:
                assert_agrees(at / unit, wanted, name, abs(g))


@pytest.mark.parametrize("ratio", [0.3, 2.0])
def test_current_inside_a_metal(ratio):
    """Behind an interface that passes by the cosine law, against what passed it; far less than Valet and Fert's."""
    depths = np.array([0.25, 0.5, 1.0, 2.0])
    end = 1.0 + 10.0 / (1.0 + ratio)
    deck = reduced_deck(
        {**UNIFORM, "kind": "junction", "width": 0.0, "interface": 1.0}, length=end, cells=16,
        faces=("absorbing", "specular"), walkers=1048576, block=4096, planes=[1.0, *(1.0 + depths)],
    )  # fmt: skip
    deck["layer"] = [
        {"start": 1.0, "transmission": 0.6, "specularity": 0.0, "passage": "diffuse",
         "spin_relaxation_time": 1.0 / ratio}
    ]  # fmt: skip
    current = walk(problem_of(deck)).passages.sum(axis=1)[:, 0, COS, Y]
    medium = Medium.reduced(0.01, 1.0 / ratio)
    share, error = jackknife(current, lambda mean: mean[1:] / mean[0])
    wanted = theory.half_space_current([0.0, *depths], medium).real
    assert_near(share, error, wanted[1:] / wanted[0], "current", small=0.05)
    excess, error = jackknife(
        current, lambda mean: np.exp(-depths * math.sqrt(3.0 * ratio)) * mean[0] / mean[1:]
    )
    assert_near(excess, error, theory.valet_fert_excess(depths, medium), "Valet and Fert", small=0.05)


@pytest.mark.parametrize("ratio", [0.1, 1.0])
def test_back_flow_of_a_thick_metal(ratio):
    """A thin magnet sends half of its births to an interface that passes T: 1/g_eff = 1/T + A/(1 − A), in g_Sh."""
    T, thin = 0.6, 1e-4
    end = thin + 12.0 / math.sqrt(3.0 * ratio)
    deck = reduced_deck(
        {**UNIFORM, "kind": "junction", "width": 0.0, "interface": thin}, length=end, cells=16,
        faces=("absorbing", "specular"), walkers=262144, block=2048, planes=[thin],
    )  # fmt: skip
    deck["layer"] = [
        {"start": thin, "transmission": T, "specularity": 0.0, "passage": "diffuse", "spin_relaxation_time": 1.0 / ratio}
    ]  # fmt: skip
    entered = walk(problem_of(deck)).passages.sum(axis=1)[:, 0, COS, Y, 0] / (-0.5 * SLOW * thin)
    medium = Medium.reduced(0.01, 1.0 / ratio)
    share = theory.thick_metal_conductance(1.0 - T, medium).real / theory.sharvin_conductance(medium)
    assert_agrees(entered, float(share), "g_eff/g_Sh")
