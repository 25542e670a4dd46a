//! Patches from outside: whatever two trees hold, the second comes back; whatever happens to a patch is noticed.

mod damage;
mod executables;
mod memory;
mod selection;
mod trees;
