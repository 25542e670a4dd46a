"""Start of the program hello."""

import sys

from hello_notes.commands import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
