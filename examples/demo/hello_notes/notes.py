"""Reads the notes that come with the application."""

from importlib import resources

import msgpack


def read_notes():
    """The notes, one a line in the data file."""
    return resources.files("hello_notes").joinpath("notes.txt").read_text(encoding="utf-8").splitlines()


def packed_size(notes):
    """Number of bytes of the notes packed by msgpack's C extension, checked by unpacking them again."""
    # Only the compiled module has this name: without it msgpack would quietly use Python code.
    from msgpack import _cmsgpack

    packed = _cmsgpack.Packer().pack(notes)
    if msgpack.unpackb(packed) != notes:
        raise ValueError("the notes did not survive packing")
    return len(packed)
