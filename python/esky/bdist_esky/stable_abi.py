"""Modules of the stable ABI in programs that carry Python in memory (Windows).

Such a module asks for ``python3.dll``, which holds nothing but references to ``python311.dll``, say. A loader that
takes libraries from memory does not follow these. All functions are in the other one too, so there the module can as
well ask for that one.
"""

from __future__ import annotations

import struct
import sys

STABLE = b"python3.dll"
# The message for DOS stands between the first header and the second: nobody runs it, and it is loaded with the headers.
DOS_HEADER = 0x40
IMPORT_DIRECTORY = 1


def asking_for(module: bytes, library: str | None = None) -> bytes:
    """The module, asking for this Python's own library; unchanged if it does not ask for the stable one."""
    name = (library or f"python{sys.version_info[0]}{sys.version_info[1]}.dll").encode("ascii") + b"\0"
    try:
        headers = struct.unpack_from("<I", module, 0x3C)[0]
        field = _name_field(module, headers)
    except struct.error as error:
        raise ValueError("the module is no Windows library, or one that is cut off") from error
    if field is None:
        return module
    if headers - DOS_HEADER < len(name):
        raise ValueError(f"the module has no room for the name {name[:-1].decode()}")
    changed = bytearray(module)
    changed[DOS_HEADER : DOS_HEADER + len(name)] = name
    struct.pack_into("<I", changed, field, DOS_HEADER)
    return bytes(changed)


def _name_field(module: bytes, headers: int) -> int | None:
    """Where in the file the address of the stable library's name stands."""
    sections, optional_size = struct.unpack_from("<2xH12xH", module, headers + 4)
    optional = headers + 24
    wide = struct.unpack_from("<H", module, optional)[0] == 0x20B
    directories = optional + (112 if wide else 96)
    imports = struct.unpack_from("<I", module, directories + 8 * IMPORT_DIRECTORY)[0]
    table = [
        struct.unpack_from("<8xIIII", module, optional + optional_size + 40 * number) for number in range(sections)
    ]

    def place(address: int) -> int | None:
        for size, start, stored, offset in table:
            if start <= address < start + max(size, stored):
                return int(offset + address - start)
        return None

    descriptor = place(imports) if imports else None
    while descriptor is not None:
        name = struct.unpack_from("<I", module, descriptor + 12)[0]
        if name == 0:
            return None
        text = place(name)
        if text is not None and module[text : text + len(STABLE) + 1].lower() == STABLE + b"\0":
            return descriptor + 12
        descriptor += 20
    return None
