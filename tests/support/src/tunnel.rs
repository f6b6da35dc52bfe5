//! A proxy as companies have them: it knows nothing of what goes through it (`CONNECT`).

use std::io::{self, BufRead, BufReader, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::Cluster;

/// A proxy that leads to the API server of one cluster, whatever name it is asked for, so that clients
/// can be told a name that nobody else knows. It ends with this.
#[derive(Debug)]
pub struct Tunnel {
    address: SocketAddr,
    is_over: Arc<AtomicBool>,
    asked: Arc<AtomicUsize>,
    open: Arc<Mutex<Vec<TcpStream>>>,
}

/// What every connection of a tunnel needs.
#[derive(Clone)]
struct Way {
    server: String,
    /// What has to stand in `Proxy-Authorization`.
    credentials: Option<String>,
    open: Arc<Mutex<Vec<TcpStream>>>,
}

impl Tunnel {
    /// A tunnel to a cluster, for everybody or for who knows `user:password`.
    pub fn to(cluster: &Cluster, credentials: Option<&str>) -> Tunnel {
        let view = cluster.kubectl().json(&["config", "view", "--raw", "--minify"]);
        let server = view["clusters"][0]["cluster"]["server"].as_str().expect("a server").to_owned();
        let server = server.trim_start_matches("https://").trim_end_matches('/').to_owned();
        let credentials = credentials.map(|credentials| format!("Basic {}", STANDARD.encode(credentials)));
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
        let (is_over, asked, open) = (Arc::<AtomicBool>::default(), Arc::<AtomicUsize>::default(), Arc::default());
        let tunnel = Tunnel {
            address: listener.local_addr().expect("an address"),
            is_over: Arc::clone(&is_over),
            asked: Arc::clone(&asked),
            open: Arc::clone(&open),
        };
        let way = Way { server, credentials, open };
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                if is_over.load(Ordering::Relaxed) {
                    return;
                }
                asked.fetch_add(1, Ordering::Relaxed);
                let way = way.clone();
                // Why it ended is the client's affair.
                thread::spawn(move || way.lead(client).ok());
            }
        });
        tunnel
    }

    /// Where it listens: `127.0.0.1:8080`.
    pub fn address(&self) -> String {
        self.address.to_string()
    }

    /// How many connections it was asked for.
    pub fn asked(&self) -> usize {
        self.asked.load(Ordering::Relaxed)
    }
}

impl Drop for Tunnel {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
        for stream in self.open.lock().expect("no test has failed while it held this").iter() {
            let _ = stream.shutdown(Shutdown::Both);
        }
        // The listener waits for one more client.
        let _ = TcpStream::connect(self.address);
    }
}

impl Way {
    /// Reads what a client asks for, and leads it to the server.
    fn lead(&self, mut client: TcpStream) -> io::Result<()> {
        let mut reader = BufReader::new(client.try_clone()?);
        let mut head = Vec::new();
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line)? == 0 || line.trim().is_empty() {
                break;
            }
            head.push(line.trim().to_owned());
        }
        if !head.first().is_some_and(|line| line.starts_with("CONNECT ")) {
            return client.write_all(b"HTTP/1.1 405 Method Not Allowed\r\nContent-Length: 0\r\n\r\n");
        }
        if !self.admits(&head) {
            return client.write_all(
                b"HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm=\"test\"\r\nContent-Length: 0\r\n\r\n",
            );
        }
        let server = TcpStream::connect(&self.server)?;
        client.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n")?;
        let mut open = self.open.lock().expect("no test has failed while it held this");
        open.extend([client.try_clone()?, server.try_clone()?]);
        drop(open);
        let (mut from, mut to) = (server.try_clone()?, client);
        thread::spawn(move || {
            let _ = io::copy(&mut from, &mut to);
            let _ = to.shutdown(Shutdown::Both);
        });
        let mut server = server;
        io::copy(&mut reader, &mut server)?;
        server.shutdown(Shutdown::Both)
    }

    fn admits(&self, head: &[String]) -> bool {
        let Some(wanted) = &self.credentials else { return true };
        head.iter().any(|line| {
            let field = line.split_once(':');
            field
                .is_some_and(|(name, value)| name.eq_ignore_ascii_case("proxy-authorization") && value.trim() == wanted)
        })
    }
}
