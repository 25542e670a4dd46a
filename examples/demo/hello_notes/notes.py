"""Reads the notes that come with the application."""

from importlib import resources
from io import BytesIO

import msgpack
from PIL import Image


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


def thumbnail_size(notes):
    """Width and height of a picture of the notes, written and read as JPEG by Pillow's shared libraries."""
    picture = BytesIO()
    Image.new("RGB", (len(notes), 8)).save(picture, "JPEG")
    return Image.open(picture, formats=["JPEG"]).size
