//! Set-up, demo, tests and benchmarks of the project.

fn main() {}
