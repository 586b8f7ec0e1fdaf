"""Results files: HDF5 that is also netCDF-4 (the only h5py).

`read` and `write` are for one run (`file`), which `saves` keeps on the way; `unfinished` names what is not whole yet.
`sweep_file` collects the runs of a sweep, whose files `points_of` finds.
"""

from mcpump.results.file import check_writable, image_of, lacks_seal, points_of, read, shown, write

__all__ = ["check_writable", "image_of", "lacks_seal", "points_of", "read", "shown", "write"]
