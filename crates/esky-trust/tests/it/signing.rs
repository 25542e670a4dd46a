//! Making metadata: by several people, one after the other, without changing what the first has signed.

use esky_testkit::repository::{Vendor, new_key, now};
use esky_trust::sign::{Draft, Signer};
use esky_trust::{Role, Root, TrustedSet};

#[test]
fn a_signature_is_added_without_changing_what_is_signed() {
    let mut vendor = Vendor::new();
    vendor.root.version = 2;
    let second = new_key();
    let id = second.key_id().clone();
    vendor
        .root
        .keys
        .insert(id.clone(), second.public_key().clone());
    vendor.root.roles.root.key_ids.push(id.clone());
    vendor.root.roles.root.threshold = 2;
    let request = vendor.publish_root();

    let mut draft = Draft::<Root>::read("root", &request).unwrap();
    let root = draft.content().clone();
    assert_eq!(draft.signed_by(&root, Role::Root).len(), 1);
    assert!(draft.verify(&root, Role::Root).is_err());
    let message = draft.message();
    draft.sign(&second).unwrap();
    draft.sign(&second).unwrap();
    assert_eq!(draft.message(), message);
    assert_eq!(draft.signatures().len(), 2);
    assert!(draft.signed_by(&root, Role::Root).contains(&id));
    draft.verify(&root, Role::Root).unwrap();

    let mut set = TrustedSet::new(vendor.file("root", 1), now()).unwrap();
    set.update_root(&draft.to_bytes()).unwrap();
}

#[test]
fn members_that_nobody_knows_survive_a_new_version() {
    let mut vendor = Vendor::new();
    vendor.root.extra.insert("x-policy".into(), "kept".into());
    let bytes = vendor.publish_root();
    let mut root = Draft::<Root>::read("root", &bytes).unwrap().into_content();
    root.version += 1;
    let again = Draft::<Root>::read("root", &Draft::new(root).to_bytes()).unwrap();
    assert_eq!(again.content().extra["x-policy"], "kept".into());
}
