"""py2exe (Windows): its own ``freeze`` function, called by a small generated script."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Sequence
from typing import Any

from . import stable_abi
from .freezer import FreezeError, FreezeJob, Freezer, Program, refuse_unknown

FREEZE_OPTIONS = {
    "ascii", "bundle_files", "compressed", "dll_excludes", "ignores", "optimize", "packages", "skip_archive",
    "unbuffered", "verbose", "zipfile",
}  # fmt: skip
# The value of bundle_files that leaves modules and libraries files of their own; it is the default.
IN_FILES = 3
TARGET_KEYWORDS = {"bitmap_resources", "icon_resources", "other_resources", "uac_info", "version_info"}

SCRIPT = """\
# Written by bdist_esky.
import sys
sys.path[:0] = {search_path!r}
import py2exe
py2exe.freeze(
    console={console!r},
    windows={windows!r},
    data_files={data_files!r},
    zipfile={zipfile!r},
    options={options!r},
)
"""


class Py2exeFreezer(Freezer):
    """py2exe 0.11 and later."""

    name = "py2exe"
    module = "py2exe"
    install = "py2exe"
    recognised_as = ("py2exe",)

    def freeze(self, job: FreezeJob) -> None:
        if sys.platform != "win32":
            raise FreezeError("py2exe makes programs for Windows, and runs there only")
        script = os.path.join(job.work_dir, "freeze.py")
        ahead = _esky_for_memory(job)
        with open(script, "w", encoding="utf-8") as file:
            file.write(_script(job, ahead))
        job.run([sys.executable, script])


def _esky_for_memory(job: FreezeJob) -> list[str]:
    """Where a copy of esky is that works in a program with its modules in memory, if this becomes one."""
    bundle = str(job.options.get("bundle_files", job.options.get("bundle-files", IN_FILES)))
    if not bundle.isdecimal():
        raise FreezeError(f"bundle_files is a number from 0 to {IN_FILES}, not {bundle!r}")
    if int(bundle) >= IN_FILES:
        return []
    package = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    directory = os.path.join(job.work_dir, "in-memory")
    copy = os.path.join(directory, "esky")
    shutil.copytree(package, copy, ignore=shutil.ignore_patterns("__pycache__", "bootstraps"))
    for name in os.listdir(copy):
        if name.endswith(".pyd"):
            path = os.path.join(copy, name)
            with open(path, "rb") as file:
                module = stable_abi.asking_for(file.read())
            with open(path, "wb") as file:
                file.write(module)
    return [directory]


def _script(job: FreezeJob, ahead: Sequence[str] = ()) -> str:
    options = {key.replace("-", "_"): value for key, value in job.options.items()}
    refuse_unknown("py2exe", "freezer option", options, FREEZE_OPTIONS)
    zipfile = options.pop("zipfile", "library.zip")
    options["dist_dir"] = job.freeze_dir
    options["includes"] = job.includes
    options["excludes"] = job.excludes
    if job.bundle_msvcrt:
        job.warn("py2exe copies the Visual C++ runtime by itself unless dll_excludes names it")
    return SCRIPT.format(
        search_path=[*ahead, *job.search_path],
        console=[_target(program) for program in job.programs if not program.gui_only],
        windows=[_target(program) for program in job.programs if program.gui_only],
        data_files=[(os.path.dirname(target), [source]) for source, target in job.package_data],
        zipfile=zipfile,
        options=options,
    )


def _target(program: Program) -> dict[str, Any]:
    refuse_unknown("py2exe", "Executable keyword", program.keywords, TARGET_KEYWORDS)
    target = {**program.keywords, "script": program.script, "dest_base": program.name}
    if program.icon:
        target.setdefault("icon_resources", []).append((1, os.path.abspath(program.icon)))
    return target
