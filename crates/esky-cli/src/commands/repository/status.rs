//! `esky status`: what there is, what expires when, who can sign.

use std::fmt;

use esky_publish::repository::{self, Health, RoleStatus, Status};
use esky_trust::{PackageKind, Time};
use serde::Serialize;

use super::keys::Workplace;
use super::now;
use crate::Environment;
use crate::arguments::StatusArguments;
use crate::exit;
use crate::failure::Failure;
use crate::terminal::Terminal;
use crate::text;

const DAY: i64 = 86_400;

#[derive(Serialize)]
struct Outcome {
    app: String,
    repository: String,
    channel: String,
    health: &'static str,
    /// Files of metadata with other line ends than were signed for.
    altered: Vec<String>,
    roles: Vec<Role>,
    releases: Vec<Release>,
}

#[derive(Serialize)]
struct Role {
    role: String,
    version: u64,
    expires: String,
    days_left: i64,
    health: &'static str,
    threshold: u64,
    keys: Vec<Key>,
}

#[derive(Serialize)]
struct Key {
    id: String,
    at_hand: bool,
}

#[derive(Serialize)]
struct Release {
    target: String,
    size: u64,
    version: Option<String>,
    platform: Option<String>,
    channel: Option<String>,
    kind: Option<&'static str>,
    from: Option<String>,
    yanked: Option<String>,
}

pub(crate) fn run(
    arguments: &StatusArguments,
    terminal: &Terminal,
    environment: &Environment,
) -> Result<i32, Failure> {
    let workplace = Workplace::find(&arguments.keys, environment)?;
    let project = &workplace.project;
    let signers = workplace.release_signers(&arguments.keys, environment)?;
    let root = repository::newest_root(project)?;
    let in_store = workplace.encrypted_ids(&root)?;
    let now = now();
    let status = repository::status(project, &signers, &in_store, now)?;
    let health = status.health();
    terminal.show(&Outcome {
        app: project.app.clone(),
        repository: project.repository.display().to_string(),
        channel: project.channel.clone(),
        health: word(health),
        altered: status.altered.clone(),
        roles: status
            .roles
            .iter()
            .map(|role| Role::new(role, now))
            .collect(),
        releases: releases(status),
    })?;
    if health != Health::Good {
        terminal.message("sign again with `esky refresh`; a build server should run it every week");
        return Ok(exit::DUE);
    }
    Ok(exit::SUCCESS)
}

fn word(health: Health) -> &'static str {
    match health {
        Health::Good => "good",
        Health::HalfOver => "due",
        Health::Expired => "expired",
        Health::Altered => "altered",
    }
}

fn releases(status: Status) -> Vec<Release> {
    let releases = status.releases.into_iter();
    let release = |found: repository::ReleaseStatus| {
        let said = found.release;
        let from = said.as_ref().and_then(|said| match &said.kind {
            PackageKind::Patch { from } => Some(from.clone()),
            PackageKind::Full | PackageKind::Compact { .. } => None,
        });
        Release {
            target: found.target,
            size: found.size,
            version: said.as_ref().map(|said| said.version.clone()),
            platform: said.as_ref().map(|said| said.platform.clone()),
            channel: said.as_ref().map(|said| said.channel.clone()),
            kind: said.as_ref().map(|said| kind(&said.kind)),
            from,
            yanked: said.and_then(|said| said.yanked),
        }
    };
    releases.map(release).collect()
}

fn kind(kind: &PackageKind) -> &'static str {
    match kind {
        PackageKind::Full => "full",
        PackageKind::Compact { .. } => "compact",
        PackageKind::Patch { .. } => "patch",
    }
}

impl Role {
    fn new(status: &RoleStatus, now: Time) -> Self {
        let keys = status.keys.iter().map(|key| Key {
            id: key.id.as_str().to_owned(),
            at_hand: key.at_hand,
        });
        Self {
            role: status.role.name().to_owned(),
            version: status.version,
            expires: status.expires.to_string(),
            days_left: (status.expires.to_unix() - now.to_unix()).div_euclid(DAY),
            health: word(status.health),
            threshold: status.threshold,
            keys: keys.collect(),
        }
    }

    fn row(&self) -> [String; 4] {
        let left = match self.days_left {
            past if past < 0 => "expired".to_owned(),
            days => text::count(days.unsigned_abs(), "day"),
        };
        let due = if self.health == "due" {
            ", sign again"
        } else {
            ""
        };
        let at_hand = self.keys.iter().filter(|key| key.at_hand).count();
        let keys = text::count(self.keys.len() as u64, "key");
        let signers = format!("needs {} of {keys}, {at_hand} here", self.threshold);
        let version = format!("version {}", self.version);
        [
            format!("  {}", self.role),
            version,
            format!("{left}{due}"),
            signers,
        ]
    }
}

impl Release {
    fn row(&self) -> [String; 4] {
        let or_dash =
            |text: &Option<String>| text.as_deref().map_or("-".to_owned(), text::printable);
        let yanked = self.yanked.as_deref().map(text::printable);
        let yanked = yanked.map_or(String::new(), |reason| format!("withdrawn: {reason}"));
        let from = self.from.as_deref().map(text::printable);
        let compact = if self.kind == Some("compact") {
            " compact"
        } else {
            ""
        };
        let from = from.map_or(compact.to_owned(), |from| format!(" from {from}"));
        [
            format!("  {}{from}", or_dash(&self.version)),
            format!("{} {}", or_dash(&self.channel), or_dash(&self.platform)),
            text::bytes(self.size),
            yanked,
        ]
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (app, repository) = (
            text::printable(&self.app),
            text::printable(&self.repository),
        );
        writeln!(formatter, "{app} in {repository}\n\nsigned metadata")?;
        let roles: Vec<_> = self.roles.iter().map(Role::row).collect();
        write!(formatter, "{}", text::table(&roles))?;
        for name in &self.altered {
            writeln!(
                formatter,
                "  metadata/{name} has other line ends than were signed for (git's autocrlf?): no app takes it"
            )?;
        }
        writeln!(formatter, "\nreleases")?;
        if self.releases.is_empty() {
            return writeln!(formatter, "  none yet");
        }
        let releases: Vec<_> = self.releases.iter().map(Release::row).collect();
        write!(formatter, "{}", text::table(&releases))
    }
}
