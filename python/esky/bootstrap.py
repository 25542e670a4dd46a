"""Names that apps import from `esky.bootstrap`.

The start-up program itself is native; what was its Python code in the original is, as far as apps called it, here.
"""

from __future__ import annotations

from os.path import abspath, basename, dirname, exists, isabs
from os.path import join as pathjoin

from .errors import EskyBrokenError, VersionLockedError
from .util import (
    ESKY_APPDATA_DIR,
    ESKY_CONTROL_DIR,
    appdir_from_executable,
    get_all_versions,
    get_best_version,
    get_original_filename,
    is_installed_version_dir,
    is_uninstalled_version_dir,
    is_version_dir,
    join_app_version,
    lock_version_dir,
    parse_version,
    split_app_version,
    unlock_version_dir,
)

__all__ = [
    "ESKY_APPDATA_DIR",
    "ESKY_CONTROL_DIR",
    "EskyBrokenError",
    "VersionLockedError",
    "abspath",
    "appdir_from_executable",
    "basename",
    "dirname",
    "exists",
    "get_all_versions",
    "get_best_version",
    "get_original_filename",
    "is_installed_version_dir",
    "is_uninstalled_version_dir",
    "is_version_dir",
    "isabs",
    "join_app_version",
    "lock_version_dir",
    "parse_version",
    "pathjoin",
    "split_app_version",
    "unlock_version_dir",
]
