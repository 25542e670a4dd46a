//! Keeps frozen apps fresh: find, fetch, verify and install updates
