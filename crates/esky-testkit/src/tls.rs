//! Encrypted servers with certificates of every kind, good and bad.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, date_time_ymd,
};
use rustls::crypto::ring;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// The years in which a certificate is valid, from the first day of one to the first of another.
pub type Years = (i32, i32);

/// Years that no test will outlive.
pub const VALID: Years = (2000, 2200);

/// What a server shows, and the key to it.
pub struct Identity {
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
}

/// Somebody who issues certificates, and is trusted by whoever is told to.
pub struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    /// An authority of this name.
    pub fn new(name: &str) -> Self {
        let issuer = CertifiedIssuer::self_signed(params(name, &[], VALID, true), key());
        Self(issuer.expect("an authority"))
    }

    /// Its certificate, as systems keep those that they trust.
    pub fn pem(&self) -> String {
        self.0.pem()
    }

    /// An identity for a server with these names.
    pub fn issue(&self, names: &[&str], years: Years) -> Identity {
        let key = key();
        let certificate = params("a server", names, years, false).signed_by(&key, &self.0);
        Identity::new(vec![certificate.expect("a certificate").der().clone()], key)
    }

    /// The same, issued by another authority that this one has issued for some years.
    pub fn issue_through(&self, name: &str, above: Years, names: &[&str]) -> Identity {
        let between = params(name, &[], above, true);
        let between = CertifiedIssuer::signed_by(between, self::key(), &self.0);
        let between = between.expect("an authority");
        let key = key();
        let certificate = params("a server", names, VALID, false).signed_by(&key, &between);
        let certificate = certificate.expect("a certificate").der().clone();
        Identity::new(vec![certificate, between.der().clone()], key)
    }
}

impl Identity {
    /// An identity that nobody else has issued; `is_authority` as some tools write it.
    pub fn self_signed(names: &[&str], is_authority: bool) -> Self {
        let key = key();
        let params = params("a lonely server", names, VALID, is_authority);
        let certificate = params.self_signed(&key).expect("a certificate");
        Self::new(vec![certificate.der().clone()], key)
    }

    fn new(chain: Vec<CertificateDer<'static>>, key: KeyPair) -> Self {
        let key = PrivatePkcs8KeyDer::from(key.serialize_der()).into();
        Self { chain, key }
    }
}

fn key() -> KeyPair {
    KeyPair::generate().expect("a key")
}

fn params(name: &str, names: &[&str], years: Years, is_authority: bool) -> CertificateParams {
    let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
    let mut params = CertificateParams::new(names).expect("names of hosts");
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    params.not_before = date_time_ymd(years.0, 1, 1);
    params.not_after = date_time_ymd(years.1, 1, 1);
    if is_authority {
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    }
    params
}

/// A server in front of another one: it decrypts, and passes on. Stops when dropped.
#[derive(Debug)]
pub struct TlsServer {
    address: SocketAddr,
    stop: Arc<AtomicBool>,
    accepting: Option<JoinHandle<()>>,
}

impl TlsServer {
    /// Shows this identity on a free port of this machine, and passes requests on to the server at `behind`.
    pub fn start(identity: Identity, behind: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("an address");
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("versions of TLS")
            .with_no_client_auth()
            .with_single_cert(identity.chain, identity.key)
            .expect("a usable identity");
        let config = Arc::new(config);
        let stop = Arc::new(AtomicBool::new(false));
        let accepting = thread::spawn({
            let stop = Arc::clone(&stop);
            move || {
                for stream in listener.incoming() {
                    if stop.load(Ordering::SeqCst) {
                        return;
                    }
                    let (config, Ok(stream)) = (Arc::clone(&config), stream) else {
                        continue;
                    };
                    // The client may go away at any time; that is no fault of the test.
                    thread::spawn(move || drop(pass_on(stream, config, behind)));
                }
            }
        });
        Self {
            address,
            stop,
            accepting: Some(accepting),
        }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The URL of a path, by a name of this machine.
    pub fn url(&self, host: &str, path: &str) -> String {
        format!("https://{host}:{}{path}", self.address.port())
    }
}

impl Drop for TlsServer {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        // Wakes the accepting thread.
        drop(TcpStream::connect(self.address));
        if let Some(accepting) = self.accepting.take() {
            drop(accepting.join());
        }
    }
}

fn pass_on(stream: TcpStream, config: Arc<ServerConfig>, behind: SocketAddr) -> io::Result<()> {
    let connection = ServerConnection::new(config).map_err(io::Error::other)?;
    let mut client = StreamOwned::new(connection, stream);
    let mut request = Vec::new();
    let mut byte = [0];
    while !request.ends_with(b"\r\n\r\n") {
        if client.read(&mut byte)? == 0 {
            return Ok(());
        }
        request.push(byte[0]);
    }
    let mut server = TcpStream::connect(behind)?;
    server.write_all(&request)?;
    io::copy(&mut server, &mut client)?;
    client.conn.send_close_notify();
    client.flush()
}
