//! What goes wrong with keys. Never a word about their secret part.

use crate::key::{KeyId, KeyKind};

/// A key that cannot be made or read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyFault {
    /// The system gives no random numbers.
    #[error("the system gives no random numbers: {reason}")]
    NoRandomness {
        /// The system's words.
        reason: String,
    },
    /// Keys of this kind are verified only.
    #[error("keys of the kind {0:?} cannot sign here")]
    CannotSign(KeyKind),
    /// Bytes that are no private key of the kind.
    #[error("the bytes are no private key")]
    NotAKey,
    /// The text is something else.
    #[error("this is no key line: such a line begins with ESKY-SIGNING-KEY-1")]
    NotAKeyLine,
    /// A character was lost, added or changed.
    #[error("the key line is damaged: its checksum is wrong")]
    DamagedLine,
    /// Made by a later version.
    #[error("the key is in a form that this version does not know")]
    UnknownForm,
    /// What should be written into a key line does not fit.
    #[error("the name of the app or the id of the key is longer than 255 bytes")]
    TooLong,
    /// The number of words is wrong.
    #[error("a recovery key has 24 words, not {0}")]
    WordCount(usize),
    /// A word that is not in the list.
    #[error("word {0} is none of the words that recovery keys are made of")]
    UnknownWord(usize),
    /// All words exist, but not in this order.
    #[error("the words do not belong together: one of them is wrong, or two are exchanged")]
    WordChecksum,
    /// Not a public key, or one of a kind that nobody here can verify.
    #[error(
        "this is no public key for Ed25519 or P-256: neither a file of `esky keys new` nor PEM"
    )]
    NotAPublicKey,
    /// Not an encrypted key, or one that was changed.
    #[error("this is no encrypted key file")]
    NotAKeyFile,
    /// Wrong passphrase, or a damaged file; nobody can tell which.
    #[error("the passphrase is wrong, or the file is damaged")]
    Passphrase,
}

/// A signature that could not be made.
#[derive(Debug, thiserror::Error)]
#[error("the key {key_id} did not sign: {source}")]
pub struct SignFault {
    /// The key.
    pub key_id: KeyId,
    /// What its holder says.
    pub source: Box<dyn std::error::Error + Send + Sync>,
}
