"""Parts of kernels, which have no entry for Python by themselves, for the tests."""

import numba


def callable_from_python(function):
    """The part with an entry for Python."""
    inner = function
    return numba.njit(error_model="numpy")(lambda *given: inner(*given))
