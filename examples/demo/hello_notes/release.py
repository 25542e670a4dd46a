"""The version of the application: the one line that a release changes."""

VERSION = "1.0"
