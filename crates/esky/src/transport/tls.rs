//! Encryption: rustls with the system's verifier of certificates, whose refusals are explained.

use std::fmt;
use std::io::{Read, Write};
use std::sync::{Arc, Mutex, PoisonError};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    AlertDescription, CertificateError, ClientConfig, ClientConnection, DigitallySignedStruct,
    OtherError, SignatureScheme, StreamOwned,
};
use rustls_platform_verifier::Verifier;
use ureq::Error;
use ureq::unversioned::transport::{
    Buffers, ConnectionDetails, Connector, Either, LazyBuffers, NextTimeout, Transport,
    TransportAdapter,
};

use super::certificate::CertificateFault;
use crate::HttpFault;
use esky_trust::Time;

/// What all connections of one transport share. The system's authorities are read at the first encrypted one.
#[derive(Clone, Default)]
pub(super) struct Encryption(Arc<Mutex<Option<Arc<ClientConfig>>>>);

impl Encryption {
    fn config(&self) -> Result<Arc<ClientConfig>, HttpFault> {
        let mut place = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(config) = &*place {
            return Ok(config.clone());
        }
        let provider = Arc::new(ring::default_provider());
        let config = Arc::new(new_config(provider).map_err(|error| match error {
            rustls::Error::General(reason) => HttpFault::NoAuthorities(reason),
            other => HttpFault::Encryption(other.to_string()),
        })?);
        *place = Some(config.clone());
        Ok(config)
    }
}

impl fmt::Debug for Encryption {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Encryption")
    }
}

fn new_config(provider: Arc<CryptoProvider>) -> Result<ClientConfig, rustls::Error> {
    let verifier = Explained(Verifier::new(provider.clone())?);
    Ok(ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        // Dangerous would be one of our own: this one asks the system's.
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth())
}

/// The system's verifier, with words for what it refuses.
#[derive(Debug)]
struct Explained(Verifier);

impl ServerCertVerifier for Explained {
    fn verify_server_cert(
        &self,
        server: &CertificateDer<'_>,
        above: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let verdict = self
            .0
            .verify_server_cert(server, above, name, ocsp_response, now);
        verdict.map_err(|error| match error {
            rustls::Error::InvalidCertificate(error) => {
                let above = above.iter().map(|certificate| certificate.as_ref());
                let chain: Vec<&[u8]> = std::iter::once(server.as_ref()).chain(above).collect();
                let seconds = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
                let now = Time::from_unix(seconds);
                let fault = CertificateFault::of(&error, &chain, &name.to_str(), now);
                CertificateError::Other(OtherError(Arc::new(fault))).into()
            }
            other => other,
        })
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.0
            .verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.0
            .verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_verify_schemes()
    }
}

/// What an error of the encryption means.
pub(super) fn fault(error: &rustls::Error) -> HttpFault {
    let words = match error {
        rustls::Error::InvalidCertificate(CertificateError::Other(OtherError(inner))) => {
            match inner.downcast_ref::<CertificateFault>() {
                Some(fault) => return HttpFault::Certificate(Box::new(fault.clone())),
                None => inner.to_string(),
            }
        }
        rustls::Error::InvalidMessage(_) => {
            "the server does not speak TLS at this port".to_owned()
        }
        rustls::Error::AlertReceived(
            AlertDescription::HandshakeFailure
            | AlertDescription::ProtocolVersion
            | AlertDescription::InsufficientSecurity,
        )
        | rustls::Error::PeerIncompatible(_) => {
            "the server speaks only kinds of TLS that are not accepted here, such as those before TLS 1.2"
                .to_owned()
        }
        rustls::Error::AlertReceived(AlertDescription::UnrecognisedName) => {
            "the server does not know the host by this name".to_owned()
        }
        rustls::Error::NoCertificatesPresented => "the server shows no certificate".to_owned(),
        other => other.to_string(),
    };
    HttpFault::Encryption(words)
}

/// Encrypts the connections of `https:` URLs.
#[derive(Debug)]
pub(super) struct TlsConnector(pub(super) Encryption);

impl<In: Transport> Connector<In> for TlsConnector {
    type Out = Either<In, Encrypted>;

    fn connect(
        &self,
        details: &ConnectionDetails<'_>,
        chained: Option<In>,
    ) -> Result<Option<Self::Out>, Error> {
        let Some(plain) = chained else {
            return Ok(None);
        };
        if !details.needs_tls() {
            return Ok(Some(Either::A(plain)));
        }
        let other = |fault: HttpFault| Error::Other(Box::new(fault));
        let host = details.uri.host().unwrap_or_default();
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let name = ServerName::try_from(host.to_owned());
        let name = name.map_err(|error| other(HttpFault::BadUrl(error.to_string())))?;
        let config = self.0.config().map_err(other)?;
        let mut conn = ClientConnection::new(config, name).map_err(|error| other(fault(&error)))?;
        let mut sock = TransportAdapter::new(plain.boxed(), details.current_time.clone());
        sock.set_timeout(details.timeout);
        conn.complete_io(&mut sock)?;
        let config = details.config;
        Ok(Some(Either::B(Encrypted {
            buffers: LazyBuffers::new(config.input_buffer_size(), config.output_buffer_size()),
            stream: StreamOwned { conn, sock },
        })))
    }
}

/// An encrypted connection.
pub(super) struct Encrypted {
    buffers: LazyBuffers,
    stream: StreamOwned<ClientConnection, TransportAdapter>,
}

impl Transport for Encrypted {
    fn buffers(&mut self) -> &mut dyn Buffers {
        &mut self.buffers
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), Error> {
        self.stream.sock.set_timeout(timeout);
        let output = &self.buffers.output()[..amount];
        Ok(self.stream.write_all(output)?)
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, Error> {
        self.stream.sock.set_timeout(timeout);
        let input = self.buffers.input_append_buf();
        let count = self.stream.read(input)?;
        self.buffers.input_appended(count);
        Ok(count > 0)
    }

    fn is_open(&mut self) -> bool {
        self.stream.sock.get_mut().is_open()
    }

    fn is_tls(&self) -> bool {
        true
    }
}

impl fmt::Debug for Encrypted {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inner = self.stream.sock.inner();
        formatter.debug_tuple("Encrypted").field(inner).finish()
    }
}
