//! A version on trial that confirms itself.
//!
//! Mostly the start-up program watches a trial, since it alone sees how the program ends. A package may be made with
//! `confirm = app` instead: then the start-up program becomes the program, with the same process number, and the program
//! says that it works, by staying up for some time or in words. Only the process that the start-up program has started
//! may do the former: a child of it would confirm on behalf of a parent that crashes.

use std::ffi::OsStr;
use std::thread;
use std::time::Duration;

use esky_format::relaunch::TRIAL_VARIABLE;

use super::ProgramStart;
use crate::Esky;

pub(super) fn begin(app: &Esky, start: &ProgramStart) {
    let Ok(decisions) = app.decisions() else {
        return;
    };
    let on_trial = decisions.trial;
    let Some(trial) = on_trial.filter(|trial| Some(trial.version.as_str()) == app.active_version())
    else {
        return;
    };
    if start.confirms_itself {
        // Without the right to write the app could not confirm itself either.
        let _ = app.app_dir().leave_confirmation_to_app(&trial.version);
    } else if !trial.watched && is_the_started_process(start) {
        confirm_after(app.clone(), trial.confirm_after);
    }
}

/// Ends with the process at the latest.
fn confirm_after(app: Esky, seconds: u32) {
    let wait = move || {
        thread::sleep(Duration::from_secs(seconds.into()));
        // Without the right to write there is nothing to be done: whoever updates the app decides.
        let _ = app.confirm();
    };
    let _ = thread::Builder::new().name("esky trial".into()).spawn(wait);
}

/// The start-up program names the process that it becomes. A program that unpacks itself runs as the child of that
/// process. (Windows: the start-up program cannot know the number before it starts the program, so its word alone counts,
/// and the program's children must not get it: see [`super::clean_environment`].)
fn is_the_started_process(start: &ProgramStart) -> bool {
    let word = start
        .variables
        .iter()
        .find(|(name, _)| name == TRIAL_VARIABLE);
    let Some(process) = word.and_then(|(_, value)| process_number(value)) else {
        return false;
    };
    if cfg!(windows) || process == std::process::id() {
        return true;
    }
    #[cfg(unix)]
    {
        start.freezer_directory.is_some() && process == std::os::unix::process::parent_id()
    }
    #[cfg(not(unix))]
    false
}

fn process_number(value: &OsStr) -> Option<u32> {
    value.to_str()?.parse().ok()
}
