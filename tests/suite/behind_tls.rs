//! Locations whose servers speak TLS: the real nginx asks real servers, and refuses those that show the wrong
//! certificate.

#![cfg(feature = "nginx")]

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use portolan_test_support::tools;

use crate::edge::{Edge, ask_grpc, nginx_backend};
use crate::program::until;

/// The certificate of `shop.example.com`, which is its own authority, and beside it its key.
const EXAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/shop/tls/self-signed-for-tests");

/// A certificate that nobody signed, and its key.
fn another(directory: &Path, name: &str) -> PathBuf {
    let path = directory.join(name);
    let mut command = Command::new(tools::program("openssl", "openssl").expect("servers are not left out"));
    command.args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"]);
    command.args(["-subj", &format!("/CN={name}")]).arg("-keyout").arg(path.with_extension("key"));
    command.arg("-out").arg(path.with_extension("crt")).stderr(Stdio::null());
    assert!(command.status().expect("openssl starts").success());
    path
}

fn location(path: &str, protocol: &str, tls: &[&str]) -> String {
    format!(
        "  location \"{path}\" {{\n    to       = application.shop.external.web\n    protocol = \"{protocol}\"\n    \
         server_tls {{\n{}\n    }}\n  }}\n",
        tls.join("\n")
    )
}

#[test]
fn servers_are_asked_only_where_they_show_the_right_certificate() {
    let directory = tempfile::tempdir().expect("a directory");
    let client = another(directory.path(), "client");
    let other = another(directory.path(), "other");
    let lines = format!(
        "ssl_certificate {EXAMPLE}.crt;\nssl_certificate_key {EXAMPLE}.key;\nssl_client_certificate {};\n\
         ssl_verify_client optional_no_ca;\ndefault_type application/grpc;\nlocation / {{\nreturn 200 \
         \"$server_protocol by TLS for $ssl_server_name, client $ssl_client_verify\";\n}}",
        client.with_extension("crt").display()
    );
    let Some((address, _backend)) = nginx_backend(directory.path(), "ssl http2", &lines) else { return };
    let right = format!("certificate_authority = file(\"{EXAMPLE}.crt\")");
    let wrong = format!("certificate_authority_file = \"{}\"", other.with_extension("crt").display());
    let named = |name: &str| format!("server_name = \"{name}\"");
    let (shop, elsewhere) = (named("shop.example.com"), named("else.example.com"));
    let of_client = |of: &Path| {
        let [certificate, key] = ["crt", "key"].map(|ending| of.with_extension(ending).display().to_string());
        format!("certificate = file(\"{certificate}\")\nkey = file(\"{key}\")")
    };
    let front = format!(
        "  tls {{\n    certificate = file(\"{EXAMPLE}.crt\")\n    key = file(\"{EXAMPLE}.key\")\n    redirect = false\n  }}\n"
    );
    let locations = [
        front,
        location("/right", "https", &[&shop, &right]),
        location("/name", "https", &[&elsewhere, &right]),
        location("/authority", "https", &[&shop, &wrong]),
        location("/unverified", "https", &[&elsewhere, "verify = false"]),
        location("/client", "https", &[&shop, &right, &of_client(&client)]),
        location("/stranger", "https", &[&shop, &right, &of_client(&other)]),
        location("/grpc", "grpcs", &[&shop, &right]),
        location("/grpc_name", "grpcs", &[&elsewhere, &right]),
        location("/grpc_authority", "grpcs", &[&shop, &wrong]),
        location("/grpc_client", "grpcs", &[&shop, &right, &of_client(&client)]),
    ];
    let edge = Edge::of("", &[("web", address)], &locations.concat()).expect("servers are not left out");

    // Twice, because a connection that is kept for one must not serve another.
    for _ in 0..2 {
        let get = |path: &str, expected: &str| {
            let answer = edge.get(path, "");
            assert!(answer.contains(expected), "{path}: {answer}");
        };
        get("/right", "HTTP/1.1 by TLS for shop.example.com, client NONE");
        get("/unverified", "HTTP/1.1 by TLS for else.example.com, client NONE");
        get("/client", "by TLS for shop.example.com, client SUCCESS");
        get("/stranger", "by TLS for shop.example.com, client FAILED");
        get("/name", "HTTP/1.1 502");
        get("/authority", "HTTP/1.1 502");
        let grpc = |path: &str, expected: &str| {
            let said = ask_grpc(&edge, path);
            assert!(said.text.contains(expected), "{path}: {}", said.all());
        };
        grpc("/grpc", "HTTP/2.0 by TLS for shop.example.com, client NONE");
        grpc("/grpc_client", "HTTP/2.0 by TLS for shop.example.com, client SUCCESS");
        grpc("/grpc_name", "HTTP/2 502");
        grpc("/grpc_authority", "HTTP/2 502");
    }
    let log = || edge.project.read("out/error.log");
    until("it is told why", || {
        log().contains("upstream SSL certificate does not match \"else.example.com\"")
            && log().contains("upstream SSL certificate verify error")
    });
    // The key is nobody else's to read, and no plan shows it.
    let files = std::fs::read_dir(edge.project.path("out/tls")).expect("a folder").flatten();
    let keys: Vec<_> = files.filter(|file| file.path().extension().is_some_and(|ending| ending == "key")).collect();
    assert_eq!(keys.len(), 4, "{keys:?}");
    for key in keys {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(key.metadata().expect("there").permissions().mode() & 0o777, 0o600, "{key:?}");
    }
}
