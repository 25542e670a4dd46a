"""Modules of the stable ABI, changed for programs that have Python in memory."""

from __future__ import annotations

import struct

import pytest

from esky.bdist_esky.stable_abi import asking_for

HEADERS, SECTION, ADDRESS = 0x80, 0x200, 0x1000


def library(*names: bytes, headers: int = HEADERS) -> bytes:
    """A Windows library that asks for these, with nothing else in it."""
    texts = b"".join(name + b"\0" for name in names)
    start = ADDRESS + 20 * (len(names) + 1)
    places = [start + texts.index(name + b"\0") for name in names]
    imports = b"".join(struct.pack("<12xI4x", place) for place in places) + bytes(20)
    section = imports + texts
    file = bytearray(SECTION) + section
    file[:2] = b"MZ"
    struct.pack_into("<I", file, 0x3C, headers)
    struct.pack_into("<4sHH12xHH", file, headers, b"PE\0\0", 0x8664, 1, 240, 0x2022)
    struct.pack_into("<H", file, headers + 24, 0x20B)
    struct.pack_into("<II", file, headers + 24 + 112 + 8, ADDRESS, len(imports))
    header = (b".idata", len(section), ADDRESS, len(section), SECTION)
    struct.pack_into("<8sIIII", file, headers + 24 + 240, *header)
    return bytes(file)


def asked_for(module: bytes) -> list[bytes]:
    names = []
    descriptor = SECTION
    while place := struct.unpack_from("<I", module, descriptor + 12)[0]:
        start = place if place < ADDRESS else place - ADDRESS + SECTION
        names.append(module[start : module.index(b"\0", start)])
        descriptor += 20
    return names


def test_the_stable_library_becomes_the_one_of_this_python() -> None:
    module = library(b"kernel32.dll", b"python3.dll", b"user32.dll")
    changed = asking_for(module, "python311.dll")
    assert asked_for(changed) == [b"kernel32.dll", b"python311.dll", b"user32.dll"]
    assert len(changed) == len(module)


def test_a_module_of_one_python_stays_as_it_is() -> None:
    module = library(b"kernel32.dll", b"python39.dll")
    assert asking_for(module, "python39.dll") == module


def test_a_module_without_room_for_the_name_is_refused() -> None:
    with pytest.raises(ValueError, match="no room for the name"):
        asking_for(library(b"python3.dll", headers=0x48), "python311.dll")


@pytest.mark.parametrize("length", [0, 0x3D, 0x90, SECTION + 10])
def test_a_module_that_is_cut_off_is_refused(length: int) -> None:
    with pytest.raises(ValueError, match="cut off"):
        asking_for(library(b"python3.dll")[:length])
