//! The commands about patches.

use std::path::PathBuf;

use clap::{Args, ValueHint, value_parser};

/// Make a patch that turns one file or directory into another
///
/// Executables and compressed containers are looked into. Files that did not change are no part of the patch. The
/// patch is applied once, in memory, before it is written: what it gives is proven.
#[derive(Args, Debug)]
pub(crate) struct DiffArguments {
    /// Old file or directory
    #[arg(value_name = "OLD", value_hint = ValueHint::AnyPath)]
    pub(crate) old: PathBuf,
    /// New file or directory
    #[arg(value_name = "NEW", value_hint = ValueHint::AnyPath)]
    pub(crate) new: PathBuf,
    /// File to write the patch to; an older one is replaced
    #[arg(short, long, value_name = "PATCH", value_hint = ValueHint::FilePath)]
    pub(crate) output: PathBuf,
}

/// Apply a patch to an old file or directory
///
/// Every file of the result is hashed on its way. NEW is there only when all of it is what the patch was made for.
#[derive(Args, Debug)]
pub(crate) struct PatchArguments {
    /// Old file or directory; it is only read
    #[arg(value_name = "OLD", value_hint = ValueHint::AnyPath)]
    pub(crate) old: PathBuf,
    /// Patch that `esky diff` made
    #[arg(value_name = "PATCH", value_hint = ValueHint::FilePath)]
    pub(crate) patch: PathBuf,
    /// Where the new file or directory goes; nothing may be there
    #[arg(short, long, value_name = "NEW", value_hint = ValueHint::AnyPath)]
    pub(crate) output: PathBuf,
    /// Refuse patches that take more memory than this
    #[arg(long, value_name = "MEGABYTES", default_value_t = 2000, value_parser = value_parser!(u64).range(1..=1_000_000))]
    pub(crate) max_memory: u64,
}

/// Tell what a patch consists of: where its bytes go
#[derive(Args, Debug)]
pub(crate) struct InspectArguments {
    /// Patch to look into
    #[arg(value_name = "PATCH", value_hint = ValueHint::FilePath)]
    pub(crate) patch: PathBuf,
    /// Also draw it as a picture
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) svg: Option<PathBuf>,
}
