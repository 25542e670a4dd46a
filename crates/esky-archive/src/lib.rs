//! Deterministic packages
