//! The next root: who may sign from now on.

use std::collections::BTreeSet;

use esky_trust::{Key, KeyId, Role, Root};

use super::error::{RepositoryError, RepositoryResult};

/// Puts a key into the place that another had in these roles.
pub(super) fn replace_key(root: &mut Root, roles: &[Role], old: &[KeyId], new: (&KeyId, &Key)) {
    for role in roles {
        let keys = root.roles.get_mut(*role);
        keys.key_ids.retain(|id| !old.contains(id) && id != new.0);
        keys.key_ids.push(new.0.clone());
    }
    root.keys.insert(new.0.clone(), new.1.clone());
    forget_unused(root);
}

/// The key of a role that is to be replaced: the one that is named, or the only one there is.
pub(super) fn only_key(root: &Root, role: Role) -> RepositoryResult<KeyId> {
    match root.roles.get(role).key_ids.as_slice() {
        [only] => Ok(only.clone()),
        several => Err(RepositoryError::SeveralKeys {
            role,
            keys: several.to_vec(),
        }),
    }
}

/// Keys that no role counts any more are not declared any more.
pub(super) fn forget_unused(root: &mut Root) {
    let roles = Role::ALL.into_iter();
    let used: BTreeSet<KeyId> = roles
        .flat_map(|role| root.roles.get(role).key_ids.clone())
        .collect();
    root.keys.retain(|id, _| used.contains(id));
}
