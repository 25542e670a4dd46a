"""Freeze an application and pack it as a release: ``python setup.py bdist_esky``.

The command takes the scripts named in ``setup()``, has a freezer turn them into programs, and packs the result as
``NAME-VERSION.PLATFORM.zip``: a complete application when unpacked, and what installed copies fetch when they update.

    from esky.bdist_esky import Executable
    from setuptools import setup

    setup(
        name="hello",
        version="1.0",
        packages=["hello"],
        scripts=[Executable("hello.py", icon="hello.ico")],
        options={"bdist_esky": {"freezer_module": "PyInstaller"}},
    )

Other freezers can be added from outside: see :class:`Freezer`.
"""

from .command import bdist_esky
from .executable import Executable
from .freezer import FreezeError, FreezeJob, Freezer, Program

__all__ = ["Executable", "FreezeError", "FreezeJob", "Freezer", "Program", "bdist_esky"]
