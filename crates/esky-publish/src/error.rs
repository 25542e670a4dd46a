//! Why a directory could not be packed, as data.

use std::fmt;
use std::path::{Path, PathBuf};

use esky_archive::PackageFault;
use esky_format::name::NameFault;
use esky_format::path::{PathFault, check_visible};

/// The result of this crate's operations.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A failed attempt to pack.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// There is no directory to pack.
    #[error("{} is not a directory", path.display())]
    NotADirectory {
        /// What was given.
        path: PathBuf,
    },
    /// The directory holds things that cannot be packed; all of them are listed.
    #[error("cannot pack {}:{}", directory.display(), FaultLines(faults))]
    Faults {
        /// The directory.
        directory: PathBuf,
        /// Everything that is wrong with it.
        faults: Vec<Fault>,
    },
    /// Name, version and platform do not make a name for a package.
    #[error(transparent)]
    Name(#[from] NameFault),
    /// Nothing in the directory can be started.
    #[error("no program at the top of {}{}", directory.display(), unusable(without_permission))]
    NoProgram {
        /// The directory.
        directory: PathBuf,
        /// Programs at the top and in `bin/` that nobody has the permission to execute.
        without_permission: Vec<String>,
        /// The executables in `bin/`, which become programs only if they are named.
        in_bin: Vec<String>,
    },
    /// A program is made for another platform.
    #[error("{} is a program for {found}, not for {expected}", path.display())]
    WrongPlatform {
        /// The program.
        path: PathBuf,
        /// The platform of the package.
        expected: String,
        /// The platform its header tells.
        found: String,
    },
    /// The start-up program cannot run where the programs run.
    #[error("the programs are for {expected}, and the start-up program {} is for {found}", path.display())]
    BootstrapPlatform {
        /// The start-up program.
        path: PathBuf,
        /// The platform of the package.
        expected: String,
        /// The platform its header tells.
        found: String,
    },
    /// The start-up program is missing.
    #[error("the start-up program {} is missing", path.display())]
    MissingBootstrap {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// The start-up program is no program.
    #[error("the start-up program {} is not an executable", path.display())]
    BadBootstrap {
        /// The file.
        path: PathBuf,
    },
    /// The package would be written into the directory that is packed.
    #[error("the output directory {} lies inside the directory to pack", output.display())]
    OutputInside {
        /// The output directory.
        output: PathBuf,
    },
    /// The self-test names something that is no program of the app.
    #[error("the self-test program {program:?} is none of the app's programs ({})", programs.join(", "))]
    UnknownSelfTest {
        /// What was asked for.
        program: String,
        /// The programs.
        programs: Vec<String>,
    },
    /// The terms of the trial are out of range.
    #[error("the terms of the trial cannot be used: {line}")]
    BadTrial {
        /// What is wrong with them.
        line: String,
    },
    /// The `index.html` of the output directory is someone else's.
    #[error("{} was not written by esky and is left alone", path.display())]
    ForeignIndex {
        /// The file.
        path: PathBuf,
    },
    /// The caller stopped the work.
    #[error("packing {} was cancelled", directory.display())]
    Cancelled {
        /// The directory.
        directory: PathBuf,
    },
    /// Clients would refuse the package.
    #[error("cannot pack {}: the package {fault}; {part}", directory.display())]
    BeyondLimits {
        /// The directory.
        directory: PathBuf,
        /// Which limit of clients it is, and what the package would have.
        fault: PackageFault,
        /// Where in the directory most of it is.
        part: String,
    },
    /// A key would have gone to every user.
    #[error("{} holds a signing key", path.display())]
    KeyInside {
        /// The file.
        path: PathBuf,
    },
    /// The disk said no.
    #[error(transparent)]
    Disk(#[from] esky_fs::Error),
    /// The package could not be written.
    #[error("{}: {source}", path.display())]
    Archive {
        /// The package.
        path: PathBuf,
        /// Why.
        #[source]
        source: esky_archive::Error,
    },
}

impl Error {
    /// What a person can do about it, if there is something.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        let text = match self {
            Self::NotADirectory { .. } => {
                "give the directory that the freezer made (its dist/NAME)"
            }
            Self::Faults { .. } => "nothing was written; correct all of these and pack again",
            Self::Name(fault) => return Some(fault.hint()),
            Self::NoProgram {
                directory,
                without_permission,
                in_bin,
            } => return Some(hint_for_programs(directory, without_permission, in_bin)),
            Self::WrongPlatform { .. } => {
                "freeze on the platform the package is for, or give the program's own platform"
            }
            Self::BootstrapPlatform { expected, .. } => {
                return Some(format!(
                    "name a start-up program for {expected} (`--bootstrap`), or freeze with a Python of another kind: most apps are to be 64-bit"
                ));
            }
            Self::MissingBootstrap { .. } | Self::BadBootstrap { .. } => {
                "the start-up programs come with the esky package; install it again or name the file"
            }
            Self::UnknownSelfTest { .. } => {
                "name one of the programs, or none for the first of them"
            }
            Self::BadTrial { .. } => {
                "a trial lasts 1 to 100 starts and 1 to 86400 seconds, a self-test 1 to 3600 seconds"
            }
            Self::KeyInside { .. } => {
                "take the key out of the app, and if the app was given to anyone, replace it: `esky rotate release`"
            }
            Self::BeyondLimits {
                fault: PackageFault::TooLarge { .. },
                ..
            } => {
                "every client refuses such a package: leave out what the app does not need, or let the app fetch large data by itself"
            }
            Self::BeyondLimits { .. } => {
                "every client refuses such a package: leave out what the app does not need, or put many small files into one, such as a zip file that the app reads"
            }
            Self::OutputInside { .. } => "choose an output directory elsewhere",
            Self::ForeignIndex { .. } => "move it away, or pack without an index",
            Self::Cancelled { .. } => return None,
            Self::Disk(source) => return source.hint(),
            Self::Archive { source, .. } => return source.hint(),
        };
        Some(text.to_owned())
    }
}

fn unusable(programs: &[String]) -> String {
    match programs {
        [] => String::new(),
        [one] => format!(": {one} lies there, but has no execute permission"),
        several => format!(
            ": {} lie there, but have no execute permission",
            several.join(", ")
        ),
    }
}

fn hint_for_programs(directory: &Path, without_permission: &[String], in_bin: &[String]) -> String {
    let permission = without_permission.first().map(|path| {
        let path = directory.join(path);
        format!("give the permission: `chmod +x {}`", path.display())
    });
    let named = in_bin
        .first()
        .map(|path| format!("name the program that lies in bin/: `--exe {path}`"));
    let hints: Vec<String> = permission.into_iter().chain(named).collect();
    match hints.as_slice() {
        [] => "freeze the app first and give the directory that the freezer made: an executable must be at its top, or in bin/ and named (`--exe bin/NAME`)".to_owned(),
        hints => hints.join(", or "),
    }
}

/// Something in a directory that cannot be packed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// There is nothing in the directory.
    #[error("the directory is empty")]
    Empty,
    /// The name is no text.
    #[error("{0}: the name is not UTF-8")]
    NotUtf8(String),
    /// The name is illegal on some platform.
    #[error("{}: {fault}", Shown(path))]
    Path {
        /// The path in the directory.
        path: String,
        /// What is wrong with it.
        fault: PathFault,
    },
    /// Two names that are one on a file system that ignores case or how accents are written.
    #[error(
        "{path}: is the same file as {other} on systems that ignore case or how accents are written{}",
        Spelled(path, other)
    )]
    Collision {
        /// The path in the directory.
        path: String,
        /// The path it collides with.
        other: String,
    },
    /// A symbolic link that leads out of the directory.
    #[error("{path}: links to {target:?}: {fault}")]
    Link {
        /// The path in the directory.
        path: String,
        /// Where it leads.
        target: String,
        /// Why it is refused.
        fault: PathFault,
    },
    /// A socket, pipe or device.
    #[error("{0}: is neither file, directory nor symbolic link")]
    Special(String),
    /// A file or directory that cannot be read, or could not be read once installed.
    #[error("{path}: cannot be read: {cause}")]
    Unreadable {
        /// The path in the directory.
        path: String,
        /// Why.
        cause: String,
    },
    /// A file that is started as another user.
    #[error("{0}: has the setuid or setgid bit; take it away with `chmod ug-s`")]
    SetId(String),
    /// A name that esky needs for itself.
    #[error("{0}: has a name that esky needs for itself")]
    Reserved(String),
    /// A program that was named is missing.
    #[error(
        "{name}: no such program at the top of the directory or in bin/; {}",
        there(found)
    )]
    MissingProgram {
        /// The name.
        name: String,
        /// The programs that are there.
        found: Vec<String>,
    },
    /// A program that was named lies where the start-up program does not look.
    #[error(
        "{path}: a program lies at the top of the directory or in bin/; {}",
        there(found)
    )]
    DeepProgram {
        /// The path in the directory.
        path: String,
        /// The programs that are in the right places.
        found: Vec<String>,
    },
    /// A program that was named is a link to a file.
    #[error("{path}: is a link to {target}, and a program is a file: put a copy in its place")]
    LinkedProgram {
        /// The path in the directory.
        path: String,
        /// Where it leads.
        target: String,
    },
    /// Two things would be meant by the name of a start-up program.
    #[error(
        "{path}: {other} at the top has its name, and is looked at first; give one of them another name"
    )]
    NameTaken {
        /// The program in `bin/`.
        path: String,
        /// What is at the top.
        other: String,
    },
    /// A path that Windows programs cannot open, wherever the app is installed.
    #[error(
        "{path}: is {length} characters long in its version directory, and Windows opens {} at most: shorten the names",
        crate::scan::LONGEST_PATH
    )]
    PathTooLong {
        /// The path in the directory.
        path: String,
        /// Its length with the version directory in front.
        length: usize,
    },
    /// A program that was named is no program.
    #[error("{0}: is not an executable")]
    NotExecutable(String),
    /// A program that was named lacks its permission bits.
    #[error("{0}: has no execute permission; give it with `chmod +x`")]
    NoPermission(String),
    /// An app directory on macOS is one bundle.
    #[error("{0}: lies in another bundle than the first program; pack each bundle by itself")]
    OtherBundle(String),
}

/// What could have been meant.
fn there(programs: &[String]) -> String {
    match programs {
        [] => "there is no executable at all".to_owned(),
        programs => format!("there are: {}", programs.join(", ")),
    }
}

/// The most faults that a message shows; the rest is counted.
const SHOWN_FAULTS: usize = 20;

/// How two names are written that may look alike.
struct Spelled<'a>(&'a str, &'a str);

impl fmt::Display for Spelled<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.is_ascii() && self.1.is_ascii() {
            true => Ok(()),
            false => write!(
                formatter,
                " ({} and {})",
                self.0.escape_default(),
                self.1.escape_default()
            ),
        }
    }
}

/// A path without what would change the look of the message around it.
struct Shown<'a>(&'a str);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_plain = check_visible(self.0).is_ok() && !self.0.contains(char::is_control);
        match is_plain {
            true => formatter.write_str(self.0),
            false => write!(formatter, "{:?}", self.0),
        }
    }
}

struct FaultLines<'a>(&'a [Fault]);

impl fmt::Display for FaultLines<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for fault in self.0.iter().take(SHOWN_FAULTS) {
            write!(formatter, "\n  {fault}")?;
        }
        match self.0.len().saturating_sub(SHOWN_FAULTS) {
            0 => Ok(()),
            more => write!(formatter, "\n  and {more} more"),
        }
    }
}
