"""OVF files: every format, files of other hands, broken files, series and their times, what is written is read."""

import json
import math
import os
import re
import shutil
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mcpump.errors import InputError
from mcpump.textures.ovf import Mesh, read_ovf, write_ovf
from mcpump.textures.ovf_series import find_files, not_magnetization, read_series, read_times

DATA = Path(__file__).parents[1] / "data" / "ovf"
REFERENCE = json.loads((DATA / "discretisedfield-read.json").read_text())
MESH = Mesh((3, 2, 2), (1e-9, 2e-9, 3e-9), (0.0, -4e-9, 5e-9))
HEADER_2 = """# OOMMF OVF 2.0
# Segment count: 1
# Begin: Segment
# Begin: Header
# Title: by hand
# Desc: Total simulation time: 2.5e-10 s
# meshtype: rectangular
# meshunit: nm   ## a comment
# xbase: 0.5
# ybase: -3
# zbase: 6.5
# xstepsize: 1
# ystepsize: 2
# zstepsize: 3
# xnodes: 3
# ynodes: 2
# znodes: 2
# xmin: 0
# ymin: -4
# zmin: 5
# xmax: 3
# ymax: 0
# zmax: 11
# valuedim: 3
# valuelabels: m_x {m y} "m z"
# valueunits: 1
# End: Header
"""
HEADER_1 = "\n".join(
    line.replace("OOMMF OVF 2.0", "OOMMF: rectangular mesh v1.0").replace("valueunits: 1", "valueunit: kA/m")
    for line in HEADER_2.splitlines()
    if "valuedim" not in line and "valuelabels" not in line
)


def numbers(count=12):
    return np.arange(3 * count, dtype=float).reshape(count, 3) - 7.25


def binary(header, width, order, values, check=None):
    check = {4: 1234567.0, 8: 123456789012345.0}[width] if check is None else check
    data = np.array([check, *values.ravel()], f"{order}f{width}").tobytes()
    name = f"Data Binary {width}"
    return (
        f"{header.rstrip()}\n# Begin: {name}\n".encode()
        + data
        + f"\n# End: {name}\n# End: Segment\n".encode()
    )


def text(header, values):
    rows = "\n".join(" ".join(map(repr, row.tolist())) for row in values)
    return f"{header.rstrip()}\n# Begin: Data Text\n{rows}\n# End: Data Text\n# End: Segment\n".encode()


@pytest.fixture
def file(tmp_path):
    def write(content):
        path = tmp_path / "m.ovf"
        path.write_bytes(content)
        return path

    return write


def refused(content, file, *words):
    with pytest.raises(InputError) as caught:
        read_ovf(file(content)).vectors()
    sentence = str(caught.value)
    assert "\n" not in sentence
    assert "m.ovf" in sentence
    assert len(sentence) < 600
    for word in words:
        assert word in sentence, sentence


@pytest.mark.parametrize("name", sorted(REFERENCE))
def test_reads_what_discretisedfield_reads(name):
    snapshot, want = read_ovf(DATA / name), REFERENCE[name]
    assert list(snapshot.mesh.cells) == want["cells"]
    assert snapshot.components == 3
    np.testing.assert_allclose(snapshot.mesh.step, want["step"], rtol=1e-6)
    np.testing.assert_allclose(snapshot.mesh.corner, want["corner"], atol=1e-6 * min(want["step"]))
    field = snapshot.field()
    np.testing.assert_allclose(
        field.mean(axis=(0, 1, 2)), want["mean"], rtol=1e-6, atol=1e-6 * abs(field).max()
    )
    assert field[0, 0, 0].tolist() == want["first"]
    assert field[-1, -1, -1].tolist() == want["last"]
    # their arrays are (x, y, z)
    assert field[0, 0, 1].tolist() == want["second"]


def test_formats_of_other_hands_agree():
    for family in ("oommf-ovf1-{}-cut.omf", "oommf-ovf2-{}.omf", "discretisedfield-{}.ovf"):
        single, double, words = (read_ovf(DATA / family.format(kind)) for kind in ("bin4", "bin8", "txt"))
        assert single.dtype[1:] == "f4"
        assert double.dtype[1:] == "f8"
        assert words.dtype == ""
        assert single.dtype[0] == (">" if "ovf1" in family else "<")
        np.testing.assert_allclose(double.vectors(), words.vectors(), rtol=1e-13)
        np.testing.assert_allclose(single.vectors(), double.vectors(), rtol=1e-7, atol=0.1)


@pytest.mark.parametrize("kind", ["text", "csv", "bin8"])
def test_files_of_spirit(kind):
    """Its library pads the count of segments (000001), and has a text with commas."""
    snapshot = read_ovf(DATA / f"spirit-{kind}.ovf")
    assert (snapshot.mesh.cells, snapshot.time, snapshot.labels) == ((10, 1, 1), 0.0, ("sx", "sy", "sz"))
    np.testing.assert_allclose(snapshot.mesh.step, 1e-9)
    angle = math.radians(10.0)
    np.testing.assert_allclose(snapshot.vectors(), [[math.sin(angle), 0.0, math.cos(angle)]] * 10, atol=1e-12)
    np.testing.assert_array_equal(snapshot.vectors(2, 3), snapshot.vectors()[2:5])
    assert not not_magnetization(snapshot)


@pytest.mark.parametrize("header", [HEADER_1, HEADER_2])
@pytest.mark.parametrize("kind", [(4, "<"), (4, ">"), (8, "<"), (8, ">"), None])
@pytest.mark.parametrize(
    "change", [str, str.upper, lambda h: h.replace("\n", "\r\n"), lambda h: h.replace(": ", "  :")]
)
def test_every_format_by_hand(header, kind, change, file):
    header = change(header)
    content = binary(header, *kind, numbers()) if kind else text(header, numbers())
    snapshot = read_ovf(file(content))
    assert snapshot.mesh.cells == MESH.cells
    np.testing.assert_allclose(snapshot.mesh.step, MESH.step)
    np.testing.assert_allclose(snapshot.mesh.corner, MESH.corner, atol=1e-20)
    assert snapshot.time == 2.5e-10
    np.testing.assert_array_equal(snapshot.vectors(), numbers())
    np.testing.assert_array_equal(snapshot.vectors(5, 3), numbers()[5:8])
    np.testing.assert_array_equal(snapshot.field()[1, 0, 2], numbers()[8])


def test_labels_units_and_multiplier(file):
    assert read_ovf(file(text(HEADER_2, numbers()))).labels == ("m_x", "m y", "m z")
    one = read_ovf(
        file(text(HEADER_1.replace("# valueunit", "# valuemultiplier: 1e3\n# valueunit"), numbers()))
    )
    assert one.units == ("kA/m",)
    np.testing.assert_array_equal(one.vectors(), 1e3 * numbers())


@pytest.mark.parametrize(
    ("line", "time"),
    [
        ("# Desc: Total simulation time:  1e-9  s", 1e-9),
        ("# Desc: total Simulation time: 3 ns", 3e-9),
        ("# Desc: Time (s) : 4e-12", 4e-12),
        ("# Desc: Total simulation time: -2 s", None),
        ("# Desc: Stage: 0", None),
        ("# Desc: Total simulation time: np.float64(2e-9) s", 2e-9),
        ("# Desc: Total simulation time: np.float32(2.0) ns", 2e-9),
    ],
)
def test_times(line, time, file):
    header = re.sub("# Desc: .*", line, HEADER_2)
    assert read_ovf(file(text(header, numbers()))).time == (None if time is None else pytest.approx(time))


@pytest.mark.parametrize(
    ("said", "given", "step"),
    [
        ("Å", None, 1e-10), ("\u212b", None, 1e-10), ("å", None, 1e-10), ("Angstrom", None, 1e-10), ("pm", None, 1e-12),
        ("unknown", "nm", 1e-9), ("unspecified", "Å", 1e-10), ("", "um", 1e-6), ("", None, 1.0), ("nm", "nm", 1e-9),
        ("µm", "um", 1e-6),
    ],
)  # fmt: skip
def test_units_of_a_mesh(said, given, step, file):
    path = file(text(HEADER_2.replace("meshunit: nm", f"meshunit: {said}"), numbers()))
    assert read_ovf(path, given).mesh.step == pytest.approx((step, 2 * step, 3 * step))


def test_units_of_a_mesh_that_disagree_or_are_in_another_coding(file):
    with pytest.raises(InputError, match=r'meshunit = "nm", but texture\.mesh_unit = "m"'):
        read_ovf(file(text(HEADER_2, numbers())), "m")
    for word, step in (("µm", 1e-6), ("Å", 1e-10)):
        header = HEADER_2.replace("meshunit: nm", f"meshunit: {word}")
        content = text(header, numbers()).replace(word.encode(), word.encode("latin-1"))
        assert read_ovf(file(content)).mesh.step[0] == pytest.approx(step)
    with pytest.raises(InputError, match='meshunit = "Förlong"'):
        read_ovf(file(text(HEADER_2.replace("nm", "Förlong"), numbers())))


@pytest.mark.parametrize(
    ("title", "labels", "units", "told"),
    [
        ("m", "m_x m_y m_z", "1 1 1", ""),
        ("m_full", "m_full_x m_full_y m_full_z", "A/m A/m A/m", ""),
        ("M", "Mx My Mz", "T T T", ""),  # µ₀M
        ("Oxs_MinDriver::Spin", "Oxs_MinDriver:Spin_x Oxs_MinDriver:Spin_y Oxs_MinDriver:Spin_z", "{} {} {}", ""),
        ("Oxs_MinDriver::Magnetization", "Oxs_MinDriver:Magnetization_x", "A/m", ""),
        ("Field", "field_x field_y field_z", "A/m A/m A/m", ""),  # discretisedfield's name for all
        ("C:/runs/demag/sp3-Oxs_MinDriver-Magnetization-00.omf", "", "A/m", ""),
        ("", "x y z", "None None None", ""),
        ("", "", "", ""),
        ("B_eff", "B_eff_x B_eff_y B_eff_z", "T T T", "B_eff_x B_eff_y B_eff_z in T"),
        ("B_ext", "B_ext_x B_ext_y B_ext_z", "1 1 1", "B_ext_x B_ext_y B_ext_z in 1"),
        ("H_demag", "H_demag_x H_demag_y H_demag_z", "A/m A/m A/m", "H_demag_x H_demag_y H_demag_z in A/m"),
        ("f", "field_x field_y field_z", "T T T", "field_x field_y field_z in T"),
        ("torque", "torque_x torque_y torque_z", "T", "torque_x torque_y torque_z in T"),
        ("", "Oxs_Demag:demag:Field_x", "A/m", "Oxs_Demag:demag:Field_x in A/m"),
        ("Oxs_Demag:demag:Field", "", "A/m", "Oxs_Demag:demag:Field in A/m"),
        ("Edens", "", "J/m3", "Edens in J/m3"),
        ("u", "u_x u_y u_z", "m m m", "u_x u_y u_z in m"),
        ("", "spin_current_x spin_current_y", "J/m^2", "spin_current_x spin_current_y in J/m^2"),
    ],
)  # fmt: skip
def test_what_is_no_magnetization(title, labels, units, told, file):
    header = HEADER_2.replace("Title: by hand", f"Title: {title}").replace('m_x {m y} "m z"', labels)
    snapshot = read_ovf(file(text(header.replace("valueunits: 1", f"valueunits: {units}"), numbers())))
    assert not_magnetization(snapshot) == told


def test_comments_within_text_data(file):
    content = text(HEADER_2, numbers()).replace(b"\n-4.25", b"\n## comment 1 2 3\n-4.25")
    np.testing.assert_array_equal(read_ovf(file(content)).vectors(), numbers())


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("# OOMMF OVF 2.0", "hello", ["not an OVF file"]),
        ("# OOMMF OVF 2.0", "# OOMMF OVF 3.0", ["not an OVF file"]),
        ("# OOMMF OVF 2.0", "# OOMMF: irregular mesh v1.0", ["irregular mesh"]),
        ("meshtype: rectangular", "meshtype: irregular", ["irregular", "rectangular"]),
        ("Segment count: 1", "Segment count: 2", ['"2" segments', "one"]),
        ("Segment count: 1", "Segment count: 000010", ['"000010" segments', "one"]),
        ("Segment count: 1", "Segment count: 0", ['"0" segments', "one"]),
        ("# Begin: Header", "# Begin: Segment\n# Begin: Header", ["several segments"]),
        ("xnodes: 3", "xnodes: 99999999999", ["99999999999", "cut off"]),
        ("xnodes: 3", "xnodes: 999999999999999", ["more than a file can hold"]),
        ("xnodes: 3", "xnodes: " + "9" * 5000, ["xnodes", "positive whole number"]),
        ("xnodes: 3", "xnodes: 1e30", ["xnodes", "1e30"]),
        ("xnodes: 3", "xnodes: -3", ["xnodes", "-3"]),
        ("xnodes: 3", "xnodes: 0", ["xnodes"]),
        ("xnodes: 3", "xnodes: ３", ["xnodes"]),
        ("# xnodes: 3\n", "", ["lacks xnodes"]),
        ("# xstepsize: 1\n", "", ["lacks xstepsize"]),
        ("xstepsize: 1", "xstepsize: 0", ["xstepsize", "positive"]),
        ("xstepsize: 1", "xstepsize: 1e-320", ["along x"]),
        ("xstepsize: 1", "xstepsize: 1e400", ["xstepsize", "finite"]),
        ("xbase: 0.5", "xbase: nan", ["xbase", "finite"]),
        ("xbase: 0.5", "xbase: 0,5", ["xbase", "0,5"]),
        ("meshunit: nm ", "meshunit: parsec ", ["parsec", "angstrom, Å", "texture.mesh_unit"]),
        ("valuedim: 3", "valuedim: three", ["valuedim"]),
        ("2.5e-10 s", "soon", ["time"]),
        ("2.5e-10 s", "1 fortnight", ["time"]),
        ("# End: Header", "# End: Header\n1 2 3", ["header", "1 2 3"]),
    ],
)
def test_broken_headers(old, new, words, file):
    assert old in HEADER_2
    refused(binary(HEADER_2.replace(old, new), 4, "<", numbers()), file, *words)


def test_broken_data(file):
    good = binary(HEADER_2, 4, "<", numbers())
    start = good.index(b"Binary 4\n") + 9
    refused(good[: start + 20], file, "cut off", "3 × 2 × 2")
    refused(good[: start + 2], file, "check value")
    refused(good[:200], file, "ends in its header")
    refused(b"", file, "not an OVF file")
    refused(b"\xff\xfe\x00" * 999, file, "not an OVF file")
    refused(HEADER_2.encode() + b"# a line\n" * 200_000, file, "no data")
    refused(good.replace(b"Binary 4", b"Binary 16"), file, "binary 16")
    refused(binary(HEADER_2, 4, "<", numbers(), check=7654321.0), file, "check value")
    refused(binary(HEADER_2, 8, "<", numbers()).replace(b"Binary 8", b"Binary 4"), file, "check value")
    refused(binary(HEADER_2.replace("xnodes: 3", "xnodes: 2"), 4, "<", numbers()), file, "more data")
    refused(binary(HEADER_2.replace("xnodes: 3", "xnodes: 4"), 4, "<", numbers()), file, "cut off")
    bad = numbers()
    bad[4, 1] = math.nan
    refused(binary(HEADER_2, 8, "<", bad), file, "not finite", "(1, 1, 0)")
    refused(text(HEADER_2, bad), file, "not finite", "(1, 1, 0)")
    good = text(HEADER_2, numbers())
    refused(good.replace(b"-4.25", b"abc"), file, "abc")
    refused(good.replace(b"-4.25", "４ µ".encode()), file, "37 numbers")
    refused(good.replace(b"-4.25", b"\xff"), file, "not a number")
    refused(good.replace(b"-4.25", b""), file, "35 numbers", "36")
    refused(good[: good.index(b"# End: Data")], file, "cut off")


def test_not_a_file(tmp_path):
    for path in (tmp_path / "none.ovf", tmp_path, "nul\0.ovf"):
        with pytest.raises(InputError, match="cannot be read"):
            read_ovf(path)


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 900), st.binary(min_size=1, max_size=8))
def test_damaged_anywhere(tmp_path_factory, place, bytes_):
    """Whatever is damaged: a sentence, or a field of the right shape."""
    path = tmp_path_factory.getbasetemp() / "damaged.ovf"
    good = binary(HEADER_2, 4, "<", numbers())
    path.write_bytes(good[:place] + bytes_ + good[place + len(bytes_) :])
    try:
        snapshot = read_ovf(path)
        vectors = snapshot.vectors()
    except InputError as error:
        sentence = str(error)
    else:
        sentence = ""
        assert vectors.shape == (snapshot.size, snapshot.components)
    assert "\n" not in sentence


@pytest.mark.parametrize("representation", ["binary 4", "binary 8", "text"])
def test_written_is_read(representation, tmp_path):
    rng = np.random.default_rng(1)
    values = rng.normal(size=(2, 2, 3, 3))
    write_ovf(
        tmp_path / "m.ovf",
        values,
        MESH,
        1.25e-10,
        ("a", "b c", "d"),
        ("A/m", "", "J m"),
        "x\ny",
        representation,
    )
    back = read_ovf(tmp_path / "m.ovf")
    assert back.mesh.cells == MESH.cells
    assert back.time == 1.25e-10
    np.testing.assert_allclose(back.mesh.step, MESH.step, rtol=1e-15)
    np.testing.assert_allclose(back.mesh.corner, MESH.corner, atol=1e-24)
    assert back.labels == ("a", "b c", "d")
    want = values.astype(np.float32) if representation == "binary 4" else values
    np.testing.assert_array_equal(back.field(), want)


def test_written_field_of_one_component(tmp_path):
    write_ovf(tmp_path / "g.ovf", np.ones((2, 2, 3, 1)), MESH, labels=("g",), units=("J/m3",))
    back = read_ovf(tmp_path / "g.ovf")
    assert back.components == 1
    assert back.time is None
    with pytest.raises(InputError, match="1 numbers in a cell"):
        read_series("g.ovf", tmp_path)
    with pytest.raises(ValueError, match="shape"):
        write_ovf(tmp_path / "g.ovf", np.ones((3, 2, 2, 3)), MESH)


def test_series_of_mumax3():
    by_header = read_series("mumax3-m*.ovf", DATA)
    by_table = read_series("mumax3-m*.ovf", DATA, "mumax3-table.txt")
    assert len(by_header.snapshots) == 6
    assert by_header.mesh.cells == (20, 10, 4)
    np.testing.assert_allclose(by_header.times, by_table.times, rtol=1e-12)
    assert len(np.unique(np.diff(by_header.times).round(16))) > 2  # uneven, as adaptive steps make them
    # the table's own averages
    rows = np.loadtxt(DATA / "mumax3-table.txt")
    for snapshot, row in zip(by_header.snapshots, rows, strict=True):
        vectors = snapshot.vectors()
        mean = vectors[np.linalg.norm(vectors, axis=1) > 0].mean(axis=0)
        np.testing.assert_allclose(
            mean / np.linalg.norm(mean), row[1:4] / np.linalg.norm(row[1:4]), atol=1e-4
        )


def test_tables(tmp_path):
    times = read_times(DATA / "oommf.odt")
    np.testing.assert_allclose(times, np.arange(1, 6) * 1e-12, rtol=1e-9)
    table = tmp_path / "table.txt"
    for content, words in [
        ("", "no rows"),
        ("# mx ()\tmy ()\n1\t2\n", "no column of times"),
        ("# mx ()\tt (s)\n1\n", "row without a time"),
        ("# t (s)\tmx ()\nnan\t1\n", "not finite"),
        ("# t (s)\tmx ()\nx\t1\n", "row without a time"),
    ]:
        table.write_text(content)
        with pytest.raises(InputError, match=words):
            read_times(table)
    table.write_text("# mx ()\tt (ns)\n1\t2.5\n")
    assert read_times(table) == [2.5e-9]
    with pytest.raises(InputError, match="cannot be read"):
        read_times(tmp_path / "none.txt")


def test_series_is_sorted_and_checked(tmp_path):
    for number, time in ((2, 3e-9), (10, 1e-9), (1, 2e-9)):
        write_ovf(tmp_path / f"m{number}.ovf", np.ones((2, 2, 3, 3)), MESH, time)
    series = read_series(".", tmp_path)
    assert series.times == (1e-9, 2e-9, 3e-9)
    assert [one.path.name for one in series.snapshots] == ["m10.ovf", "m1.ovf", "m2.ovf"]
    # a table has the order of names, numbers by value
    (tmp_path / "table.txt").write_text("# t (s)\n1\n2\n3\n")
    assert [one.path.name for one in read_series("m*.ovf", tmp_path, "table.txt").snapshots] == [
        "m1.ovf", "m2.ovf", "m10.ovf",
    ]  # fmt: skip
    assert len(find_files(["m1.ovf", "m*.ovf"], tmp_path)) == 3
    for files in ("none*.ovf", "sub", [], "nul\0"):
        if files:
            with pytest.raises(InputError, match="names no file"):
                read_series(files, tmp_path)
    (tmp_path / "table.txt").write_text("# t (s)\n1\n2\n")
    with pytest.raises(InputError, match="2 rows for 3 files"):
        read_series("m*.ovf", tmp_path, "table.txt")
    write_ovf(tmp_path / "m3.ovf", np.ones((2, 2, 3, 3)), MESH, 3e-9)
    with pytest.raises(InputError, match="same time"):
        read_series(".", tmp_path)
    write_ovf(tmp_path / "m3.ovf", np.ones((2, 2, 3, 3)), MESH)
    with pytest.raises(InputError, match="does not tell its simulation time"):
        read_series(".", tmp_path)
    assert read_series("m3.ovf", tmp_path).times == (0.0,)
    write_ovf(tmp_path / "m3.ovf", np.ones((2, 2, 3, 3)), MESH._replace(corner=(1e-9, -4e-9, 5e-9)), 4e-9)
    with pytest.raises(InputError, match="another mesh"):
        read_series(".", tmp_path)


def test_brackets_in_names(tmp_path):
    """A name with brackets that is there comes before what they mean in a pattern, folder by folder."""
    for name in (
        "run[1].out/m000.ovf",
        "run[1].out/m001.ovf",
        "run1.out/m002.ovf",
        "a/m[1].ovf",
        "a/m[1]b.ovf",
        "a/m1.ovf",
    ):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        write_ovf(tmp_path / name, np.ones((2, 2, 3, 3)), MESH, 0.0)

    def found(entry):
        return [str(path.relative_to(tmp_path)) for path in find_files(entry, tmp_path)]

    both = ["run[1].out/m000.ovf", "run[1].out/m001.ovf"]
    assert found("run[1].out/*.ovf") == found("run[1].out") == found("run[1].out/m00[01].ovf") == both
    assert found(str(tmp_path / "run[1].out" / "*.ovf")) == both
    assert found("run[0-9].out/*.ovf") == ["run1.out/m002.ovf"]
    assert found("a/m[1].ovf") == ["a/m[1].ovf"]
    assert found("a/m[1]*.ovf") == ["a/m[1].ovf", "a/m[1]b.ovf"]
    assert found("a/m[0-9].ovf") == ["a/m1.ovf"]
    assert found("run[1].out/../a/m1.ovf") == ["run[1].out/../a/m1.ovf"]
    with pytest.raises(InputError, match=r"names no file in .*; in a pattern \[ \] hold the characters"):
        found("run[3].out/*.ovf")
    with pytest.raises(InputError) as caught:
        found("none/*.ovf")
    assert "[ ]" not in str(caught.value)


def test_file_that_shrinks(tmp_path):
    path = tmp_path / "m.ovf"
    write_ovf(path, np.ones((2, 2, 3, 3)), MESH)
    snapshot = read_ovf(path)
    os.truncate(path, snapshot.start + 8)
    with pytest.raises(InputError, match="ends before"):
        snapshot.vectors()
    path.unlink()
    with pytest.raises(InputError, match="cannot be read"):
        snapshot.vectors()


def test_check_values_are_those_of_the_users_guide():
    """Bytes 49 96 B4 38 and 42 DC 12 21 83 77 DE 40, as OOMMF's user's guide has them."""
    assert struct.pack(">f", 1234567.0).hex() == "4996b438"
    assert struct.pack(">d", 123456789012345.0).hex() == "42dc12218377de40"


def test_film_script(tmp_path):
    script = Path(__file__).parents[2] / "run" / "make_ovf.py"
    subprocess.run([sys.executable, script, tmp_path, "--periods", "2"], check=True, capture_output=True)
    series = read_series("m*.ovf", tmp_path)
    assert len(series.times) == 32
    np.testing.assert_allclose(np.diff(series.times), 1.0 / 9.2e9 / 32, rtol=1e-9)
    np.testing.assert_allclose(read_series("m*.ovf", tmp_path, "table.txt").times, series.times, rtol=1e-8)
    for one in series.snapshots:
        np.testing.assert_allclose(np.linalg.norm(one.vectors(), axis=1), 1.0, rtol=1e-6)
    shutil.rmtree(tmp_path)
