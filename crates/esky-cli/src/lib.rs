//! The esky command
