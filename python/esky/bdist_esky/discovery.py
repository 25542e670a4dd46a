"""Lets ``bdist_esky`` work in a directory that setuptools finds unclear.

Where ``setup()`` names neither ``packages`` nor ``py_modules``, setuptools looks for them by itself, before any
command, and gives up when it finds several.  That is right for a library: what it installs must be known.  An
application is scripts with modules beside them, and the freezer follows their imports.
"""

from __future__ import annotations

from typing import Any, Callable

from setuptools import Distribution
from setuptools.errors import BaseError


def allow_any_layout(distribution: Distribution) -> None:
    """Has an unclear layout taken for one without packages, if ``bdist_esky`` is what is asked for.

    setuptools calls this for every project, by an entry point, when it has not read the configuration files yet.
    """
    look_and_run: Callable[..., Any] = distribution.run_command

    def run_command(command: str) -> None:
        _look_for_packages(distribution)
        look_and_run(command)

    if "bdist_esky" in (distribution.script_args or ()):
        distribution.run_command = run_command  # type: ignore[method-assign]


def _look_for_packages(distribution: Distribution) -> None:
    look = getattr(distribution, "set_defaults", None)
    if look is None:
        return
    try:
        look()
    except BaseError:
        # An empty list is what tells setuptools not to look again.
        distribution.packages, distribution.py_modules = None, []
