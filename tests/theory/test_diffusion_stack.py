"""Stacks of layers: walls and interfaces against closed forms, profiles against cosh and sinh, the budget."""

import math

import numpy as np
import pytest

from mcpump import theory
from mcpump.theory.boundary_layer import face_resistance, interface_resistance
from mcpump.theory.diffusion import END_POINT, diffusion_slab
from mcpump.theory.diffusion_stack import diffusion_stack
from mcpump.theory.medium import Medium

MEAN_COSINE = {1: 1 / 2, 2: 1 / math.pi, 3: 1 / 4}
DIMENSIONS = (1, 2, 3)


def layer(v=1.0, tau=1.0, nu=1.0, tau_sf=math.inf, dimension=3):
    return Medium(v, tau, 0.1, nu, tau_sf, dimension, 1.0)


# --- walls and interfaces ----------------------------------------------------------------------


@pytest.mark.parametrize("dimension", DIMENSIONS)
def test_reservoir_stands_at_the_end_point_of_milne(dimension):
    medium = layer(1.3, 0.7, 2.1, dimension=dimension)
    z0 = END_POINT[dimension] * medium.ell
    assert face_resistance(medium) == pytest.approx(z0 / (medium.nu * medium.D), rel=1e-11)


@pytest.mark.parametrize("dimension", DIMENSIONS)
@pytest.mark.parametrize("absorption", [0.01, 0.3, 0.9])
def test_face_that_absorbs_some(dimension, absorption):
    medium = layer(1.3, 0.7, 2.1, dimension=dimension)
    c = MEAN_COSINE[dimension] * medium.nu * medium.v_F
    diffuse, specular = (face_resistance(medium, absorption, p) for p in (0.0, 1.0))
    assert diffuse == pytest.approx(face_resistance(medium) + (1 - absorption) / (absorption * c), rel=1e-11)
    if dimension == 1:
        assert specular == pytest.approx(diffuse, rel=1e-12)
    else:
        assert diffuse < specular < 1.07 * diffuse
    assert face_resistance(medium, 0.0) == math.inf


@pytest.mark.parametrize("dimension", DIMENSIONS)
@pytest.mark.parametrize("transmission", [0.01, 0.4, 1.0])
def test_diffuse_interface(dimension, transmission):
    left, right = layer(dimension=dimension), layer(0.6, 1.7, 2.5, dimension=dimension)
    c = np.array([1.0, 1.5])
    a, z0 = MEAN_COSINE[dimension], END_POINT[dimension]
    expected = 1 / (a * c.min() * transmission) - (1 / a - dimension * z0) * (1 / c).sum()
    found = interface_resistance(left, right, transmission, specularity=0.0, straight=False)
    assert found == pytest.approx(expected, rel=1e-11)
    assert interface_resistance(right, left, transmission, 0.0, False) == pytest.approx(found, rel=1e-11)


@pytest.mark.parametrize("dimension", DIMENSIONS)
def test_straight_interface_between_equal_media(dimension):
    medium = layer(dimension=dimension)
    a = MEAN_COSINE[dimension]

    def relative(transmission, specularity=1.0):  # to (1 − T)/(a T)
        R = interface_resistance(medium, medium, transmission, specularity)
        return R * a * transmission / (1 - transmission)

    assert interface_resistance(medium, medium, 1.0) == 0.0
    assert interface_resistance(medium, medium, 0.0) == math.inf
    # half of the electrons reflected, half from the other side: the incoming are none, as at two reservoirs
    assert interface_resistance(medium, medium, 0.5) == pytest.approx(2 * face_resistance(medium), rel=1e-11)
    assert relative(1e-4) == pytest.approx(1.0, abs=3e-5)
    # few reflections: they dissipate (1 − T) ∫ cosθ (Δf)², which the unperturbed f ∝ d cosθ gives
    cubes = {1: 1 / 2, 2: 2 / (3 * math.pi), 3: 1 / 8}[dimension]
    assert relative(1 - 1e-6) == pytest.approx(4 * dimension**2 * cubes * a, rel=1e-5)
    squares = 2 * cubes + 2 * (0.5 / dimension) ** 2 / a
    assert relative(1 - 1e-6, 0.0) == pytest.approx(dimension**2 * squares * a, rel=1e-5)


def test_straight_passage_between_unlike_media_is_that_of_half_fluxes_in_one_dimension():
    left, right = layer(dimension=1), layer(0.6, 1.7, 2.5, dimension=1)
    for transmission in (0.2, 1.0):
        mean_share = 0.5 * transmission * (1 + 1 / 1.5)
        expected = (1 - mean_share) / (0.5 * transmission)
        assert interface_resistance(left, right, transmission) == pytest.approx(expected, rel=1e-12)


def test_numbers_that_are_no_probabilities():
    with pytest.raises(ValueError, match=r"transmission must be from 0 to 1, not 1\.5"):
        interface_resistance(layer(), layer(), 1.5)
    with pytest.raises(ValueError, match="specularity"):
        face_resistance(layer(), 0.5, -0.1)
    with pytest.raises(ValueError, match="one dimension"):
        interface_resistance(layer(), layer(dimension=2), 0.5)


# --- profiles ------------------------------------------------------------------------------------


def uneven(length, cells, *needed):
    """Edges of uneven cells, `needed` among them."""
    rng = np.random.default_rng(7)
    inner = rng.uniform(0.02, 0.98, cells - 1 - len(needed)) * length
    return np.sort(np.concatenate([[0.0, length], needed, inner]))


@pytest.mark.parametrize(
    "faces",
    [("closed", "closed"), ("absorbing", "closed"), ("closed", "absorbing"), ("periodic", "periodic")],
)
@pytest.mark.parametrize("frequency", [0.0, 0.3])
@pytest.mark.parametrize("tau_sf", [4.0, math.inf])
def test_one_layer_is_the_slab(faces, frequency, tau_sf):
    rng = np.random.default_rng(5)
    source = rng.normal(size=(3, 17)) + 1j * rng.normal(size=(3, 17))
    medium = layer(nu=2.0, tau_sf=tau_sf)
    for media, starts in (([medium], [0.0]), ([medium] * 3, [0.0, 1.2, 3.0])):
        stack = diffusion_stack(
            source, np.arange(18) * 0.3, media, starts, 0.0, frequency, left=faces[0], right=faces[1]
        )
        g, flux = diffusion_slab(source, 0.3, medium, frequency, *faces)
        np.testing.assert_allclose(stack.density, g, rtol=1e-9, atol=1e-11)
        np.testing.assert_allclose(stack.flux, flux, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("left", ["closed", "absorbing", 0.7, "periodic"])
@pytest.mark.parametrize(("frequency", "tau_sf"), [(0.0, 30.0), (0.2, math.inf), (0.0, math.inf)])
def test_budget_of_every_cell_of_a_stack(left, frequency, tau_sf):
    edges = uneven(9.0, 23, 2.0, 5.5)
    width = np.diff(edges)
    media = [layer(), layer(0.5, 2.0, 3.0, tau_sf), layer(1.4, 0.6, 0.5, 2 * tau_sf)]
    source = np.random.default_rng(5).normal(size=(3, 23)) + 0j
    right = "periodic" if left == "periodic" else "closed"
    density, flux = diffusion_stack(
        source, edges, media, [0.0, 2.0, 5.5], [0.3, 0.8, 2.0], frequency, left, right
    )
    index = np.searchsorted([2.0, 5.5], edges[:-1], side="right")
    nu, gamma = (np.array([f(m) for m in media])[index] for f in (lambda m: m.nu, lambda m: 1 / m.tau_sf))
    if frequency == 0.0 and tau_sf == math.inf and left in ("closed", "periodic"):
        np.testing.assert_allclose(density @ width, 0.0, atol=1e-11)
        source = source - nu * (source @ width / (nu @ width))[:, None]
    residual = (gamma + 1j * frequency) * density * width + np.diff(flux, axis=-1) - source * width
    np.testing.assert_allclose(residual, 0.0, atol=1e-11)
    if left == 0.7:
        half = 0.5 * width[0] / media[0].D
        np.testing.assert_allclose(flux[:, 0], -density[:, 0] / (0.7 + half), rtol=1e-12)


def test_uniform_potential_stays_uniform_in_any_stack():
    edges = uneven(9.0, 30, 2.0, 5.5)
    media = [layer(tau_sf=3.0), layer(0.5, 2.0, 3.0, 7.0), layer(1.4, 0.6, 0.5, 11.0)]
    index = np.searchsorted([2.0, 5.5], edges[:-1], side="right")
    nu = np.array([1.0, 3.0, 0.5])[index]
    relaxed = nu / np.array([3.0, 7.0, 11.0])[index]
    density, flux = diffusion_stack(relaxed, edges, media, [0.0, 2.0, 5.5], [0.0, 0.8, 5.0])
    np.testing.assert_allclose(density, nu, rtol=1e-12)
    np.testing.assert_allclose(flux, 0.0, atol=1e-12)


@pytest.mark.parametrize("frequency", [0.0, 0.02])
def test_two_layers_with_a_resistance_between_them(frequency):
    # uniform source in 0 < x < a, nothing behind: μ = s/κ²νD + A cosh κx, B cosh κ'(L − x)
    F, N, a, L, R = layer(nu=2.0, tau_sf=30.0), layer(0.7, 1.4, 0.8, 15.0), 4.0, 11.0, 1.7
    k, k2 = (np.sqrt((1 / m.tau_sf + 1j * frequency) / m.D) for m in (F, N))
    s, s2 = F.nu * F.D * k, N.nu * N.D * k2
    height = 1 / (F.nu * F.D * k**2)
    # −s A sinh ka = s2 B sinh k2(L − a) = j;  height + A cosh ka − B cosh k2(L − a) = R j
    out = 1 / (np.tanh(k * a) * s) + R + 1 / (np.tanh(k2 * (L - a)) * s2)
    j = height / out
    A, B = -j / (s * np.sinh(k * a)), j / (s2 * np.sinh(k2 * (L - a)))
    errors = []
    for cells in (110, 220):
        edges = np.linspace(0, L, cells + 1)
        x, inside = 0.5 * (edges[1:] + edges[:-1]), edges[:-1] < a - 1e-9
        density, flux = diffusion_stack(inside + 0.0, edges, [F, N], [0.0, a], [0.0, R], frequency)
        exact = np.where(inside, F.nu * (height + A * np.cosh(k * x)), N.nu * B * np.cosh(k2 * (L - x)))
        errors.append(np.abs(density - exact).max() / np.abs(exact).max())
        current = np.where(edges < a, -s * A * np.sinh(k * edges), s2 * B * np.sinh(k2 * (L - edges)))
        np.testing.assert_allclose(flux, current, atol=3e-4 * abs(j))
    assert errors[1] < 1e-4
    assert errors[0] / errors[1] == pytest.approx(4.0, rel=0.05)


@pytest.mark.parametrize("ratio", [1.0, 2.0, 10 / 3, 20 / 3])
def test_layer_of_valet_and_fert(ratio):
    medium = layer(nu=3.0, tau_sf=1200.0)  # λ_s = 20 ℓ
    lam, cells = 20.0, 2000
    edges = np.linspace(0, ratio * lam, cells + 1)
    source = np.zeros(cells)
    source[0] = 1 / edges[1]  # a current of one through the first cell
    density, flux = diffusion_stack(source, edges, [medium], [0.0])
    assert flux[cells // 2].real == pytest.approx(
        theory.layer_current(0.5 * ratio * lam, ratio * lam, lam), rel=1e-3
    )
    if ratio == 2.0:
        assert flux[cells // 2].real == pytest.approx(0.324027, rel=1e-3)
    assert 0.5 * (flux[1:] + flux[:-1])[1:].sum().real / (cells - 1) == pytest.approx(
        theory.layer_mean_current(ratio * lam, lam), rel=4e-3
    )
    x = 0.5 * (edges[1:] + edges[:-1])
    np.testing.assert_allclose(
        density / density[0], theory.layer_density(x, ratio * lam, lam) / theory.layer_density(x[0], ratio * lam, lam),
        rtol=1e-5,
    )  # fmt: skip


def test_symmetric_stack_is_its_own_mirror():
    F, N = layer(nu=2.0, tau_sf=30.0), layer(0.7, 1.4, 0.8, 90.0)
    R = interface_resistance(F, N, 0.4)
    assert interface_resistance(N, F, 0.4) == pytest.approx(R, rel=1e-12)
    edges = np.linspace(0, 12, 61)
    x = 0.5 * (edges[1:] + edges[:-1])
    source = np.cos(x) + 0.1 * x
    stack = edges, [F, N, F], [0.0, 3.0, 9.0], [0.0, R, R], 0.01
    density, flux = diffusion_stack(source, *stack, "absorbing", "closed")
    mirrored, mirrored_flux = diffusion_stack(source[::-1], *stack, "closed", "absorbing")
    np.testing.assert_allclose(mirrored[::-1], density, rtol=1e-11)
    np.testing.assert_allclose(-mirrored_flux[::-1], flux, rtol=1e-9, atol=1e-13)
    jump = np.diff(density / np.where((x > 3) & (x < 9), N.nu, F.nu))
    assert abs(jump[14]) > 5 * abs(jump[13])


def test_periodic_stack_may_begin_anywhere():
    F, N, edges = layer(nu=2.0, tau_sf=30.0), layer(0.7, 1.4, 0.8, 90.0), np.linspace(0, 12, 61)
    source = np.random.default_rng(3).normal(size=60)
    faces = "periodic", "periodic"
    density, flux = diffusion_stack(source, edges, [F, N], [0.0, 4.0], [0.5, 1.5], 0.0, *faces)
    rolled = diffusion_stack(np.roll(source, 10), edges, [N, F, N], [0, 2, 6], [0.0, 0.5, 1.5], 0.0, *faces)
    np.testing.assert_allclose(rolled.density, np.roll(density, 10), rtol=1e-9)
    np.testing.assert_allclose(rolled.flux[:-1], np.roll(flux[:-1], 10), rtol=1e-9, atol=1e-12)


def test_stacks_that_cannot_be():
    edges, media, ones = np.linspace(0, 1, 5), [layer(), layer()], np.ones(4)
    with pytest.raises(ValueError, match="edge of the mesh"):
        diffusion_stack(ones, edges, media, [0.0, 0.3])
    with pytest.raises(ValueError, match="one start per layer"):
        diffusion_stack(ones, edges, media, [0.0])
    with pytest.raises(ValueError, match="no cell"):
        diffusion_stack(ones, edges, media, [0.0, 1.0])
    with pytest.raises(ValueError, match="two cells"):
        diffusion_stack(ones, edges[:-1], media, [0.0, 0.5])
    with pytest.raises(ValueError, match="pairs"):
        diffusion_stack(ones, edges, media, [0.0, 0.5], left="periodic")
    with pytest.raises(ValueError, match="not 'open'"):
        diffusion_stack(ones, edges, media, [0.0, 0.5], left="open")
    with pytest.raises(ValueError, match="0 or more"):
        diffusion_stack(ones, edges, media, [0.0, 0.5], right=-1.0)
    with pytest.raises(ValueError, match="interface must be 0 or more"):
        diffusion_stack(ones, edges, media, [0.0, 0.5], [0.0, -1.0])
