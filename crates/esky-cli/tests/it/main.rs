//! The real `esky` program, run as a person or a script would run it. The apps in these tests are shell scripts.
#![cfg(unix)]
#![allow(clippy::disallowed_methods, clippy::unwrap_used)] // tests may fail loudly, also in their helpers

mod at_once;
mod cleanup;
mod damage;
mod decide;
mod generated;
mod import;
mod in_bin;
mod info;
mod list;
#[cfg(unix)]
mod modes;
mod names;
mod networks;
mod output;
mod owners;
mod pack;
mod patches;
mod repository;
mod several;
mod support;
mod terminals;
mod trust;
mod update;
mod usage;
mod verify;
mod web;
