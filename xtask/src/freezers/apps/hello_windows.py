"""Says its version."""

print("hello @VERSION@")
