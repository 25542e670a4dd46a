//! A program for Windows that has the same program of this machine's own compiler do its work: as `gcc.exe` it runs
//! `x86_64-w64-mingw32-gcc`. Wine starts programs of the system it runs on, but neither waits for them nor tells how they
//! ended; a script does, by files.
//!
//! `ESKY_HAND_OVER` is the directory of the script, and `ESKY_WINE_DISKS` the one where Wine keeps its disks, both as paths of
//! the system.

use std::error::Error;
use std::io::{Write, stderr, stdout};
use std::path::Path;
use std::process::{Command, ExitCode, id};
use std::time::Duration;
use std::{env, fs, thread};

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let place = env::var("ESKY_HAND_OVER")?;
    let disks = env::var("ESKY_WINE_DISKS")?;
    let program = env::current_exe()?;
    let name = program.file_stem().ok_or("a program has a name")?;
    let base = format!("{place}/{}-{}", name.to_string_lossy(), id());
    let file = |ending: &str| format!("Z:{base}.{ending}");

    let mut request = format!("x86_64-w64-mingw32-{}\n", name.to_string_lossy());
    for argument in env::args().skip(1) {
        let argument = match argument.strip_prefix('@') {
            Some(list) => {
                let text = fs::read_to_string(list)?.replace(r"\\", "/");
                fs::write(file("list"), translated(&text, &disks))?;
                format!("@{base}.list")
            }
            None => translated(&argument, &disks),
        };
        request.push_str(&argument);
        request.push('\n');
    }
    fs::write(file("request"), request)?;
    // What is started has no handle that could be waited for.
    drop(
        Command::new(format!("Z:{place}/hand-over.sh"))
            .arg(&base)
            .spawn()?,
    );
    let code = loop {
        match fs::read_to_string(file("code")) {
            Ok(code) => break code,
            Err(_) => thread::sleep(Duration::from_millis(10)),
        }
    };
    let mut out = fs::read(file("out"))?;
    if env::args().any(|argument| argument == "-dumpversion") {
        // Debian's says `12-win32`, and who asks wants numbers.
        out = out
            .split(|byte| *byte == b'-')
            .next()
            .unwrap_or_default()
            .to_vec();
    }
    stdout().write_all(&out)?;
    stderr().write_all(&fs::read(file("err"))?)?;
    for ending in ["request", "list", "out", "err", "code"] {
        if Path::new(&file(ending)).exists() {
            fs::remove_file(file(ending))?;
        }
    }
    Ok(ExitCode::from(code.trim().parse::<u8>()?))
}

/// With the paths as the system has them: `-IC:\x` becomes `-I/disks/c:/x`.
fn translated(text: &str, disks: &str) -> String {
    let text = text.replace('\\', "/");
    let mut made = String::new();
    let mut rest = text.as_str();
    while let Some(colon) = rest.find(":/") {
        let (before, after) = rest.split_at(colon);
        let disk = before
            .chars()
            .last()
            .filter(|letter| letter.is_ascii_alphabetic() && !after.starts_with("://"));
        made.push_str(&before[..before.len() - usize::from(disk.is_some())]);
        match disk.map(|disk| disk.to_ascii_lowercase()) {
            Some('z') => {}
            Some(disk) => made.push_str(&format!("{disks}/{disk}:")),
            None => made.push(':'),
        }
        rest = &after[1..];
    }
    made + rest
}
