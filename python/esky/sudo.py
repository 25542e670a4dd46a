"""Rights: whether this process has them.

The original could start a second process as administrator and hand it Python objects.  This version does not: an app
that is installed where its user may not write is updated by whoever installed it, for example with `esky update`.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import Any, TypeVar

from .errors import InstallPermissionError

__all__ = ["SudoProxy", "allow_from_sudo", "can_get_root", "has_root"]

F = TypeVar("F", bound=Callable[..., Any])


def has_root() -> bool:
    """Whether this process runs as root (Windows: as administrator)."""
    if sys.platform == "win32":
        import ctypes

        return bool(ctypes.windll.shell32.IsUserAnAdmin())
    return os.geteuid() == 0


def can_get_root() -> bool:
    """Whether this process could get more rights than it has: never."""
    return False


def allow_from_sudo(*_types: object) -> Callable[[F], F]:
    """Marked what the helper process of the original could call; does nothing now."""
    return lambda function: function


class SudoProxy:
    """The helper process of the original.  Starting it always fails, with a hint."""

    def __init__(self, target: object) -> None:
        self.target = target

    def start(self) -> None:
        """Raises `InstallPermissionError`."""
        raise no_rights()

    def close(self) -> None:
        """Does nothing."""


def no_rights() -> InstallPermissionError:
    """The error for work that needs more rights."""
    return InstallPermissionError(
        13,
        "this process cannot get more rights than it has",
        hint="update the app as the user who installed it, for example with `esky update`",
    )
