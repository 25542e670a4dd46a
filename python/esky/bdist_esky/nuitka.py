"""Nuitka: one compilation per script, and their directories put together."""

from __future__ import annotations

import os
import shutil
import sys
from typing import Any

from .freezer import FreezeError, FreezeJob, Freezer, Program, refuse_unknown

# What decides where the output goes, and what it is; the rest is Nuitka's to know.
OWN_OPTIONS = {
    "include_module", "mode", "module", "nofollow_import_to", "onefile", "output_dir", "output_filename", "run",
    "standalone",
}  # fmt: skip
EXECUTABLE_KEYWORDS = {"company_name", "copyright", "file_description", "trademarks", "windows_uac_admin"}


class NuitkaFreezer(Freezer):
    """Nuitka 2 and later, one directory (standalone)."""

    name = "Nuitka"
    aliases = ("nuitka",)
    module = "nuitka"
    install = "nuitka"
    recognised_as = ("Nuitka",)

    def freeze(self, job: FreezeJob) -> None:
        for number, program in enumerate(job.programs):
            output = os.path.join(job.work_dir, f"program-{number}")
            job.run(_command(job, program, output))
            _merge(os.path.join(output, f"{_stem(program.script)}.dist"), job.freeze_dir)


def _command(job: FreezeJob, program: Program, output: str) -> list[str]:
    refuse_unknown("Nuitka", "Executable keyword", program.keywords, EXECUTABLE_KEYWORDS)
    suffix = ".exe" if sys.platform == "win32" else ""
    command = [sys.executable, "-m", "nuitka", "--standalone", "--quiet", "--assume-yes-for-downloads"]
    command += [f"--output-dir={output}", f"--output-filename={program.name}{suffix}"]
    command += [f"--include-module={module}" for module in job.includes]
    command += [f"--nofollow-import-to={module}" for module in job.excludes]
    command += [f"--include-data-files={source}={target}" for source, target in job.package_data]
    if sys.platform == "win32":
        command += ["--include-windows-runtime-dlls=yes"] if job.bundle_msvcrt else []
        command += ["--windows-console-mode=disable"] if program.gui_only else []
        command += [f"--windows-icon-from-ico={os.path.abspath(program.icon)}"] if program.icon else []
    command += _options({**job.options, **program.keywords})
    return [*command, program.script]


def _options(options: dict[str, Any]) -> list[str]:
    """Options by Nuitka's own names, which refuses those it does not know."""
    made = []
    for key, value in options.items():
        name = key.replace("-", "_")
        if name in OWN_OPTIONS:
            raise FreezeError(f"freezer option {key!r} is set by bdist_esky and cannot be changed")
        flag = f"--{name.replace('_', '-')}"
        values = value if isinstance(value, (list, tuple)) else [value]
        for one in values:
            if one is True:
                made.append(flag)
            elif one is not False and one is not None:
                made.append(f"{flag}={one}")
    return made


def _stem(script: str) -> str:
    return os.path.splitext(os.path.basename(script))[0]


def _merge(source: str, target: str) -> None:
    """Move all files of a directory into another; what several programs share is the same in each."""
    for directory, _directories, files in os.walk(source):
        place = os.path.join(target, os.path.relpath(directory, source))
        os.makedirs(place, exist_ok=True)
        for file in files:
            # The directory for temporary files may be another file system.
            shutil.move(os.path.join(directory, file), os.path.join(place, file))
