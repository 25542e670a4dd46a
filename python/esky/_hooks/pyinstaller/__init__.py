"""Found by PyInstaller through the entry point ``pyinstaller40`` of this package."""

import os


def get_hook_dirs() -> "list[str]":
    """The directory with ``hook-esky.py``."""
    return [os.path.dirname(__file__)]
