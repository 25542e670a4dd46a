"""Keeps frozen apps fresh.

    import sys
    import esky

    esky.run_startup_hooks()
    app = esky.Esky(sys.executable, "https://example.com/downloads/")
    app.auto_update()

See `Esky` for more, `esky.finder` for where versions come from, and `esky.errors` for what can go wrong.
"""

from __future__ import annotations

from . import bootstrap, errors, finder, sudo, util
from ._app import Esky
from ._decisions import Decisions, HeldVersion, OnTrial, Rollback
from ._esky import CancelToken, InstalledVersion, KeptFiles, VerifyReport, VersionGraph, __version__
from ._progress import Event
from ._relaunch import clean_environment
from ._startup import confirm, run_startup_hooks
from ._update import Update
from .errors import (
    CancelledError,
    DiskFullError,
    DownloadLimitError,
    Error,
    EskyBrokenError,
    EskyLockedError,
    EskyVersionError,
    FileError,
    InstallPermissionError,
    InternalError,
    NetworkError,
    NoVersionFinderError,
    PackageError,
    SelfTestError,
    StaleError,
    UnsignedSourceError,
    UntrustedError,
    VerifyError,
    VersionHeldError,
    VersionLockedError,
)
from .finder import DefaultVersionFinder, LocalVersionFinder, SignedVersionFinder, VersionFinder
from .sudo import SudoProxy, allow_from_sudo, has_root
from .util import (
    ESKY_APPDATA_DIR,
    ESKY_CONTROL_DIR,
    appdir_from_executable,
    appexe_from_executable,
    create_zipfile,
    deep_extract_zipfile,
    extract_zipfile,
    files_differ,
    get_all_versions,
    get_best_version,
    get_platform,
    is_installed_version_dir,
    is_locked_version_dir,
    is_uninstalled_version_dir,
    is_version_dir,
    join_app_version,
    lock_version_dir,
    parse_version,
    really_rename,
    really_rmtree,
    split_app_version,
    unlock_version_dir,
)

__all__ = [
    "ESKY_APPDATA_DIR",
    "ESKY_CONTROL_DIR",
    "CancelToken",
    "CancelledError",
    "Decisions",
    "DefaultVersionFinder",
    "DiskFullError",
    "DownloadLimitError",
    "Error",
    "Esky",
    "EskyBrokenError",
    "EskyLockedError",
    "EskyVersionError",
    "Event",
    "FileError",
    "HeldVersion",
    "InstallPermissionError",
    "InstalledVersion",
    "InternalError",
    "KeptFiles",
    "LocalVersionFinder",
    "NetworkError",
    "NoVersionFinderError",
    "OnTrial",
    "PackageError",
    "Rollback",
    "SelfTestError",
    "SignedVersionFinder",
    "StaleError",
    "SudoProxy",
    "UnsignedSourceError",
    "UntrustedError",
    "Update",
    "VerifyError",
    "VerifyReport",
    "VersionFinder",
    "VersionGraph",
    "VersionHeldError",
    "VersionLockedError",
    "__version__",
    "allow_from_sudo",
    "appdir_from_executable",
    "appexe_from_executable",
    "bootstrap",
    "clean_environment",
    "confirm",
    "create_zipfile",
    "deep_extract_zipfile",
    "errors",
    "extract_zipfile",
    "files_differ",
    "finder",
    "get_all_versions",
    "get_best_version",
    "get_platform",
    "has_root",
    "is_installed_version_dir",
    "is_locked_version_dir",
    "is_uninstalled_version_dir",
    "is_version_dir",
    "join_app_version",
    "lock_version_dir",
    "parse_version",
    "really_rename",
    "really_rmtree",
    "run_startup_hooks",
    "split_app_version",
    "sudo",
    "unlock_version_dir",
    "util",
]
