//! `esky release`: pack, sign, publish.

use std::ffi::OsStr;
use std::fmt;
use std::path::Path;

use esky_format::name::AppVersion;
use esky_publish::repository::{
    Bridged, CompactMade, LegacySite, LegacySiteOptions, PatchMade, PatchOptions, PatchOutcome,
    Project, ReleaseOptions, ReleaseStep, Released, Source, check_tufup_bridge, legacy_site,
    release, tufup_bridge,
};
use serde::Serialize;

use super::keys::Workplace;
use super::{now, requests};
use crate::Environment;
use crate::arguments::{PackingArguments, ReleaseArguments};
use crate::commands::pack;
use crate::exit;
use crate::failure::Failure;
use crate::terminal::Terminal;
use crate::text;

const NOTES_LIMIT: u64 = 64 << 10;

#[derive(Serialize)]
struct Outcome {
    app: String,
    version: String,
    platform: String,
    channel: String,
    path: String,
    target: String,
    freezer: Option<String>,
    size: u64,
    compact_size: u64,
    /// Why there is no compact package.
    compact_left_out: Option<String>,
    patches: Vec<Patch>,
    already: bool,
    /// The archive for copies that tufup updates.
    tufup_bridge: Option<String>,
    /// What was put on the site for copies with the original esky.
    legacy_site: Option<Site>,
    repository: String,
    /// What others have to sign first.
    request: Option<String>,
}

#[derive(Serialize)]
struct Site {
    package: String,
    size: u64,
    copied_links: u64,
    patches: Vec<Patch>,
    /// `None` if there is a page that esky did not write.
    index: Option<String>,
}

#[derive(Serialize)]
struct Patch {
    from: String,
    size: Option<u64>,
    left_out: Option<String>,
}

pub(crate) fn run(
    arguments: ReleaseArguments,
    terminal: &Terminal,
    environment: &Environment,
) -> Result<i32, Failure> {
    let workplace = Workplace::find(&arguments.keys, environment)?;
    let signers = workplace.version_signers(&arguments.keys, environment)?;
    let project = &workplace.project;
    let notes = match &arguments.notes {
        Some(path) => {
            let bytes = esky_fs::read_limited(path, NOTES_LIMIT)?;
            let text = String::from_utf8(bytes);
            Some(text.map_err(|_| Failure::new("the notes are no UTF-8 text").about_path(path))?)
        }
        None => None,
    };
    let what = arguments.path.clone();
    let legacy = arguments.legacy_site.clone();
    let options = ReleaseOptions {
        source: source(
            &arguments.path,
            arguments.version,
            arguments.packing,
            project,
            environment,
        )?,
        channel: arguments.channel,
        notes,
        minimum_version: arguments.minimum_version,
        allow_older: arguments.allow_older,
        patches: PatchOptions {
            count: arguments.patches,
            ..PatchOptions::default()
        },
    };
    if arguments.tufup_bridge {
        check_tufup_bridge(project, &version_of(&options.source))?;
    }
    let progress = terminal.progress();
    progress.phase(&format!(
        "Packing {}",
        text::printable(&what.display().to_string())
    ));
    let mut show = pack::show(&progress, environment);
    let mut step = |step| match step {
        ReleaseStep::Packing(amount) => show(amount),
        ReleaseStep::Patching(amount) => {
            progress.phase("Making the compact package and patches");
            show(amount)
        }
    };
    let released = release(project, &options, &signers, now(), &mut step);
    let done = released.and_then(|released| {
        let bridge = arguments.tufup_bridge && released.request.is_none();
        let bridged = bridge.then(|| {
            progress.phase("Packing once more, for tufup");
            tufup_bridge(project, &released.target, &signers, now(), &mut show)
        });
        let site = legacy
            .filter(|_| released.request.is_none())
            .map(|directory| {
                progress.phase("Packing once more, for copies with the original esky");
                let site = LegacySiteOptions {
                    package: released.path.clone(),
                    directory,
                    patches: arguments.patches,
                };
                legacy_site(project, &site, &mut show)
            });
        Ok((released, bridged.transpose()?, site.transpose()?))
    });
    drop(show);
    drop(progress);
    let (released, bridged, site) = done.map_err(|error| Failure::from(error).about_path(&what))?;
    let repository = project.repository.display().to_string();
    terminal.show(&Outcome {
        legacy_site: site.map(Site::new),
        ..Outcome::new(released, bridged, repository)
    })?;
    Ok(exit::SUCCESS)
}

/// A file is a package, which says itself what its version is; anything else a directory.
fn source(
    path: &Path,
    version: Option<String>,
    packing: PackingArguments,
    project: &Project,
    environment: &Environment,
) -> Result<Source, Failure> {
    let is_file = esky_fs::metadata(path)?.is_some_and(|found| found.kind == esky_fs::Kind::File);
    if !is_file {
        let version =
            version.ok_or_else(|| Failure::usage("a directory needs --version VERSION"))?;
        let what = (
            path.to_owned(),
            project.app.clone(),
            version,
            project.repository.clone(),
        );
        let options = pack::packing_options(packing, what, environment)?;
        return Ok(Source::Directory(Box::new(options)));
    }
    match (version, version_named(path)) {
        (Some(given), Some(named)) if given != named => Err(Failure::usage(format!(
            "{} is version {named}, not {given}",
            path.display()
        ))),
        _ => Ok(Source::Package(path.to_owned())),
    }
}

fn version_of(source: &Source) -> String {
    match source {
        Source::Directory(options) => options.version.clone(),
        Source::Package(path) => version_named(path).unwrap_or_default(),
    }
}

/// The version in the name of a package.
fn version_named(path: &Path) -> Option<String> {
    let stem = path.file_stem().and_then(OsStr::to_str)?;
    Some(AppVersion::parse_directory(stem)?.version)
}

impl Outcome {
    fn new(released: Released, bridged: Option<Bridged>, repository: String) -> Self {
        let app = released.packed.app;
        let (compact_size, compact_left_out) = match released.compact {
            CompactMade::Nothing => (0, None),
            CompactMade::Published { size } => (size, None),
            CompactMade::Refused { reason } => (0, Some(refused(&reason))),
        };
        Self {
            app: app.name,
            version: app.version,
            platform: app.platform,
            channel: released.channel,
            path: released.path.display().to_string(),
            target: released.target,
            freezer: released.packed.freezer,
            size: released.packed.size,
            compact_size,
            compact_left_out,
            patches: released.patches.into_iter().map(Patch::new).collect(),
            already: released.already,
            tufup_bridge: bridged.map(|bridged| bridged.path.display().to_string()),
            legacy_site: None,
            repository,
            request: released.request.map(|path| path.display().to_string()),
        }
    }
}

fn refused(reason: &str) -> String {
    format!("it was tried on a copy of the app and failed: {reason}")
}

impl Site {
    fn new(site: LegacySite) -> Self {
        Self {
            package: site.package.display().to_string(),
            size: site.size,
            copied_links: site.copied_links,
            patches: site.patches.into_iter().map(Patch::new).collect(),
            index: site.index.map(|index| index.display().to_string()),
        }
    }
}

impl fmt::Display for Site {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (package, size) = (text::printable(&self.package), text::bytes(self.size));
        writeln!(formatter, "  old copies  {package} ({size})")?;
        if self.copied_links > 0 {
            let links = text::count(self.copied_links, "link");
            writeln!(
                formatter,
                "    {links} became copies, which old clients need"
            )?;
        }
        for patch in &self.patches {
            write!(formatter, "  {patch}")?;
        }
        match self.index {
            Some(_) => Ok(()),
            None => writeln!(
                formatter,
                "    add links to these files to your index.html, which stays as it is"
            ),
        }
    }
}

impl Patch {
    fn new(made: PatchMade) -> Self {
        let (size, left_out) = match made.outcome {
            PatchOutcome::Published { size } => (Some(size), None),
            PatchOutcome::Larger { size, files } => {
                let (size, files) = (text::bytes(size), text::bytes(files));
                let reason =
                    format!("its {size} are no less than the {files} of the changed files");
                (None, Some(reason))
            }
            PatchOutcome::Failed { reason } => (None, Some(reason)),
            PatchOutcome::Refused { reason } => (None, Some(refused(&reason))),
        };
        Self {
            from: made.from,
            size,
            left_out,
        }
    }
}

impl fmt::Display for Patch {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let from = text::printable(&self.from);
        match (self.size, &self.left_out) {
            (Some(size), _) => writeln!(
                formatter,
                "  patch       from {from}, {}",
                text::bytes(size)
            ),
            (None, reason) => {
                let reason = text::printable(reason.as_deref().unwrap_or_default());
                writeln!(formatter, "  no patch    from {from}: {reason}")
            }
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            app,
            version,
            platform,
            channel,
            ..
        } = self;
        let done = match (&self.request, self.already) {
            (Some(_), _) => "waits for signatures",
            (None, true) => "was released before",
            (None, false) => "is released",
        };
        let what = text::printable(&format!(
            "{app} {version} for {platform} {done} on {channel}"
        ));
        writeln!(formatter, "{what}")?;
        writeln!(
            formatter,
            "  package     {} ({})",
            text::printable(&self.path),
            text::bytes(self.size)
        )?;
        match &self.compact_left_out {
            Some(reason) => writeln!(formatter, "  no compact  {}", text::printable(reason))?,
            None if self.already => {}
            None => {
                let size = text::bytes(self.compact_size);
                writeln!(formatter, "  compact     {size}, for updates")?;
            }
        }
        for patch in &self.patches {
            write!(formatter, "{patch}")?;
        }
        if let Some(path) = &self.tufup_bridge {
            writeln!(formatter, "  for tufup   {}", text::printable(path))?;
        }
        if let Some(site) = &self.legacy_site {
            write!(formatter, "{site}")?;
        }
        if let Some(request) = &self.request {
            return requests::waiting(request, formatter);
        }
        writeln!(
            formatter,
            "  to publish  put {} on your web server",
            text::printable(&self.repository)
        )
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn a_patch_that_failed_its_rehearsal_is_told_in_text_and_json() {
        let patch = Patch::new(PatchMade {
            from: "1.0".to_owned(),
            outcome: PatchOutcome::Refused {
                reason: "it wants too much memory".to_owned(),
            },
        });
        let reason = "it was tried on a copy of the app and failed: it wants too much memory";
        assert_eq!(
            patch.to_string(),
            format!("  no patch    from 1.0: {reason}\n")
        );
        let json = serde_json::to_value(&patch).unwrap();
        assert_eq!(json["size"], Value::Null);
        assert_eq!(json["left_out"], reason);
    }
}
