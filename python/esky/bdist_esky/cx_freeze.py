"""cx_Freeze: its own ``build_exe`` command, told everything by a small generated script."""

from __future__ import annotations

import os
import shutil
import sys
from typing import Any

from .freezer import FreezeJob, Freezer, Program, absolute_sources, refuse_unknown

BUILD_OPTIONS = {
    "bin_excludes", "bin_includes", "bin_path_excludes", "bin_path_includes", "constants", "include_files",
    "include_msvcr", "include_msvcr_version", "include_path", "no_compress", "optimize", "packages", "path",
    "replace_paths", "silent", "silent_level", "zip_exclude_packages", "zip_filename", "zip_include_packages",
    "zip_includes",
}  # fmt: skip
EXECUTABLE_KEYWORDS = {
    "base", "copyright", "init_script", "manifest", "shortcut_dir", "shortcut_name", "trademarks", "uac_admin",
    "uac_uiaccess",
}  # fmt: skip

SCRIPT = """\
# Written by bdist_esky.
import sys
sys.path[:0] = {search_path!r}
from cx_Freeze import Executable, setup
setup(
    name={name!r},
    version={version!r},
    py_modules=[],
    executables=[Executable(**keywords) for keywords in {executables!r}],
    options={{"build_exe": {options!r}}},
    script_args=["build_exe"],
)
"""


class CxFreezeFreezer(Freezer):
    """cx_Freeze 7 and later."""

    name = "cx_Freeze"
    aliases = ("cx_freeze", "cxfreeze", "cx-freeze")
    module = "cx_Freeze"
    install = "cx_Freeze"
    recognised_as = ("cx_Freeze",)

    def freeze(self, job: FreezeJob) -> None:
        options = {key.replace("-", "_"): value for key, value in job.options.items()}
        refuse_unknown(self.name, "freezer option", options, BUILD_OPTIONS)
        script = os.path.join(job.work_dir, "freeze.py")
        with open(script, "w", encoding="utf-8") as file:
            file.write(_script(job, options))
        job.run([sys.executable, script])
        _remove_release_tools(job.freeze_dir)


def _remove_release_tools(freeze_dir: str) -> None:
    """cx_Freeze copies all data of a package; those of esky are for making releases."""
    for directory in ("_hooks", "bootstraps"):
        shutil.rmtree(os.path.join(freeze_dir, "lib", "esky", directory), ignore_errors=True)


def _script(job: FreezeJob, options: dict[str, Any]) -> str:
    data = [(source, os.path.join("lib", *target.split("/"))) for source, target in job.package_data]
    options["build_exe"] = job.freeze_dir
    options["includes"] = job.includes
    options["excludes"] = job.excludes
    for key in ("include_files", "zip_includes"):
        options[key] = absolute_sources(options.get(key))
    options["include_files"] += data
    options.setdefault("silent_level", 1)
    # Without this the paths of the developer's machine go into every module, and two builds differ.
    options.setdefault("replace_paths", [("*", "")])
    if job.bundle_msvcrt:
        options["include_msvcr"] = True
    return SCRIPT.format(
        search_path=job.search_path,
        name=job.name,
        version=job.version,
        executables=[_executable(program) for program in job.programs],
        options=options,
    )


def _executable(program: Program) -> dict[str, Any]:
    refuse_unknown("cx_Freeze", "Executable keyword", program.keywords, EXECUTABLE_KEYWORDS)
    keywords = {**program.keywords, "script": program.script, "target_name": program.name}
    keywords.setdefault("base", "gui" if program.gui_only else "console")
    if program.icon:
        keywords["icon"] = program.icon
    for key in ("icon", "init_script", "manifest"):
        if isinstance(keywords.get(key), str) and os.path.exists(keywords[key]):
            keywords[key] = os.path.abspath(keywords[key])
    return keywords
