"""Freezes hello; the command line names the freezer and its options."""

import json
import os

from setuptools import setup

setup(
    name="hello",
    version="@VERSION@",
    scripts=["hello.py"],
    options={"bdist_esky": json.loads(os.environ["HELLO_OPTIONS"])},
)
