//! App directories and version directories: stage, install, recover, clean up
