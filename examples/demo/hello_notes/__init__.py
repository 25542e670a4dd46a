"""A small application that updates itself."""
