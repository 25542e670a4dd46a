"""PyInstaller: a generated spec with one analysis per script, and one collected directory or a file per program."""

from __future__ import annotations

import os
import re
import shutil
import sys
from typing import Any

from .freezer import (
    FreezeError,
    FreezeJob,
    Freezer,
    FreezerFailed,
    Program,
    absolute_sources,
    refuse_unknown,
)

ANALYSIS_OPTIONS = {
    "binaries", "datas", "hiddenimports", "hooksconfig", "hookspath", "module_collection_mode", "noarchive",
    "optimize", "pathex", "runtime_hooks",
}  # fmt: skip
EXE_OPTIONS = {
    "argv_emulation", "bootloader_ignore_signals", "codesign_identity", "contents_directory", "debug",
    "disable_windowed_traceback", "entitlements_file", "hide_console", "manifest", "resources", "target_arch",
    "uac_admin", "uac_uiaccess", "version",
}  # fmt: skip
# Of the program and of all collected files.
BOTH_OPTIONS = {"strip", "upx", "upx_exclude"}
# Each program carries all its files and unpacks them at each start, into this directory.
ONEFILE_OPTIONS = {"onefile", "runtime_tmpdir"}
# Lists of paths, and single paths: relative ones are meant from the directory of setup.py.
PATH_LISTS = ("binaries", "datas", "hookspath", "pathex", "runtime_hooks")
PATHS = ("entitlements_file", "icon", "manifest", "version")
COLLECTED = "collected"
NO_SHARED_LIBRARY = re.compile(r"built without a shared library|Python shared library .* was not found")


class PyInstallerFreezer(Freezer):
    """PyInstaller 6 and later: one directory, or one file per program with the option ``onefile``."""

    name = "PyInstaller"
    aliases = ("pyinstaller",)
    module = "PyInstaller"
    install = "pyinstaller"
    recognised_as = ("PyInstaller onedir", "PyInstaller onefile")

    def freeze(self, job: FreezeJob) -> None:
        options = dict(job.options)
        known = ANALYSIS_OPTIONS | EXE_OPTIONS | BOTH_OPTIONS | ONEFILE_OPTIONS
        refuse_unknown(self.name, "freezer option", options, known)
        spec = os.path.join(job.work_dir, "esky.spec")
        with open(spec, "w", encoding="utf-8") as file:
            file.write(_spec(job, options))
        try:
            warnings = job.run(_command(job, spec))
        except FreezerFailed as failure:
            raise _explained(failure) from failure
        # A module that was not found, say. Some lines come before PyInstaller reads its log level.
        for line in warnings.splitlines():
            if " INFO: " not in line:
                job.warn(line)
        collected = os.path.join(job.work_dir, "dist", "" if options.get("onefile") else COLLECTED)
        for entry in os.listdir(collected):
            # The directory for temporary files may be another file system.
            shutil.move(os.path.join(collected, entry), os.path.join(job.freeze_dir, entry))


def _command(job: FreezeJob, spec: str) -> list[str]:
    return [
        sys.executable, "-m", "PyInstaller", "--noconfirm", "--log-level", "WARN",
        "--distpath", os.path.join(job.work_dir, "dist"),
        "--workpath", os.path.join(job.work_dir, "build"), spec,
    ]  # fmt: skip


def _explained(failure: FreezerFailed) -> FreezeError:
    if NO_SHARED_LIBRARY.search(failure.output):
        return FreezeError(
            f"PyInstaller needs a Python with a shared library, and {sys.executable} has none. Build it with "
            "--enable-shared (pyenv: PYTHON_CONFIGURE_OPTS=--enable-shared), install the distribution's libpython "
            "package, or freeze with cx_Freeze"
        )
    return failure


def _spec(job: FreezeJob, options: dict[str, Any]) -> str:
    """The spec, in which every value is a Python literal."""
    lines = ["# Written by bdist_esky."]
    collected = []
    for number, program in enumerate(job.programs):
        lines.append(_call(f"analysis_{number}", "Analysis", [repr([program.script])], _analysis(job, options)))
        lines.append(f"pyz_{number} = PYZ(analysis_{number}.pure)")
        files = [f"analysis_{number}.binaries", f"analysis_{number}.datas"]
        arguments = [f"pyz_{number}", f"analysis_{number}.scripts", *(files if options.get("onefile") else ["[]"])]
        lines.append(_call(f"exe_{number}", "EXE", arguments, _exe(program, options)))
        collected += [f"exe_{number}", *files]
    if options.get("onefile"):
        return "\n".join(lines) + "\n"
    both = {key: options[key] for key in BOTH_OPTIONS & set(options)}
    lines.append(_call("collection", "COLLECT", collected, {"name": COLLECTED, **both}))
    return "\n".join(lines) + "\n"


def _call(target: str, function: str, arguments: list[str], keywords: dict[str, Any]) -> str:
    inside = arguments + [f"{key}={keywords[key]!r}" for key in sorted(keywords)]
    return f"{target} = {function}(\n    " + ",\n    ".join(inside) + ",\n)"


def _analysis(job: FreezeJob, options: dict[str, Any]) -> dict[str, Any]:
    values = {key: options[key] for key in ANALYSIS_OPTIONS & set(options)}
    for key in PATH_LISTS:
        values[key] = absolute_sources(values.get(key))
    data = [(source, os.path.dirname(target)) for source, target in job.package_data]
    values["pathex"] += job.search_path
    values["hiddenimports"] = [*values.get("hiddenimports", ()), *job.includes]
    values["datas"] += data
    values["excludes"] = job.excludes
    return values


def _exe(program: Program, options: dict[str, Any]) -> dict[str, Any]:
    known = EXE_OPTIONS | BOTH_OPTIONS
    refuse_unknown("PyInstaller", "Executable keyword", program.keywords, known)
    values = {key: options[key] for key in known & set(options)}
    values.update(program.keywords)
    values.update(name=program.name, console=not program.gui_only)
    if options.get("onefile"):
        values["runtime_tmpdir"] = options.get("runtime_tmpdir")
    else:
        values["exclude_binaries"] = True
    if program.icon:
        values["icon"] = program.icon
    for key in PATHS:
        # Some of them may also be an object or text of PyInstaller's own kind.
        if isinstance(values.get(key), str) and os.path.exists(values[key]):
            values[key] = os.path.abspath(values[key])
    return values
