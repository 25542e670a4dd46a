"""Packs a wheel around a module that cargo has built: what maturin does, without another compilation.

wheel.py METADATA_DIRECTORY MODULE PYTHON_SOURCES OUTPUT_DIRECTORY
"""

import base64
import hashlib
import re
import sys
import zipfile
from pathlib import Path


def main() -> None:
    metadata, module, sources, output = map(Path, sys.argv[1:])
    (info,) = metadata.glob("*.dist-info")
    tag = re.search(r"^Tag: (\S+)$", (info / "WHEEL").read_text(encoding="utf-8"), re.MULTILINE)
    assert tag is not None
    files = {f"esky/{path.relative_to(sources).as_posix()}": path for path in python_files(sources)}
    files[f"esky/{module.name}"] = module
    files.update({path.relative_to(metadata).as_posix(): path for path in info.rglob("*") if path.is_file()})
    wheel = output / f"{info.name.removesuffix('.dist-info')}-{tag[1]}.whl"
    record = f"{info.name}/RECORD"
    lines = [f"{record},,\n"]
    # Nobody downloads it: compressing well would only take time.
    with zipfile.ZipFile(wheel, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, path in sorted(files.items()):
            archive.write(path, name)
            content = path.read_bytes()
            digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
            lines.append(f"{name},sha256={digest},{len(content)}\n")
        archive.writestr(record, "".join(lines))


def python_files(sources: Path) -> list[Path]:
    return [path for path in sources.rglob("*") if path.is_file() and "__pycache__" not in path.parts]


main()
