//! nginx as people configure it for a directory of files, with an account of what it sends.

use std::fs;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use super::packages::find_program;
use super::server::Server;

/// The package of Debian that has it.
pub(crate) const NGINX_PACKAGE: &str = "nginx-light";

/// How often, 50 ms apart, a connection to a new server is tried.
const ATTEMPTS: u32 = 200;

/// Serves the files of `directory` on this machine only.
pub(crate) fn serve_with_nginx(directory: &Path) -> Result<Server> {
    let scratch = tempfile::tempdir()?;
    let port = unused_port()?;
    let configuration = scratch.path().join("nginx.conf");
    fs::write(&configuration, words(directory, scratch.path(), port))?;
    let mut child = Command::new(find_program("nginx").context("there is no nginx")?)
        .arg("-c")
        .arg(&configuration)
        .args(["-e", "stderr"])
        .stdin(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .context("nginx could not be started")?;
    wait_for_it(&mut child, port)?;
    Server::listen_to(child, format!("http://127.0.0.1:{port}/"), Some(scratch))
}

/// One process that writes its log where `Server` reads it, a line for each request like those of `esky serve`.
fn words(directory: &Path, scratch: &Path, port: u16) -> String {
    let (directory, scratch) = (directory.display(), scratch.display());
    format!(
        "daemon off;\n\
         master_process off;\n\
         pid {scratch}/pid;\n\
         events {{}}\n\
         http {{\n\
         log_format line '$request_method $uri $status $body_bytes_sent bytes';\n\
         access_log /dev/stderr line;\n\
         log_not_found off;\n\
         default_type application/octet-stream;\n\
         client_body_temp_path {scratch}/body;\n\
         proxy_temp_path {scratch}/proxy;\n\
         fastcgi_temp_path {scratch}/fastcgi;\n\
         uwsgi_temp_path {scratch}/uwsgi;\n\
         scgi_temp_path {scratch}/scgi;\n\
         server {{ listen 127.0.0.1:{port}; root \"{directory}\"; }}\n\
         }}\n"
    )
}

/// nginx does not take port 0. Another process can take the port before nginx does; nginx then says so and ends.
fn unused_port() -> Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    Ok(listener.local_addr()?.port())
}

fn wait_for_it(child: &mut Child, port: u16) -> Result<()> {
    for _ in 0..ATTEMPTS {
        if let Some(status) = child.try_wait()? {
            bail!("nginx ended at once ({status})");
        }
        if TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return Ok(());
        }
        thread::sleep(Duration::from_millis(50));
    }
    let _ = child.kill();
    bail!("nginx accepts no connection on port {port}")
}
