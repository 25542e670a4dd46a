//! `esky sign` and `esky publish`: what several people do one after the other.

use std::fmt;
use std::io::{self, BufRead, Write};

use esky_publish::repository::{
    Changes, OpenRequest, RoleChange, RoleSignatures, RootChanges, TargetAdded, TargetsChanges,
    publish_requests,
};
use esky_trust::Role;
use serde::Serialize;

use super::key_changes::kind_name;
use super::keys::Workplace;
use super::now;
use crate::Environment;
use crate::arguments::{PublishArguments, SignArguments};
use crate::exit;
use crate::failure::Failure;
use crate::terminal::Terminal;
use crate::text;

/// So much of an id or a hash is shown to people.
pub(super) const SHORT: usize = 12;

#[derive(Serialize)]
struct Outcome {
    app: String,
    fingerprint: String,
    root: Option<RootOutcome>,
    targets: Option<TargetsOutcome>,
    signatures: Vec<SignaturesOutcome>,
    complete: bool,
    signed: bool,
    published: bool,
}

#[derive(Serialize)]
struct RootOutcome {
    version: u64,
    expires: String,
    roles: Vec<RoleOutcome>,
    replaced: Vec<String>,
    other: bool,
}

#[derive(Serialize)]
struct RoleOutcome {
    role: &'static str,
    threshold_before: u64,
    threshold: u64,
    added: Vec<KeyOutcome>,
    removed: Vec<String>,
}

#[derive(Serialize)]
struct KeyOutcome {
    id: String,
    kind: Option<&'static str>,
}

#[derive(Serialize)]
struct TargetsOutcome {
    version: u64,
    expires: String,
    added: Vec<FileOutcome>,
    replaced: Vec<FileOutcome>,
    described: Vec<String>,
    removed: Vec<String>,
    other: bool,
}

#[derive(Serialize)]
struct FileOutcome {
    target: String,
    size: u64,
    hash: String,
}

#[derive(Serialize)]
struct SignaturesOutcome {
    role: &'static str,
    root: u64,
    threshold: u64,
    signed: Vec<String>,
    others: Vec<String>,
}

pub(crate) fn sign(
    arguments: &SignArguments,
    terminal: &Terminal,
    environment: &Environment,
) -> Result<i32, Failure> {
    let workplace = Workplace::find(&arguments.keys, environment)?;
    let request = OpenRequest::open(&workplace.project, &arguments.request)?;
    let shown = Outcome::new(request.changes());
    if arguments.show {
        terminal.show(&shown)?;
        return Ok(exit::SUCCESS);
    }
    if !arguments.yes {
        expect_person(environment)?;
        terminal.message(&shown.to_string());
        if !is_agreed()? {
            return Err(Failure::new("nothing was signed"));
        }
    }
    let roles = [Role::Root, Role::Targets];
    let roots = request.roots().into_iter();
    let wanted: Vec<_> = roots
        .flat_map(|root| roles.map(|role| (root, role)))
        .collect();
    let signers = workplace.all_signers(&arguments.keys, &wanted, environment)?;
    let signed = request.sign(&signers)?;
    terminal.show(&Outcome {
        complete: signed.complete,
        signed: true,
        ..Outcome::new(signed.changes)
    })?;
    Ok(exit::SUCCESS)
}

pub(crate) fn publish(
    arguments: &PublishArguments,
    terminal: &Terminal,
    environment: &Environment,
) -> Result<i32, Failure> {
    let workplace = Workplace::find(&arguments.keys, environment)?;
    let signers = workplace.release_signers(&arguments.keys, environment)?;
    let requests = &arguments.requests;
    let changes = publish_requests(&workplace.project, requests, &signers, now())?;
    terminal.show(&Outcome {
        complete: true,
        published: true,
        ..Outcome::new(changes)
    })?;
    Ok(exit::SUCCESS)
}

/// What to do with a request that was made because signatures are missing.
pub(super) fn waiting(request: &str, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
    let request = text::argument(request);
    writeln!(
        formatter,
        "Others must sign too. Nobody sees the change before it is published.\n  \
         each of them  esky sign {request}\n  \
         then          esky publish {request}"
    )
}

/// Nobody signs what nobody has read.
fn expect_person(environment: &Environment) -> Result<(), Failure> {
    match environment.stdin_is_terminal {
        true => Ok(()),
        false => Err(Failure::usage("nobody is here to be asked")
            .with_hint(Some("look at it with --show, then sign it with --yes"))),
    }
}

fn is_agreed() -> Result<bool, Failure> {
    let mut answer = String::new();
    let asked = write!(io::stderr(), "Sign this? [y/N] ").and_then(|()| io::stderr().flush());
    asked
        .and_then(|()| io::stdin().lock().read_line(&mut answer))
        .map_err(|error| Failure::new(format!("nothing could be read: {error}")))?;
    let answer = answer.trim().to_ascii_lowercase();
    Ok(answer == "y" || answer == "yes")
}

impl Outcome {
    fn new(changes: Changes) -> Self {
        Self {
            app: changes.app,
            fingerprint: changes.fingerprint,
            root: changes.root.map(RootOutcome::new),
            targets: changes.targets.map(TargetsOutcome::new),
            signatures: changes
                .signatures
                .into_iter()
                .map(SignaturesOutcome::new)
                .collect(),
            complete: false,
            signed: false,
            published: false,
        }
    }
}

impl RootOutcome {
    fn new(root: RootChanges) -> Self {
        Self {
            version: root.version,
            expires: root.expires.to_string(),
            roles: root.roles.into_iter().map(RoleOutcome::new).collect(),
            replaced: ids(root.replaced),
            other: root.other,
        }
    }
}

impl RoleOutcome {
    fn new(change: RoleChange) -> Self {
        let added = change.added.into_iter().map(|key| KeyOutcome {
            id: key.id.as_str().to_owned(),
            kind: key.kind.map(kind_name),
        });
        Self {
            role: change.role.name(),
            threshold_before: change.threshold.0,
            threshold: change.threshold.1,
            added: added.collect(),
            removed: ids(change.removed),
        }
    }
}

impl TargetsOutcome {
    fn new(targets: TargetsChanges) -> Self {
        let files = |files: Vec<TargetAdded>| {
            let file = |file: TargetAdded| FileOutcome {
                target: file.target,
                size: file.size,
                hash: file.hash,
            };
            files.into_iter().map(file).collect()
        };
        Self {
            version: targets.version,
            expires: targets.expires.to_string(),
            added: files(targets.added),
            replaced: files(targets.replaced),
            described: targets.described,
            removed: targets.removed,
            other: targets.other,
        }
    }
}

impl SignaturesOutcome {
    fn new(signatures: RoleSignatures) -> Self {
        Self {
            role: signatures.role.name(),
            root: signatures.root,
            threshold: signatures.threshold,
            signed: ids(signatures.signed),
            others: ids(signatures.others),
        }
    }
}

fn ids(ids: Vec<esky_trust::KeyId>) -> Vec<String> {
    ids.iter().map(|id| id.as_str().to_owned()).collect()
}

/// Enough of an id or hash to tell it from others.
pub(super) fn short(id: &str) -> String {
    text::printable(&id.chars().take(SHORT).collect::<String>())
}

impl fmt::Display for Outcome {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let app = text::printable(&self.app);
        writeln!(formatter, "{app}, request {}", short(&self.fingerprint))?;
        if let Some(root) = &self.root {
            write!(formatter, "{root}")?;
        }
        if let Some(targets) = &self.targets {
            write!(formatter, "{targets}")?;
        }
        writeln!(formatter, "signatures")?;
        for signatures in &self.signatures {
            write!(formatter, "{signatures}")?;
        }
        match (self.published, self.signed, self.complete) {
            (true, ..) => writeln!(
                formatter,
                "published; put the repository on your web server"
            ),
            (_, true, true) => writeln!(formatter, "signed; it can be published now"),
            (_, true, false) => writeln!(formatter, "signed; others must sign too"),
            _ => Ok(()),
        }
    }
}

impl fmt::Display for RootOutcome {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (version, expires) = (self.version, &self.expires);
        writeln!(
            formatter,
            "who may sign: root {version}, good until {expires}"
        )?;
        for change in &self.roles {
            let role = change.role;
            if change.threshold != change.threshold_before {
                let (before, after) = (change.threshold_before, change.threshold);
                writeln!(formatter, "  {role}: {after} must sign, not {before}")?;
            }
            for key in &change.added {
                let kind = key.kind.unwrap_or("of an unknown kind");
                writeln!(formatter, "  {role}: new key {} ({kind})", short(&key.id))?;
            }
            for id in &change.removed {
                writeln!(formatter, "  {role}: without key {}", short(id))?;
            }
        }
        for id in &self.replaced {
            writeln!(
                formatter,
                "  WARNING: {} is another key than before",
                short(id)
            )?;
        }
        other(self.other, formatter)
    }
}

impl fmt::Display for TargetsOutcome {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (version, expires) = (self.version, &self.expires);
        writeln!(
            formatter,
            "what is offered: targets {version}, good until {expires}"
        )?;
        let files = [("new", &self.added), ("ANOTHER FILE", &self.replaced)];
        for (word, files) in files {
            for file in files {
                let (target, size) = (text::printable(&file.target), text::bytes(file.size));
                let hash = short(&file.hash);
                writeln!(formatter, "  {word}: {target}, {size}, {hash}")?;
            }
        }
        let names = [
            ("described anew", &self.described),
            ("removed", &self.removed),
        ];
        for (word, names) in names {
            for name in names {
                writeln!(formatter, "  {word}: {}", text::printable(name))?;
            }
        }
        other(self.other, formatter)
    }
}

fn other(other: bool, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
    match other {
        true => writeln!(
            formatter,
            "  WARNING: other parts change too; read the file"
        ),
        false => Ok(()),
    }
}

impl fmt::Display for SignaturesOutcome {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (role, root) = (self.role, self.root);
        let (have, need) = (self.signed.len(), self.threshold);
        write!(formatter, "  {role}, by root {root}: {have} of {need}")?;
        for (word, ids) in [("signed", &self.signed), ("may sign", &self.others)] {
            if !ids.is_empty() {
                let ids: Vec<_> = ids.iter().map(|id| short(id)).collect();
                write!(formatter, "; {word}: {}", ids.join(" "))?;
            }
        }
        writeln!(formatter)
    }
}
