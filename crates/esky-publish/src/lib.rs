//! From a frozen directory to a release
