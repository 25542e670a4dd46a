//! Set-up, demo, tests and benchmarks of the project: `cargo xtask TASK`.
//!
//! Everything a task needs beyond Rust, a C compiler and Python it fetches itself, into `target/`.

#![allow(
    clippy::disallowed_methods,
    clippy::exit,
    clippy::print_stderr,
    clippy::print_stdout,
    reason = "a developer's tool: it speaks, and the files it touches are not an app's"
)]

mod bench;
mod check;
mod crash;
mod demo;
#[cfg(unix)]
mod endings;
mod freezers;
mod fuzz;
mod legacy;
mod report;
mod test;
mod tools;
#[cfg(unix)]
mod windows;

use std::process::ExitCode;

use anyhow::{Result, bail};

const USAGE: &str = "\
cargo xtask demo [--freezer PyInstaller|cx_Freeze]   freeze a small app, release it twice, watch it update itself
cargo xtask test                                     checks, Rust and Python tests, the demo with each freezer
cargo xtask test --stories                           the same and what takes long: crashes, old apps, large apps, Windows, what users get
cargo xtask check                                    formatting, lints, types, documentation, dependencies
cargo xtask bootstrap                                build the start-up program
cargo xtask wheel [--windows]                        build the wheel, with the start-up program inside
cargo xtask legacy                                   apps with the original esky update themselves to this one
cargo xtask crash [--full]                           the crash laboratory; its figures into docs/design/crash-safety.md
cargo xtask freezers [--only WORD]                   freeze, pack, update and start an app with every freezer; writes docs/freezers.md
cargo xtask endings [--only WORD]                    every way to end for a version on trial, with every freezer; writes docs/design/endings.md
cargo xtask fuzz [--seconds N]                       every parser of foreign bytes in the hands of libFuzzer
cargo xtask windows [--stories | --python]           the Windows programs: their tests and stories, run by Wine
cargo xtask bench                                    measure, compare with the limits, write docs/benchmarks.md
cargo xtask bench sizes                              measure the files that users get; the figures into docs/benchmarks.md
cargo xtask bench delta                              patches against those of other tools; writes docs/bench-delta.md";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match dispatch(&arguments) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn dispatch(arguments: &[String]) -> Result<ExitCode> {
    let (task, rest) = match arguments.split_first() {
        Some((task, rest)) => (task.as_str(), rest),
        None => ("help", arguments),
    };
    match (task, rest) {
        ("demo", rest) => demo::run(rest)?,
        ("check", []) => return Ok(check::main()),
        ("test", []) => return Ok(test::main(false)),
        ("test", [stories]) if stories == "--stories" => return Ok(test::main(true)),
        ("bench", []) => bench::main()?,
        ("bench", [delta]) if delta == "delta" => bench::delta::main()?,
        ("bench", [sizes]) if sizes == "sizes" => bench::sizes::write()?,
        ("legacy", []) => legacy::run(None)?,
        ("legacy", [flag, wheel]) if flag == "--wheel" => legacy::run(Some(wheel.into()))?,
        #[cfg(unix)]
        ("endings", rest) => return endings::main(rest),
        ("freezers", rest) => return freezers::main(rest),
        ("fuzz", rest) => fuzz::main(rest)?,
        ("crash", []) => crash::run(false)?,
        ("crash", [full]) if full == "--full" => crash::run(true)?,
        #[cfg(unix)]
        ("windows", []) => return windows::main(windows::What::Everything),
        #[cfg(unix)]
        ("windows", [story]) if story == "--stories" => {
            return windows::main(windows::What::Stories);
        }
        #[cfg(unix)]
        ("windows", [python]) if python == "--python" => {
            return windows::main(windows::What::Python);
        }
        ("bootstrap", []) => drop(tools::build_bootstrap()?),
        (test::EMPTY_ARCHIVE, rest) => test::empty_archive(rest)?,
        ("wheel", []) => drop(tools::build_wheel()?),
        ("wheel", [windows]) if windows == "--windows" => drop(tools::build_windows_wheel()?),
        ("help" | "--help" | "-h", []) => println!("{USAGE}"),
        _ => bail!("`{}` is no task; these are:\n{USAGE}", arguments.join(" ")),
    }
    Ok(ExitCode::SUCCESS)
}
