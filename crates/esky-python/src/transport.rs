//! How a finder made in Python reaches the web: natively, unless the app has its own `open_url`.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use esky::{
    Error, HttpFault, HttpOptions, Request, Response, RetryPolicy, SystemTransport, Transport,
};

use url::{Origin, Url};

use crate::bridge::Bridge;

/// Headers to send with every request.
#[derive(Clone, Default)]
pub(crate) enum Headers {
    /// None.
    #[default]
    None,
    /// The same ones always, for the host that the finder was made for and no other.
    Fixed(Vec<(String, String)>),
    /// A function in Python says which.
    Function,
}

/// The transport of a finder made in Python.
pub(crate) struct PythonTransport {
    options: HttpOptions,
    native: SystemTransport,
    headers: Arc<Mutex<Headers>>,
}

impl PythonTransport {
    /// For a finder of packages at `home`. Fails if the options cannot be used.
    pub(crate) fn new(home: &str, mut options: HttpOptions) -> esky::Result<Self> {
        let headers = Arc::new(Mutex::new(Headers::None));
        let fixed = headers.clone();
        let home = origin(home);
        options.headers = Some(Arc::new(move |url| match &*locked(&fixed) {
            Headers::Fixed(list) if home.is_some() && origin(url) == home => list.clone(),
            _ => Vec::new(),
        }));
        let native = SystemTransport::new(options.clone())?;
        Ok(Self {
            options,
            native,
            headers,
        })
    }

    /// Sets the headers of all requests from now on.
    pub(crate) fn set_headers(&self, headers: Headers) {
        *locked(&self.headers) = headers;
    }

    fn asks_for_headers(&self) -> bool {
        matches!(*locked(&self.headers), Headers::Function)
    }

    /// A transport of its own for one request, because the hook may be called on any thread and must know whom to ask.
    fn open_with_headers(&self, bridge: Bridge, request: &Request) -> esky::Result<Response> {
        let options = HttpOptions {
            headers: Some(Arc::new(move |url| bridge.headers(url).unwrap_or_default())),
            ..self.options.clone()
        };
        SystemTransport::new(options)?.open(request)
    }
}

impl Transport for PythonTransport {
    fn open(&self, request: &Request) -> esky::Result<Response> {
        match Bridge::current() {
            Some(bridge) if bridge.opens_urls() => open_in_python(&bridge, request),
            Some(bridge) if self.asks_for_headers() => self.open_with_headers(bridge, request),
            _ => self.native.open(request),
        }
    }

    fn check_address(&self, address: &str) -> esky::Result<()> {
        match Bridge::current() {
            // An app's own open_url knows addresses of its own.
            Some(bridge) if bridge.opens_urls() => Ok(()),
            _ => self.native.check_address(address),
        }
    }

    fn retry_policy(&self) -> RetryPolicy {
        // An app's own open_url retries by itself if it wants to, as it did with the original.
        match Bridge::current() {
            Some(bridge) if bridge.opens_urls() => RetryPolicy::NEVER,
            _ => self.native.retry_policy(),
        }
    }
}

fn open_in_python(bridge: &Bridge, request: &Request) -> esky::Result<Response> {
    let (opened, reader) = bridge.open(&request.url).map_err(|fault| Error::Http {
        url: request.url.clone(),
        fault: match fault.status {
            Some(code) => HttpFault::Status {
                code,
                retry_after: None,
            },
            None => HttpFault::Connection(fault.words),
        },
    })?;
    Ok(Response {
        reader: Box::new(reader),
        total: opened.size,
        final_url: opened.url,
        partial: false,
        validator: None,
    })
}

/// Scheme, host and port.
fn origin(url: &str) -> Option<Origin> {
    Url::parse(url).ok().map(|url| url.origin())
}

fn locked(headers: &Mutex<Headers>) -> MutexGuard<'_, Headers> {
    headers.lock().unwrap_or_else(PoisonError::into_inner)
}
