//! `sigstore-tuf` as a client in memory, over RustCrypto as well: it is the rules that are compared.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::pin;
use std::sync::{Arc, Once};
use std::task::{Context, Poll, Waker};

use ed25519_dalek::{Signature, VerifyingKey};
use esky_testkit::repository::{NOW, Vendor};
use p256::ecdsa::signature::Verifier;
use sha2::{Digest, Sha256, Sha384, Sha512};
use sigstore_crypto::{CryptoProvider, HashContext, SigningScheme};
use sigstore_tuf::transport::FetchFuture;
use sigstore_tuf::{MemoryStore, MetadataStore, Repository, Updater};
use sigstore_types::HashAlgorithm;

/// Keeps what it has verified.
pub(super) struct TheirClient {
    pinned: Vec<u8>,
    store: Arc<MemoryStore>,
}

impl TheirClient {
    pub(super) fn of(vendor: &Vendor) -> Self {
        static PROVIDER: Once = Once::new();
        PROVIDER.call_once(|| {
            sigstore_crypto::install_default_provider(&RustCrypto)
                .expect("nobody else installs one");
        });
        Self {
            pinned: vendor.file("root", 1).to_vec(),
            store: Arc::default(),
        }
    }

    /// A refresh and a search: the length of the target, if there is one.
    pub(super) fn find(&self, vendor: &Vendor, path: &str) -> sigstore_tuf::Result<Option<u64>> {
        let files = Files(vendor.files.clone());
        let now = jiff::Timestamp::from_second(NOW).unwrap();
        let mut updater = Updater::new(files, &self.pinned)?.with_store(Arc::clone(&self.store));
        ready(updater.refresh(now))?;
        let found = ready(updater.get_target_info(path, now))?;
        Ok(found.map(|file| file.length))
    }

    pub(super) fn cached(&self, role: &str) -> Option<Vec<u8>> {
        self.store.load(&format!("{role}.json")).unwrap()
    }
}

/// The files of a repository, as a server would have them.
struct Files(BTreeMap<String, Vec<u8>>);

impl Repository for Files {
    fn fetch_metadata<'a>(&'a self, name: &'a str, _max_length: u64) -> FetchFuture<'a> {
        Box::pin(async { Ok(self.0.get(name).cloned()) })
    }

    fn fetch_target<'a>(&'a self, _path: &'a str, _max_length: u64) -> FetchFuture<'a> {
        Box::pin(async { Ok(None) })
    }
}

/// Nothing here ever waits.
fn ready<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => unreachable!("files in memory are there at once"),
    }
}

#[derive(Debug)]
struct RustCrypto;

struct Hashing<D>(D);

impl<D: Digest + Send> HashContext for Hashing<D> {
    fn update(&mut self, data: &[u8]) {
        self.0.update(data);
    }

    fn finalize(self: Box<Self>) -> Vec<u8> {
        self.0.finalize().to_vec()
    }
}

impl CryptoProvider for RustCrypto {
    fn hash(&self, algorithm: HashAlgorithm) -> sigstore_crypto::Result<Box<dyn HashContext>> {
        Ok(match algorithm {
            HashAlgorithm::Sha2256 => Box::new(Hashing(Sha256::new())),
            HashAlgorithm::Sha2384 => Box::new(Hashing(Sha384::new())),
            HashAlgorithm::Sha2512 => Box::new(Hashing(Sha512::new())),
            other => unreachable!("nothing is hashed by {other:?}"),
        })
    }

    fn verify_raw(
        &self,
        scheme: SigningScheme,
        key: &[u8],
        data: &[u8],
        signature: &[u8],
    ) -> sigstore_crypto::Result<()> {
        let is_right = match scheme {
            SigningScheme::Ed25519 => is_ed25519(key, data, signature),
            SigningScheme::EcdsaP256Sha256 => is_p256(key, data, signature),
            _ => None,
        };
        is_right.ok_or_else(|| sigstore_crypto::Error::Verification("refused".to_owned()))
    }

    fn verify_prehashed(
        &self,
        _scheme: SigningScheme,
        _key: &[u8],
        _digest: &[u8],
        _signature: &[u8],
    ) -> sigstore_crypto::Result<()> {
        unreachable!("metadata is signed whole")
    }
}

fn is_ed25519(key: &[u8], data: &[u8], signature: &[u8]) -> Option<()> {
    let key = VerifyingKey::from_bytes(key.try_into().ok()?).ok()?;
    key.verify_strict(data, &Signature::from_slice(signature).ok()?)
        .ok()
}

fn is_p256(key: &[u8], data: &[u8], signature: &[u8]) -> Option<()> {
    let key = p256::ecdsa::VerifyingKey::from_sec1_bytes(key).ok()?;
    let signature = p256::ecdsa::DerSignature::from_bytes(signature).ok()?;
    key.verify(data, &signature).ok()
}
