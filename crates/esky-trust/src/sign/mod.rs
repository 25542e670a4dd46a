//! The vendor's side: private keys, their formats, and making metadata.

mod draft;
mod encrypted;
mod fault;
mod key_line;
mod public_file;
mod secret;
mod signing_key;
mod words;

pub use draft::Draft;
pub use encrypted::{decrypt_key, encrypt_key};
pub use fault::{KeyFault, SignFault};
pub use key_line::KeyLine;
pub use public_file::PublicFile;
pub use signing_key::{Signer, SigningKey};
pub use words::RecoveryWords;
