"""What readers of CF files ask of a results file: the CF checker, and units that UDUNITS and pint understand alike."""

import tempfile
from pathlib import Path

import cf_units
import h5py
import numpy as np
import pint
from compliance_checker.suite import CheckSuite

SKIPPED = (
    "check_invalid_same_named_dimension_across_groups",  # fails for groups that have no axis named time
    "check_coordinate_variables_strict_monotonicity",  # subtracts labels; `assert_numbers_in_order` does it for numbers
)
NO_DATE = "Coordinate variable 'time' should have standard_name='time', found: 'None'"
"""The checker takes an axis of this name for a calendar; ours counts from the beginning of the drive."""
_REGISTRY = pint.UnitRegistry()


def complaints(path):
    """What the checker of CF 1.11 says against a file, errors, warnings and recommendations."""
    CheckSuite.load_all_available_checkers()
    with tempfile.TemporaryDirectory() as folder:
        name = Path(folder) / "file.nc"  # it has a rule for names, too
        name.symlink_to(Path(path).resolve())
        suite = CheckSuite()
        dataset = suite.load_dataset(str(name))
        groups, failures = suite.run_all(dataset, ["cf:1.11"], skip_checks=SKIPPED)["cf:1.11"]
        dataset.close()
    assert failures == {}
    failed = [group for group in groups if group.value[0] < group.value[1]]
    return [text for group in failed for text in group.msgs if text != NO_DATE]


def assert_units(file):
    """UDUNITS reads every unit, and means by it what pint does."""
    for name, item in file.items():
        if (
            not isinstance(item, h5py.Dataset)
            or item.dtype.kind != "f"
            or item.attrs.get("NAME", b"").startswith(b"This")
        ):
            continue
        if name.endswith("_bounds"):
            continue  # units of its axis
        unit = item.attrs["units"]
        factor, base = _in_base_units(unit)
        assert cf_units.Unit(unit).is_convertible(cf_units.Unit(base)), (name, unit)
        assert np.isclose(cf_units.Unit(unit).convert(1.0, cf_units.Unit(base)), factor, rtol=1e-12), (
            name,
            unit,
        )


def _in_base_units(unit):
    quantity = (1 * _REGISTRY(unit.replace("^", "**") if unit != "1" else "dimensionless")).to_base_units()
    return quantity.magnitude, f"{quantity.units:~C}".replace("**", "^") or "1"


def assert_numbers_in_order(file):
    """Coordinates that are numbers grow, those with bounds lie between them."""
    for name, item in file.items():
        if not isinstance(item, h5py.Dataset) or item.dtype.kind != "f" or name.endswith("_bounds"):
            continue
        if item.is_scale and item.dtype.byteorder != ">":
            assert (np.diff(item[()]) > 0).all() or (np.diff(item[()]) < 0).all(), name
        if "bounds" in item.attrs:
            bounds = file[item.attrs["bounds"]][()]
            np.testing.assert_allclose(
                bounds.mean(axis=-1), item[()], rtol=1e-12, atol=1e-12 * np.nanmax(bounds)
            )


def assert_ancillary(file):
    """Quantities name their standard errors, which are there."""
    for name, item in file.items():
        if isinstance(item, h5py.Dataset) and f"{name}_stderr" in file:
            assert item.attrs["ancillary_variables"] == f"{name}_stderr"


def assert_conventional(path):
    """A file keeps to all of it."""
    with h5py.File(path) as file:
        assert_units(file)
        assert_numbers_in_order(file)
        assert_ancillary(file)
    assert complaints(path) == []
