//! What an app can say about how the web is to be reached.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::RetryPolicy;

/// Adds request headers, credentials above all. It is called for every request, with the URL about to be asked,
/// also after redirects: only the hook knows which host may see what, and nothing it returned for one URL is ever
/// carried over to another.
pub type HeadersHook = Arc<dyn Fn(&str) -> Vec<(String, String)> + Send + Sync>;

/// Which proxy stands between the app and the web.
#[derive(Clone, PartialEq, Eq, Default)]
pub enum Proxy {
    /// Direct connections.
    None,
    /// `http_proxy`, `https_proxy`, `all_proxy` and `no_proxy`, as other programs read them.
    #[default]
    FromEnvironment,
    /// This one for everything: `http://[user:password@]host:port`.
    Url(String),
}

/// Credentials in a proxy URL stay out of logs.
impl fmt::Debug for Proxy {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::None => "None",
            Self::FromEnvironment => "FromEnvironment",
            Self::Url(_) => "Url(..)",
        })
    }
}

/// How [`super::HttpTransport`] behaves. The defaults suit an app on a person's machine.
#[derive(Clone)]
pub struct HttpOptions {
    /// Which proxy to use.
    pub proxy: Proxy,
    /// Headers to add.
    pub headers: Option<HeadersHook>,
    /// Sent as `User-Agent`.
    pub user_agent: String,
    /// To find the host and connect, encryption included.
    pub connect_timeout: Duration,
    /// Longest silence of the server, before or within the answer.
    pub read_timeout: Duration,
    /// How to repeat what failed for a passing reason.
    pub retry: RetryPolicy,
    /// Redirects followed for one request.
    pub redirect_limit: usize,
}

impl Default for HttpOptions {
    fn default() -> Self {
        Self {
            proxy: Proxy::default(),
            headers: None,
            user_agent: concat!("esky/", env!("CARGO_PKG_VERSION")).to_owned(),
            connect_timeout: Duration::from_secs(20),
            read_timeout: Duration::from_secs(30),
            retry: RetryPolicy::default(),
            redirect_limit: 10,
        }
    }
}

impl fmt::Debug for HttpOptions {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("HttpOptions")
            .field("proxy", &self.proxy)
            .field("user_agent", &self.user_agent)
            .field("connect_timeout", &self.connect_timeout)
            .field("read_timeout", &self.read_timeout)
            .field("retry", &self.retry)
            .field("redirect_limit", &self.redirect_limit)
            .finish_non_exhaustive()
    }
}
