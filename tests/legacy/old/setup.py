"""Freezes the old app as its developer did."""

import os
from distutils.core import setup

from esky import bdist_esky  # noqa: F401 (brings the command)

options = {"freezer_module": os.environ["FREEZER"]}
if os.environ.get("LAYOUT") == "appdata":
    options["enable_appdata_dir"] = True
setup(name="demo", version="0.1", scripts=["prog.py"], options={"bdist_esky": options})
