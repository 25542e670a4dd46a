//! Asks the linker for fewer and fuller pages: mapping them is a large part of the time that a start takes.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    if std::env::var("CARGO_CFG_TARGET_OS").is_ok_and(|system| system == "linux") {
        println!("cargo::rustc-link-arg-bins=-Wl,-z,noseparate-code");
    }
}
