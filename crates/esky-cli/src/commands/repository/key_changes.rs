//! `esky keys`: who may sign.

use std::fmt;
use std::path::PathBuf;

use esky_publish::repository::{
    KeyChange, KeysChanged, change_keys, new_personal_key, newest_root, split_release_key,
};
use esky_trust::sign::PublicFile;
use esky_trust::{KeyId, KeyKind, Role, Root};
use serde::Serialize;

use super::init::new_passphrase;
use super::keys::Workplace;
use super::now;
use super::requests::{self, short};
use crate::Environment;
use crate::arguments::{
    AddKeyArguments, Duty, KeyArguments, KeysAction, KeysArguments, Kind, ListKeysArguments,
    NewKeyArguments, RemoveKeyArguments, SignedBySeveral, SplitArguments, ThresholdArguments,
};
use crate::exit;
use crate::failure::Failure;
use crate::terminal::Terminal;
use crate::text;

const LIMIT: u64 = 64 << 10;
const FILE_MODE: u32 = 0o644;

pub(crate) fn run(
    arguments: &KeysArguments,
    terminal: &Terminal,
    environment: &Environment,
) -> Result<i32, Failure> {
    match &arguments.action {
        KeysAction::List(arguments) => list(arguments, terminal, environment),
        KeysAction::New(arguments) => new(arguments, terminal, environment),
        KeysAction::Add(arguments) => add(arguments, terminal, environment),
        KeysAction::Remove(arguments) => remove(arguments, terminal, environment),
        KeysAction::Threshold(arguments) => threshold(arguments, terminal, environment),
        KeysAction::Split(arguments) => split(arguments, terminal, environment),
    }
}

/// How a kind of key is called on the command line and in its output.
pub(super) fn kind_name(kind: KeyKind) -> &'static str {
    match kind {
        KeyKind::Ed25519 => "ed25519",
        KeyKind::EcdsaP256 => "p256",
        KeyKind::RsaPss => "rsa",
        _ => "unknown",
    }
}

#[derive(Serialize)]
struct Listed {
    root_version: u64,
    keys: Vec<ListedKey>,
    thresholds: Vec<Threshold>,
}

#[derive(Serialize)]
struct ListedKey {
    id: String,
    kind: Option<&'static str>,
    roles: Vec<&'static str>,
    at_hand: bool,
}

#[derive(Serialize)]
struct Threshold {
    role: &'static str,
    threshold: u64,
    keys: usize,
}

fn list(
    arguments: &ListKeysArguments,
    terminal: &Terminal,
    environment: &Environment,
) -> Result<i32, Failure> {
    let workplace = Workplace::find(&arguments.keys, environment)?;
    let root = newest_root(&workplace.project)?;
    let signers = workplace.release_signers(&arguments.keys, environment)?;
    let in_store = workplace.encrypted_ids(&root)?;
    let keys = root.keys.iter().map(|(id, key)| {
        let roles = Role::ALL.into_iter();
        let roles = roles.filter(|role| root.roles.get(*role).key_ids.contains(id));
        ListedKey {
            id: id.as_str().to_owned(),
            kind: key.kind().map(kind_name),
            roles: roles.map(Role::name).collect(),
            at_hand: signers.has(id) || in_store.contains(id),
        }
    });
    let thresholds = Role::ALL.into_iter().map(|role| Threshold {
        role: role.name(),
        threshold: root.roles.get(role).threshold,
        keys: root.roles.get(role).key_ids.len(),
    });
    terminal.show(&Listed {
        root_version: root.version,
        keys: keys.collect(),
        thresholds: thresholds.collect(),
    })?;
    Ok(exit::SUCCESS)
}

#[derive(Serialize)]
struct Made {
    id: String,
    kind: &'static str,
    key_file: String,
    public_file: String,
    /// Only if it was made here.
    passphrase: Option<String>,
}

fn new(
    arguments: &NewKeyArguments,
    terminal: &Terminal,
    environment: &Environment,
) -> Result<i32, Failure> {
    let workplace = Workplace::find(&arguments.keys, environment)?;
    let (store, app) = (workplace.store()?, &workplace.project.app);
    let (passphrase, made) = match &environment.root_passphrase {
        Some(passphrase) => (passphrase.clone(), false),
        None => (new_passphrase()?, true),
    };
    let kind = match arguments.kind {
        Kind::Ed25519 => KeyKind::Ed25519,
        Kind::P256 => KeyKind::EcdsaP256,
    };
    let key = new_personal_key(app, kind, store, &passphrase)?;
    let file = format!("{app}-{}.public.json", short(key.id.as_str()));
    let output = arguments
        .output
        .clone()
        .unwrap_or_else(|| PathBuf::from(file));
    esky_fs::write_durable(&output, &key.public.to_bytes(), FILE_MODE)?;
    terminal.show(&Made {
        id: key.id.as_str().to_owned(),
        kind: kind_name(kind),
        key_file: key.path.display().to_string(),
        public_file: output.display().to_string(),
        passphrase: made.then(|| passphrase.to_string()),
    })?;
    Ok(exit::SUCCESS)
}

fn add(
    arguments: &AddKeyArguments,
    terminal: &Terminal,
    environment: &Environment,
) -> Result<i32, Failure> {
    let path = &arguments.public;
    let bytes = esky_fs::read_limited(path, LIMIT)?;
    let key = PublicFile::parse(&bytes).map_err(|fault| {
        Failure::from_error(&fault).about_path(path).with_hint(Some(
            "ask for the file that `esky keys new` wrote, or for PEM",
        ))
    })?;
    let roles = roles(&arguments.role);
    let key = Box::new(key);
    let change = KeyChange::Add { roles, key };
    apply(&arguments.keys, &change, terminal, environment)
}

fn remove(
    arguments: &RemoveKeyArguments,
    terminal: &Terminal,
    environment: &Environment,
) -> Result<i32, Failure> {
    let workplace = Workplace::find(&arguments.keys, environment)?;
    let id = complete(&newest_root(&workplace.project)?, &arguments.id)?;
    let roles = match arguments.role.is_empty() {
        true => Role::ALL.to_vec(),
        false => roles(&arguments.role),
    };
    let change = KeyChange::Remove { roles, id };
    apply(&arguments.keys, &change, terminal, environment)
}

fn threshold(
    arguments: &ThresholdArguments,
    terminal: &Terminal,
    environment: &Environment,
) -> Result<i32, Failure> {
    let change = KeyChange::Threshold {
        role: match arguments.role {
            SignedBySeveral::Root => Role::Root,
            SignedBySeveral::Targets => Role::Targets,
        },
        keys: arguments.count,
        without_spare: arguments.without_spare,
    };
    apply(&arguments.keys, &change, terminal, environment)
}

#[derive(Serialize)]
struct Changed {
    root_version: u64,
    request: Option<String>,
    /// The new key for versions, if they got one of their own.
    targets_key_file: Option<String>,
    passphrase: Option<String>,
}

fn split(
    arguments: &SplitArguments,
    terminal: &Terminal,
    environment: &Environment,
) -> Result<i32, Failure> {
    let workplace = Workplace::find(&arguments.keys, environment)?;
    let root = newest_root(&workplace.project)?;
    let wanted = [(&root, Role::Root), (&root, Role::Targets)];
    let signers = workplace.all_signers(&arguments.keys, &wanted, environment)?;
    let (passphrase, made) = match &environment.root_passphrase {
        Some(passphrase) => (passphrase.clone(), false),
        None => (new_passphrase()?, true),
    };
    let (project, store) = (&workplace.project, workplace.store()?);
    let (changed, path) = split_release_key(project, store, &passphrase, signers, now())?;
    terminal.show(&Changed {
        targets_key_file: Some(path.display().to_string()),
        passphrase: made.then(|| passphrase.to_string()),
        ..Changed::new(changed)
    })?;
    Ok(exit::SUCCESS)
}

fn apply(
    keys: &KeyArguments,
    change: &KeyChange,
    terminal: &Terminal,
    environment: &Environment,
) -> Result<i32, Failure> {
    let workplace = Workplace::find(keys, environment)?;
    let root = newest_root(&workplace.project)?;
    let wanted = [(&root, Role::Root), (&root, Role::Targets)];
    let signers = workplace.all_signers(keys, &wanted, environment)?;
    let changed = change_keys(&workplace.project, change, &signers, now())?;
    terminal.show(&Changed::new(changed))?;
    Ok(exit::SUCCESS)
}

fn roles(duties: &[Duty]) -> Vec<Role> {
    let mut roles: Vec<Role> = Vec::new();
    for duty in duties {
        let of: &[Role] = match duty {
            Duty::Root => &[Role::Root],
            Duty::Targets => &[Role::Targets],
            Duty::Online => &[Role::Snapshot, Role::Timestamp],
        };
        roles.extend(of);
    }
    roles.sort_unstable();
    roles.dedup();
    roles
}

/// The one id that begins so.
fn complete(root: &Root, start: &str) -> Result<KeyId, Failure> {
    let mut ids = root.keys.keys().filter(|id| id.as_str().starts_with(start));
    match (ids.next(), ids.next()) {
        (Some(id), None) => Ok(id.clone()),
        (None, _) => Err(Failure::new(format!("no key's id begins with {start}"))
            .with_hint(Some("`esky keys list` shows all ids"))),
        _ => Err(
            Failure::new(format!("the ids of several keys begin with {start}"))
                .with_hint(Some("give more of it")),
        ),
    }
}

impl Changed {
    fn new(changed: KeysChanged) -> Self {
        Self {
            root_version: changed.root_version,
            request: changed.request.map(|path| path.display().to_string()),
            targets_key_file: None,
            passphrase: None,
        }
    }
}

impl fmt::Display for Changed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(file) = &self.targets_key_file {
            let file = text::printable(file);
            writeln!(formatter, "the new key for versions: {file}")?;
        }
        if let Some(passphrase) = &self.passphrase {
            writeln!(
                formatter,
                "its passphrase, to be kept with the words:\n\n    {passphrase}\n"
            )?;
        }
        match &self.request {
            Some(request) => requests::waiting(request, formatter),
            None => writeln!(
                formatter,
                "root {} is published; put the repository on your web server",
                self.root_version
            ),
        }
    }
}

impl fmt::Display for Made {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (key, public) = (
            text::printable(&self.key_file),
            text::printable(&self.public_file),
        );
        writeln!(
            formatter,
            "new key {} ({}): {key}",
            short(&self.id),
            self.kind
        )?;
        if let Some(passphrase) = &self.passphrase {
            writeln!(
                formatter,
                "its passphrase, for a piece of paper:\n\n    {passphrase}\n"
            )?;
        }
        writeln!(
            formatter,
            "send {public} to whoever runs: esky keys add {public} --role ROLE"
        )
    }
}

impl fmt::Display for Listed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(formatter, "root {}", self.root_version)?;
        let needs = self.thresholds.iter().map(|role| {
            let keys = text::count(role.keys as u64, "key");
            [
                format!("  {}", role.role),
                format!("{} of {keys} must sign", role.threshold),
            ]
        });
        let needs: Vec<_> = needs.collect();
        write!(formatter, "{}\nkeys\n", text::table(&needs))?;
        let rows = self.keys.iter().map(|key| {
            let here = if key.at_hand { "here" } else { "" };
            [
                format!("  {}", short(&key.id)),
                key.kind.unwrap_or("unknown").to_owned(),
                key.roles.join(" "),
                here.to_owned(),
            ]
        });
        write!(formatter, "{}", text::table(&rows.collect::<Vec<_>>()))
    }
}
