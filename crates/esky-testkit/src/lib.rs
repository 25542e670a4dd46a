//! For tests only: a web server with every fault a client may meet, apps small enough to be made in a moment, and
//! zip files that no honest program writes. And what another tool leaves behind.

#![allow(clippy::disallowed_methods)] // a test kit may go to the disk by itself

pub mod apps;
pub mod bootstrap;
pub mod proxy;
pub mod raw_zip;
pub mod repository;
mod serve;
pub mod server;
pub mod shared;
pub mod signed_site;
pub mod tls;
pub mod tufup;
