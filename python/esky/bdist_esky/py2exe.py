"""py2exe (Windows): its own ``freeze`` function, called by a small generated script."""

from __future__ import annotations

import os
import sys
from typing import Any

from .freezer import FreezeError, FreezeJob, Freezer, Program, refuse_unknown

FREEZE_OPTIONS = {
    "ascii", "bundle_files", "compressed", "dll_excludes", "ignores", "optimize", "packages", "skip_archive",
    "unbuffered", "verbose", "zipfile",
}  # fmt: skip
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
        with open(script, "w", encoding="utf-8") as file:
            file.write(_script(job))
        job.run([sys.executable, script])


def _script(job: FreezeJob) -> str:
    options = {key.replace("-", "_"): value for key, value in job.options.items()}
    refuse_unknown("py2exe", "freezer option", options, FREEZE_OPTIONS)
    zipfile = options.pop("zipfile", "library.zip")
    options["dist_dir"] = job.freeze_dir
    options["includes"] = job.includes
    options["excludes"] = job.excludes
    if job.bundle_msvcrt:
        job.warn("py2exe copies the Visual C++ runtime by itself unless dll_excludes names it")
    return SCRIPT.format(
        search_path=job.search_path,
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
