//! TLS for a world: an authority and a certificate of its own, and a door through which our own client,
//! which speaks plain HTTP on loopback, reaches a product that speaks TLS only.

use anyhow::{Context, ensure};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use tokio::process::Child;

const CONFIG: &str = "[req]\ndistinguished_name = name\nprompt = no\n[name]\nCN = Meetme test\n\
    [authority]\nbasicConstraints = critical, CA:TRUE\nkeyUsage = critical, keyCertSign\n\
    subjectKeyIdentifier = hash\n\
    [server]\nbasicConstraints = critical, CA:FALSE\nkeyUsage = critical, digitalSignature\n\
    extendedKeyUsage = serverAuth\nsubjectAltName = DNS:localhost, IP:127.0.0.1\n\
    subjectKeyIdentifier = hash\nauthorityKeyIdentifier = keyid\n";

/// Files of a certificate.
pub struct Certificate {
    /// The authority's certificate, which clients trust.
    pub authority: PathBuf,
    /// The server's, for localhost and 127.0.0.1.
    pub certificate: PathBuf,
    /// Its key.
    pub key: PathBuf,
}

/// Makes an authority and a certificate in `folder`.
pub fn certificate(folder: &Path) -> anyhow::Result<Certificate> {
    std::fs::create_dir_all(folder)?;
    std::fs::write(folder.join("openssl.cnf"), CONFIG)?;
    let make = |section: &str, key: &str, out: &str, by: &[&str]| -> anyhow::Result<()> {
        let mut command = Command::new("openssl");
        command.current_dir(folder).args(["req", "-x509", "-config", "openssl.cnf", "-extensions", section]);
        command.args(["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"]);
        command.args(["-keyout", key, "-out", out]).args(by);
        let output = command.output().context("can't run openssl; install the package openssl")?;
        ensure!(output.status.success(), "openssl: {}", String::from_utf8_lossy(&output.stderr));
        Ok(())
    };
    make("authority", "authority.key", "authority.pem", &[])?;
    make("server", "key.pem", "certificate.pem", &["-CA", "authority.pem", "-CAkey", "authority.key"])?;
    Ok(Certificate {
        authority: folder.join("authority.pem"),
        certificate: folder.join("certificate.pem"),
        key: folder.join("key.pem"),
    })
}

/// A door on loopback at `from` that forwards to the TLS server at `to`. It closes when dropped.
pub fn door(from: u16, to: u16, authority: &Path) -> anyhow::Result<Child> {
    let script = super::script::folder().join("door.py");
    tokio::process::Command::new("/usr/bin/python3")
        .arg(script)
        .args([from.to_string(), to.to_string()])
        .arg(authority)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .context("can't start the door; install the package python3")
}
