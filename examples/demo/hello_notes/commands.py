"""The commands of the program."""

import sys

from hello_notes.notes import packed_size, read_notes, thumbnail_size
from hello_notes.release import VERSION
from hello_notes.updates import clean_up, say, update_from

USAGE = "usage: hello run | hold | update URL"


def main(arguments):
    """Do what the command line says; returns the exit code."""
    if arguments == ["run"]:
        clean_up()
        tell()
    elif arguments == ["hold"]:
        hold()
    elif len(arguments) == 2 and arguments[0] == "update":
        clean_up()
        update_from(arguments[1])
    else:
        print(USAGE, file=sys.stderr)
        return 2
    return 0


def tell():
    """Print the version, the notes, and what the C extension made of them."""
    notes = read_notes()
    width, height = thumbnail_size(notes)
    say(f"hello {VERSION}: {len(notes)} notes, {packed_size(notes)} bytes packed, a picture of {width}x{height}")
    for note in notes:
        say(f"  {note}")


def hold():
    """Stay up until a line comes in, then read everything anew from this version's own files."""
    say(f"hello {VERSION} is waiting")
    sys.stdin.readline()
    tell()
