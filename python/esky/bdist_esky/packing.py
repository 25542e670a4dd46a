"""From the frozen directory to the release: what ``esky pack`` does."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
import zipfile
from typing import Any

from .. import _esky
from .freezer import FreezeError


def version_directory(name: str, version: str) -> str:
    """``NAME-VERSION.PLATFORM`` for this platform."""
    return _esky.join_app_version(name, version, _esky.get_platform())


def check_names(name: str, version: str) -> None:
    """Refuse what no release may be called, before anything is frozen for it."""
    try:
        _esky.check_release(name, version)
    except ValueError as error:
        raise FreezeError(str(error)) from error


def pack(
    directory: str,
    *,
    name: str,
    version: str,
    programs: list[str],
    output: str,
    appdata_dir: bool,
    compress: bool,
    trial: list[str],
) -> tuple[str, str | None]:
    """Write the release, and return its path and the freezer that its files tell."""
    if not programs:
        raise FreezeError("every Executable has include_in_bootstrap_env=False: nothing could start the application")
    command = [sys.executable, "-m", "esky", "--json", "pack", directory]
    command += [f"--name={name}", f"--version={version}", f"--output={output}"]
    command += [f"--exe={program}" for program in programs]
    command += ["--appdata-dir"] if appdata_dir else []
    command += [] if compress else ["--no-compress"]
    command += trial
    result = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, check=False)
    answer = _answer(result.stdout)
    if result.returncode != 0 or "path" not in answer:
        raise FreezeError(f"the frozen application cannot be packed: {_reason(answer, result.returncode)}")
    return str(answer["path"]), answer.get("freezer")


def _answer(output: bytes) -> dict[str, Any]:
    try:
        answer = json.loads(output)
    except ValueError:
        return {}
    return answer if isinstance(answer, dict) else {}


def _reason(answer: dict[str, Any], code: int) -> str:
    error = answer.get("error", {})
    cause = error.get("cause") or f"`esky pack` ended with exit code {code}"
    return f"{cause} ({error['hint']})" if error.get("hint") else str(cause)


def refuse_strangers(bootstrap_dir: str, freeze_dir: str) -> None:
    """Files that a callback put beside the version directory have no place in a release: say so, do not lose them."""
    kept = os.path.relpath(freeze_dir, bootstrap_dir).split(os.sep)
    directory = bootstrap_dir
    for step in kept:
        strangers = sorted(set(os.listdir(directory)) - {step})
        if strangers:
            raise FreezeError(
                f"{os.path.join(directory, strangers[0])}: only programs stand beside the version directory; put "
                f"files of the application into {freeze_dir}"
            )
        directory = os.path.join(directory, step)


def unpack(package: str, directory: str) -> None:
    """Unpack a release that was just written, with modes and symbolic links."""
    with zipfile.ZipFile(package) as archive:
        for entry in archive.infolist():
            mode = entry.external_attr >> 16
            target = os.path.join(directory, entry.filename)
            if stat.S_ISLNK(mode):
                os.makedirs(os.path.dirname(target), exist_ok=True)
                os.symlink(archive.read(entry).decode("utf-8"), target)
                continue
            archive.extract(entry, directory)
            if mode and not entry.is_dir():
                os.chmod(target, stat.S_IMODE(mode))
