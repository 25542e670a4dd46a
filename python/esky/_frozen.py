"""The frozen program that is running, if it is one."""

from __future__ import annotations

import os
import sys


def is_frozen() -> bool:
    """Whether this program was made by a freezer."""
    if getattr(sys, "frozen", False):
        return True
    return "__compiled__" in vars(sys.modules.get("__main__", sys))


def program_path() -> str:
    """The frozen program that is running."""
    if not os.path.isfile(sys.executable or "") and sys.argv[0]:
        # Some versions of Nuitka name a Python here that is not there.
        return os.path.abspath(sys.argv[0])
    return sys.executable


def freezer_directory() -> str | None:
    """Where the freezer keeps or has unpacked the files of this program, if it tells (PyInstaller does)."""
    directory = getattr(sys, "_MEIPASS", None)
    return directory if isinstance(directory, str) else None
