//! Licences, doubled or unwanted crates, their sources and known weaknesses, by cargo-deny and `deny.toml`.

use std::process::Command;

use crate::report::Group;
use crate::tools::{CARGO_DENY, output, run, workspace_root};

/// Adds the checks to the group.
pub(crate) fn check(group: &mut Group) {
    let mut program = None;
    group.step("cargo-deny is there", || {
        program = Some(CARGO_DENY.find()?);
        Ok(())
    });
    let Some(program) = program else { return };
    let deny = || {
        let mut command = Command::new(&program);
        command.current_dir(workspace_root());
        command
    };
    group.step("bans, licences, sources", || {
        run(deny().args([
            "check",
            "--hide-inclusion-graph",
            "bans",
            "licenses",
            "sources",
        ]))
    });
    match output(deny().args(["fetch", "db"])) {
        Ok(_) => {
            group.step("advisories", || {
                run(deny().args(["check", "--disable-fetch", "advisories"]))
            });
        }
        Err(_) => group.skip(
            "advisories",
            "the advisory database cannot be reached from this machine",
        ),
    }
}
