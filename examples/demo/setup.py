"""Freezes hello: ``python setup.py bdist_esky``."""

import os

from hello_notes.release import VERSION
from setuptools import setup

from esky.bdist_esky import Executable

setup(
    name="hello",
    version=VERSION,
    packages=["hello_notes"],
    package_data={"hello_notes": ["notes.txt"]},
    scripts=[Executable("hello.py")],
    options={"bdist_esky": {"freezer_module": os.environ.get("HELLO_FREEZER", "PyInstaller")}},
)
