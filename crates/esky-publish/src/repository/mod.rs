//! Signed repositories: made, released into, kept alive, and handed from key to key.
//!
//! What the files are, in which order they are written and what a reader sees meanwhile: `docs/design/repository.md`.
//!
//! Every command works on a [`Project`], which says where the repository is, with [`Signers`], the keys at hand. The
//! time is an argument. Nothing here asks a person anything; a key or a passphrase that is missing is an error.

mod error;
mod import;
mod init;
mod key_changes;
mod key_store;
mod layout;
mod legacy_site;
mod patches;
mod play;
mod project;
mod release;
mod repack;
mod request;
mod roots;
mod rotate;
mod served;
mod signers;
mod stage;
mod state;
mod status;
mod succession;
mod unpacked;
mod upkeep;

pub use error::{PlayFault, RepositoryError, RepositoryResult};
pub use import::{
    AskPassphrase, Bridged, ImportFault, ImportOptions, Imported, ImportedKey, check_tufup_bridge,
    import_tufup, imported_app, tufup_bridge,
};
pub use init::{InitOptions, Initialized, init};
pub use key_changes::{
    KeyChange, KeyChangeFault, KeysChanged, NewKey, change_keys, new_personal_key,
    split_release_key,
};
pub use key_store::{EncryptedKey, KeyStore, generate_passphrase};
pub use legacy_site::{LegacySite, LegacySiteFault, LegacySiteOptions, legacy_site};
pub use patches::{CompactMade, PatchMade, PatchOptions, PatchOutcome};
pub use project::{Project, guess_app};
pub use release::{ReleaseOptions, ReleaseStep, Released, Source, release};
pub use request::{
    Changes, KeyAdded, OpenRequest, Request, RequestFault, RoleChange, RoleSignatures, RootChanges,
    Signed, TargetAdded, TargetsChanges, publish_requests,
};
pub use rotate::{
    Recovered, Rotated, recover, rotate_recovery_key, rotate_release_key, rotate_root_key,
};
pub use signers::Signers;
pub use state::newest_root;
pub use status::{Health, KeyStatus, ReleaseStatus, RoleStatus, Status, status};
pub use upkeep::{Refreshed, Yank, Yanked, refresh, yank};
