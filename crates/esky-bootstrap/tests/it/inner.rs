//! A program for the start-up program to start: it reports its arguments, its directory, its process number and what
//! a freezer could have left in its environment, then does what its first argument says.

use std::io::Read;
use std::os::unix::ffi::OsStrExt;

fn main() {
    let arguments: Vec<_> = std::env::args_os().collect();
    for argument in &arguments {
        println!("argument {}", hex(argument.as_bytes()));
    }
    println!("directory {}", hex(std::env::current_dir().unwrap().as_os_str().as_bytes()));
    println!("process {}", std::process::id());
    for (name, value) in std::env::vars() {
        if name.starts_with("_PYI") || name.starts_with("LD_LIBRARY") || name == "KEPT" {
            println!("variable {name}={value}");
        }
    }
    match arguments.get(1).and_then(|argument| argument.to_str()) {
        Some("--exit") => std::process::exit(arguments[2].to_str().unwrap().parse().unwrap()),
        Some("--wait") => {
            println!("waiting");
            let _ = std::io::stdin().read_to_end(&mut Vec::new());
        }
        _ => {}
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
