//! Says its version.

fn main() {
    println!("hello @VERSION@");
}
