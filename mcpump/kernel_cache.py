"""Compiled kernels on disk, in place of numba's own cache.

Numba's cache looks at the file of the outermost function alone, falls back to other places where its folder cannot be
written, ends a program at a damaged file, and may give another signature's code where two processes write at once.
Here each signature has a file of its own, with a checksum, in a folder that is named by all that the code depends on.
"""

from __future__ import annotations

import hashlib
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

from numba.core.caching import NullCache
from numba.core.compiler import CompileResult
from numba.core.serialize import dumps

from mcpump.kernel_folder import kernel_folder, read_kept, write_kept


class KernelCache(NullCache):  # type: ignore[misc]
    """Keeps one function's code; what numba asks of a cache."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.name = f"{function.__module__}.{function.__qualname__}"

    @property
    def cache_path(self) -> str | None:
        """The folder."""
        folder = kernel_folder()
        return None if folder is None else str(folder)

    def is_kept(self) -> bool:
        """Whether the code of some signature is there."""
        folder = kernel_folder()
        return folder is not None and any(folder.glob(f"{self.name}-*"))

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """Fetch the code for a signature; None if it is not there."""
        target_context.refresh()
        key = self._key(sig, target_context.codegen())
        file = self._file(key)
        kept = None if file is None else read_kept(file)
        if kept is None:
            return None
        kept_key, code = pickle.loads(kept)
        return CompileResult._rebuild(target_context, *code) if kept_key == key else None

    def save_overload(self, sig: Any, data: Any) -> None:
        """Keep the code for a signature, unless addresses of this process are in it."""
        key = self._key(sig, data.codegen)
        file = self._file(key)
        if file is not None and not data.library.has_dynamic_globals:
            write_kept(file, dumps((key, data._reduce())))

    @staticmethod
    def _key(sig: Any, codegen: Any) -> tuple[Any, ...]:
        """What the code depends on beside the folder's name: types, and the CPU that numba was told to compile for."""
        return sig, codegen.magic_tuple()

    def _file(self, key: tuple[Any, ...]) -> Path | None:
        """Path of a signature's file."""
        folder = kernel_folder()
        name = f"{self.name}-{hashlib.sha256(str(key).encode()).hexdigest()[:16]}"
        return None if folder is None else folder / name
