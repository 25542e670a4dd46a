//! The start-up program at the top of an app directory
