"""PyInstaller: an application needs esky and its compiled module, not what releases are made with.

The start-up programs under ``bootstraps/`` are for packing. PyInstaller collects no data files by itself, so they stay
out without a word here.
"""

# The compiled module imports these by itself, where no analysis of Python code sees it.
hiddenimports = ["esky._esky", "esky.errors"]
excludedimports = ["esky.bdist_esky", "esky.__main__", "setuptools"]
