//! A program for the start-up program to start: it reports its arguments, its directory and some of its environment,
//! then does what its first argument says.

use std::io::{Read, Write};
use std::os::windows::ffi::OsStrExt;

fn main() {
    let arguments: Vec<_> = std::env::args_os().collect();
    for argument in &arguments {
        println!("argument {}", hex(argument));
    }
    println!("directory {}", hex(std::env::current_dir().unwrap().as_os_str()));
    for (name, value) in std::env::vars() {
        if name.starts_with("_PYI") || name == "KEPT" {
            println!("variable {name}={value}");
        }
    }
    let word = |index: usize| arguments.get(index).and_then(|word| word.to_str());
    match word(1) {
        Some("--exit") => std::process::exit(word(2).unwrap().parse().unwrap()),
        Some("--wait") => {
            println!("waiting");
            let _ = std::io::stdin().read_to_end(&mut Vec::new());
        }
        Some("--echo") => {
            let mut heard = Vec::new();
            std::io::stdin().read_to_end(&mut heard).unwrap();
            std::io::stderr().write_all(&heard).unwrap();
        }
        Some("--sleep") => {
            println!("waiting");
            std::thread::sleep(std::time::Duration::from_secs(600));
        }
        _ => {}
    }
}

fn hex(text: &std::ffi::OsStr) -> String {
    text.encode_wide().map(|unit| format!("{unit:04x}")).collect()
}
