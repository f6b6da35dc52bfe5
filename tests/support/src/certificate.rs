//! What a server on loopback is trusted by.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// A new key, and the request for a certificate.
const REQUEST: [&str; 10] = [
    "req",
    "-newkey",
    "ec",
    "-pkeyopt",
    "ec_paramgen_curve:P-256",
    "-nodes",
    "-subj",
    "/CN=test",
    "-keyout",
    "server.key",
];

const ADDRESS: &str = "subjectAltName=IP:127.0.0.1";
const USE: &str = "basicConstraints=CA:FALSE";

/// A certificate that is its own authority, and its key, as files.
pub(crate) struct Certificate {
    certificate: PathBuf,
    key: PathBuf,
}

impl Certificate {
    pub(crate) fn made_in(directory: &Path) -> Certificate {
        let made = Certificate::placed_in(directory);
        let options = ["-x509", "-days", "2", "-addext", ADDRESS, "-addext", USE, "-out"];
        openssl(directory, &[&REQUEST, &options[..], &["server.crt"]].concat());
        made
    }

    /// One that was good for the first day of 2024.
    pub(crate) fn ended_in(directory: &Path) -> Certificate {
        let made = Certificate::placed_in(directory);
        openssl(directory, &[&REQUEST, &["-out", "request"][..]].concat());
        // Only an authority can say when a certificate begins.
        let extensions = [ADDRESS, USE].join("\n");
        let authority = "database = index\nserial = serial\nnew_certs_dir = .\ndefault_md = sha256\npolicy = any";
        let configuration =
            format!("[ca]\ndefault_ca = own\n[own]\n{authority}\n[any]\ncommonName = supplied\n[v3]\n{extensions}\n");
        for (name, text) in [("configuration", &*configuration), ("index", ""), ("serial", "01\n")] {
            fs::write(directory.join(name), text).expect("a file");
        }
        let sign =
            ["ca", "-batch", "-selfsign", "-config", "configuration", "-extensions", "v3", "-keyfile", "server.key"];
        let time = ["-startdate", "20240101000000Z", "-enddate", "20240102000000Z"];
        openssl(directory, &[&sign, &time[..], &["-in", "request", "-out", "server.crt", "-notext"]].concat());
        made
    }

    fn placed_in(directory: &Path) -> Certificate {
        Certificate { certificate: directory.join("server.crt"), key: directory.join("server.key") }
    }

    /// Where clients find it, in PEM.
    pub(crate) fn path(&self) -> &Path {
        &self.certificate
    }

    pub(crate) fn acceptor(&self) -> TlsAcceptor {
        let certificate = CertificateDer::from_pem_file(&self.certificate).expect("a certificate");
        let key = PrivateKeyDer::from_pem_file(&self.key).expect("a key");
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()));
        let config = config.with_safe_default_protocol_versions().expect("versions").with_no_client_auth();
        TlsAcceptor::from(Arc::new(config.with_single_cert(vec![certificate], key).expect("a key that fits")))
    }
}

/// Runs openssl in a directory.
fn openssl(directory: &Path, arguments: &[&str]) {
    let output = Command::new("openssl").args(arguments).current_dir(directory).output();
    let output = output.expect("openssl is missing: run tools/install test");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
