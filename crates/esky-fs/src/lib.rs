//! The only door to the disk.
//!
//! Every other crate goes through here (a lint forbids `std::fs` elsewhere), so that three things are said once:
//! what is on disk after a crash in the middle of a call, what an error means for the person, and what differs
//! between Unix and Windows. Each function that writes says in its documentation what survives a crash:
//!
//! * **durable** – when the call returns, the change survives a power cut; before that, the old or the new state is there;
//! * **ordered later** – the change may be lost, or be there in part, until [`sync_tree`] or [`sync_dir`] says otherwise.
//!
//! The modes of what is created never depend on the umask, and nobody is locked out by the one who happens to write first: see
//! [`Mode`] and [`create_dir`]. A process running as root gives every new file to the owner of the directory it lies in.
//!
//! Where others may have prepared something, a [`Place`] is used instead of a path: nothing is done outside of its directory.

#![allow(clippy::disallowed_methods)] // this is the crate that the lint points to

mod access;
mod error;
pub mod faults;
mod lock;
mod machine;
mod mode;
mod place;
mod platform;
mod processes;
mod read;
mod root;
mod sync;
mod temporary;
mod tree;
mod write;

pub use access::{Right, has_right, may_set_mode};
pub use error::{Error, ErrorKind, Operation, Result};
pub use lock::{FileLock, VersionFileLock, keep_from_children};
pub use machine::{free_space, host_name, process_is_alive, require_space};
pub use mode::Mode;
pub use place::{Located, Location, Place};
pub use processes::{DirectoryUse, directory_use, lock_is_only_inherited};
pub use read::{
    Kind, Metadata, exists, is_same_file, metadata, open_for_read, read_dir_names, read_limited,
    read_optional, read_part, read_pieces, read_pieces_of, read_prefix, read_symlink,
};
pub use root::{Account, RootDanger, acting_as, become_owner, danger_to_root};
pub use sync::{sync_dir, sync_file, sync_tree};
pub use temporary::{Temporary, remove_temporaries};
pub use tree::{
    create_dir, create_dir_all, create_private_dir_all, granted_to_directories, move_or_link,
    remove_empty_dir, remove_file, remove_tree, rename, set_directory_mode, set_mode, symlink,
    widen_dir,
};
pub use write::{
    copy_file, create_mark, create_new_file, move_closed_durable, move_durable, open_for_append,
    open_for_update, replace_durable, write_all, write_durable, write_slot_in_place,
};
