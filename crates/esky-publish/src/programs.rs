//! Which files are the programs, and what platform they are for.

use std::path::{Path, PathBuf};

use esky_format::layout::{APPDATA_DIR, LOCKED_DIR, STATE_DIR, UPDATES_DIR};
use esky_format::name::{AppVersion, current_platform};
use esky_format::path::{check_relative, collision_key};

use crate::error::{Error, Fault, Result};
use crate::executable::{self, Executable};
use crate::options::PackOptions;
use crate::scan::{NodeKind, Tree, read_head};

/// The programs of an app.
pub(crate) struct Programs {
    /// Names at the top of the directory, sorted.
    pub(crate) names: Vec<String>,
    /// What they are made for, with the first program that says so.
    platform: Option<(String, String)>,
}

/// Takes the programs that were asked for, or all executables at the top. Adds to the tree's
/// faults.
pub(crate) fn choose(options: &PackOptions, tree: &mut Tree) -> Programs {
    let mut found: Vec<(String, Option<Executable>)> = Vec::new();
    let tops = tree.nodes.iter().filter_map(|node| match &node.kind {
        NodeKind::File { executable, .. } if !node.path.contains('/') => {
            Some((node.path.clone(), executable.clone()))
        }
        _ => None,
    });
    match &options.programs {
        None => found.extend(tops.filter(|(_, executable)| executable.is_some())),
        Some(wanted) => {
            let tops: Vec<_> = tops.collect();
            for name in wanted {
                let with_suffix = format!("{name}.exe");
                let named = |wanted: &str| tops.iter().find(|(top, _)| top == wanted).cloned();
                match named(name).or_else(|| named(&with_suffix)) {
                    Some(program) => found.push(program),
                    None => tree.faults.push(Fault::MissingProgram(name.clone())),
                }
            }
        }
    }
    found.sort_by(|a, b| a.0.cmp(&b.0));
    found.dedup_by(|a, b| a.0 == b.0);
    for (name, executable) in &found {
        if executable.is_none() {
            tree.faults.push(Fault::NotExecutable(name.clone()));
        }
        if is_reserved(name) {
            tree.faults.push(Fault::Reserved(name.clone()));
        }
    }
    let platform = found
        .iter()
        .find_map(|(name, executable)| match executable {
            Some(Executable::Native(platform)) => Some((platform.clone(), name.clone())),
            _ => None,
        });
    let names = found.into_iter().map(|(name, _)| name).collect();
    Programs { names, platform }
}

/// The top of the app directory has these already.
fn is_reserved(name: &str) -> bool {
    let key = collision_key(name);
    [APPDATA_DIR, UPDATES_DIR, LOCKED_DIR, STATE_DIR].contains(&key.as_str())
}

/// Name, version and platform of the package, after a look at every program's own platform.
pub(crate) fn app_version(
    options: &PackOptions,
    tree: &Tree,
    programs: &Programs,
) -> Result<AppVersion> {
    let platform = match (&options.platform, &programs.platform) {
        (Some(platform), _) => platform.clone(),
        (None, Some((platform, _))) => platform.clone(),
        (None, None) => current_platform().to_owned(),
    };
    for node in &tree.nodes {
        let NodeKind::File {
            executable: Some(Executable::Native(found)),
            ..
        } = &node.kind
        else {
            continue;
        };
        if programs.names.contains(&node.path) {
            expect_platform(options.directory.join(&node.path), &platform, found)?;
        }
    }
    check_bootstrap(&options.bootstrap, &platform)?;
    let app = AppVersion {
        name: options.name.clone(),
        version: options.version.clone(),
        platform,
    };
    check_app_version(&app)?;
    Ok(app)
}

fn expect_platform(path: PathBuf, expected: &str, found: &str) -> Result<()> {
    if executable::fits(found, expected) {
        return Ok(());
    }
    Err(Error::WrongPlatform {
        path,
        expected: expected.to_owned(),
        found: found.to_owned(),
    })
}

fn check_bootstrap(path: &Path, platform: &str) -> Result<()> {
    let found = esky_fs::metadata(path)?;
    if found.is_none() {
        return Err(Error::MissingBootstrap {
            path: path.to_owned(),
        });
    }
    if found.is_some_and(|found| found.kind == esky_fs::Kind::Directory) {
        return Err(Error::BadBootstrap {
            path: path.to_owned(),
        });
    }
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    match executable::inspect(&name, &read_head(path)?) {
        Some(Executable::Native(found)) => expect_platform(path.to_owned(), platform, &found),
        Some(Executable::Script) => Ok(()),
        None => Err(Error::BadBootstrap {
            path: path.to_owned(),
        }),
    }
}

/// Clients find packages by these characters: what has another one would be published and never found.
fn is_seen_in_links(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_')
}

/// Clients read the three parts back from the directory's name: they must come out as they went in.
fn check_app_version(app: &AppVersion) -> Result<()> {
    let directory_name = app.directory_name();
    let legal = !directory_name.contains('/') && check_relative(&directory_name).is_ok();
    let cause = if app.name.is_empty() {
        "the name is empty"
    } else if app.version.is_empty() {
        "the version is empty"
    } else if !legal {
        "it is not a legal file name on every platform"
    } else if !app.version.bytes().all(is_seen_in_links) {
        "the version has a character that no client looks for in a link"
    } else if AppVersion::parse_directory(&directory_name).as_ref() != Some(app) {
        "name, version and platform cannot be told apart in it"
    } else {
        return Ok(());
    };
    Err(Error::BadName {
        directory_name,
        cause,
    })
}
