//! A Rust app that updates itself.
//!
//! `hello` says which version runs. `hello update ADDRESS` brings the newest version and starts the app anew with it.
//! docs/freezing.md tells how it is released.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "it speaks to a person"
)]

use std::env;
use std::process::exit;
use std::sync::Arc;

use esky::{
    HttpOptions, Monitor, ProgramStart, RunningApp, SignedVersionFinder, Started, SystemTransport,
    run_startup_hooks,
};

fn main() {
    // Before anything else: it keeps the running version, and counts a new one as unproven until `confirm` below.
    let executable = env::current_exe().unwrap_or_default();
    let start = ProgramStart::new(executable, env::args_os(), env::vars_os());
    let app = match run_startup_hooks(start.confirmed_by_the_app()) {
        Started::App(app) => app,
        Started::Finished { exit_code } => exit(exit_code),
        Started::NotInstalled => return println!("hello from where it was built"),
    };
    let arguments: Vec<String> = env::args().skip(1).collect();
    if let [word, address] = arguments.as_slice()
        && word == "update"
    {
        match update(&app, address) {
            Ok(true) => return,
            Ok(false) => {}
            // Being offline must not keep an app from working.
            Err(error) => eprintln!("no update: {error}"),
        }
    }
    greet(&app);
}

/// Brings the newest version. If there is one, the app starts anew with it. On Unix this process becomes the new version and
/// this does not return; on Windows that has been started beside it, and `true` says so.
fn update(app: &RunningApp, address: &str) -> esky::Result<bool> {
    let transport = SystemTransport::new(HttpOptions::default())?;
    let finder = SignedVersionFinder::new(address, Arc::new(transport));
    let monitor = Monitor::silent();
    let offers = app.app().with_finder(Arc::new(finder));
    let Some(update) = offers.check(&monitor)? else {
        return Ok(false);
    };
    update.download(&monitor)?;
    update.install(&monitor)?;
    app.relaunch(&[])?;
    Ok(true)
}

/// What the app is for. When that is done, this version has shown that it works.
fn greet(app: &RunningApp) {
    println!("hello {}", app.app().active_version().unwrap_or_default());
    // A user who may not write in the app directory can neither confirm nor clean up; whoever updates the app does.
    let _ = app.confirm();
    let _ = app.clean_up_at_exit();
}
