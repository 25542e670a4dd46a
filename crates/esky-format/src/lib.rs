//! Names, version order, manifests and the state record: bytes to values and back
