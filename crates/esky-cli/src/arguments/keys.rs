//! Options of what several people do together: keys, requests.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum, ValueHint};

use super::KeyArguments;

/// Say who may sign: one person, or so many of several
///
/// What needs the signatures of others becomes a request: a file that they sign with `esky sign`, and that somebody
/// publishes with `esky publish` then.
#[derive(Args, Debug)]
pub(crate) struct KeysArguments {
    #[command(subcommand)]
    pub(crate) action: KeysAction,
}

#[derive(Debug, Subcommand)]
pub(crate) enum KeysAction {
    List(ListKeysArguments),
    New(NewKeyArguments),
    Add(AddKeyArguments),
    Remove(RemoveKeyArguments),
    Threshold(ThresholdArguments),
    Split(SplitArguments),
}

/// List which keys sign for what, and which of them are here
#[derive(Args, Debug)]
pub(crate) struct ListKeysArguments {
    #[command(flatten)]
    pub(crate) keys: KeyArguments,
}

/// Make a key for the person at this machine
///
/// The key is kept encrypted where keys are kept. The public part goes into a file for whoever runs `esky keys add`.
#[derive(Args, Debug)]
pub(crate) struct NewKeyArguments {
    /// File for the public part [default: APP-ID.public.json]
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) output: Option<PathBuf>,
    /// Kind of key
    #[arg(long, value_enum, value_name = "KIND", default_value = "ed25519")]
    pub(crate) kind: Kind,
    #[command(flatten)]
    pub(crate) keys: KeyArguments,
}

/// Let one more key sign
///
/// PUBLIC is a file of `esky keys new`, or PEM from a key service or device.
#[derive(Args, Debug)]
pub(crate) struct AddKeyArguments {
    /// File with the public key
    #[arg(value_name = "PUBLIC", value_hint = ValueHint::FilePath)]
    pub(crate) public: PathBuf,
    /// What it may sign
    #[arg(long, value_enum, value_name = "ROLE", required = true)]
    pub(crate) role: Vec<Duty>,
    #[command(flatten)]
    pub(crate) keys: KeyArguments,
}

/// Let a key not sign any more
#[derive(Args, Debug)]
pub(crate) struct RemoveKeyArguments {
    /// Its id, or enough of its beginning to tell it from others
    #[arg(value_name = "ID")]
    pub(crate) id: String,
    /// What it may not sign any more [default: anything]
    #[arg(long, value_enum, value_name = "ROLE")]
    pub(crate) role: Vec<Duty>,
    #[command(flatten)]
    pub(crate) keys: KeyArguments,
}

/// Say how many keys must sign
#[derive(Args, Debug)]
pub(crate) struct ThresholdArguments {
    /// For what
    #[arg(value_enum, value_name = "ROLE")]
    pub(crate) role: SignedBySeveral,
    /// How many
    #[arg(value_name = "COUNT")]
    pub(crate) count: u64,
    /// Accept that all keys of the root are needed: who loses one can never change the root again
    #[arg(long)]
    pub(crate) without_spare: bool,
    #[command(flatten)]
    pub(crate) keys: KeyArguments,
}

/// Give versions a key of their own, apart from that of the build server
///
/// The build server can then keep the repository fresh, but release nothing.
#[derive(Args, Debug)]
pub(crate) struct SplitArguments {
    #[command(flatten)]
    pub(crate) keys: KeyArguments,
}

/// Show what a request changes, and sign it
#[derive(Args, Debug)]
pub(crate) struct SignArguments {
    /// The request
    #[arg(value_name = "REQUEST", value_hint = ValueHint::FilePath)]
    pub(crate) request: PathBuf,
    /// Sign without asking
    #[arg(short, long)]
    pub(crate) yes: bool,
    /// Only show what it changes and who has signed
    #[arg(long, conflicts_with = "yes")]
    pub(crate) show: bool,
    #[command(flatten)]
    pub(crate) keys: KeyArguments,
}

/// Publish a request that enough people have signed
///
/// Several files are copies of one request, signed by different people.
#[derive(Args, Debug)]
pub(crate) struct PublishArguments {
    /// The request
    #[arg(value_name = "REQUEST", required = true, value_hint = ValueHint::FilePath)]
    pub(crate) requests: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) keys: KeyArguments,
}

/// The kinds of keys that are made.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum Kind {
    /// The usual choice
    Ed25519,
    /// ECDSA on P-256
    P256,
}

/// What a key may sign.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum Duty {
    /// Who may sign
    Root,
    /// What versions there are
    Targets,
    /// That the repository is fresh: snapshot and timestamp
    Online,
}

/// What several people can sign together.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum SignedBySeveral {
    /// Who may sign
    Root,
    /// What versions there are
    Targets,
}
