//! Somebody who stands between the driver and a name server, and does something at each update.

use std::io::{Read, Result, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Where the kind of a message stands, behind its length, and the kind of updates (RFC 2136, 2.2).
const KIND_AT: usize = 4;
const UPDATE: u8 = 5;

/// Passes on what is asked of a server. Ends with the test.
pub(crate) struct Between {
    address: String,
    updates: Arc<AtomicUsize>,
}

/// When something is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Moment {
    /// The update, counted from one, has been sent, and has not reached the server.
    Before(usize),
    /// The server has answered.
    After(usize),
}

impl Between {
    /// Stands before the server at an address, and does something before and after each update.
    pub(crate) fn stand(server: String, does: impl Fn(Moment) + Send + Sync + 'static) -> Between {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address").to_string();
        let (updates, does) = (Arc::new(AtomicUsize::new(0)), Arc::new(does));
        let count = updates.clone();
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let (server, does, count) = (server.clone(), does.clone(), count.clone());
                // Who goes away in the middle is told by what the test sees.
                std::thread::spawn(move || pass_on(client, &server, &count, &*does));
            }
        });
        Between { address, updates }
    }

    /// Where the driver finds it.
    pub(crate) fn address(&self) -> String {
        self.address.clone()
    }

    /// How many updates have come.
    pub(crate) fn updates(&self) -> usize {
        self.updates.load(Ordering::SeqCst)
    }
}

fn pass_on(mut client: TcpStream, server: &str, count: &AtomicUsize, does: &dyn Fn(Moment)) -> Result<()> {
    let request = message(&mut client)?;
    let mut server = TcpStream::connect(server)?;
    if request[KIND_AT] >> 3 & 15 != UPDATE {
        server.write_all(&request)?;
        // A transfer has several messages; the driver hangs up after the last.
        return std::io::copy(&mut server, &mut client).map(drop);
    }
    let number = count.fetch_add(1, Ordering::SeqCst) + 1;
    does(Moment::Before(number));
    server.write_all(&request)?;
    let answer = message(&mut server)?;
    does(Moment::After(number));
    client.write_all(&answer)
}

/// A message with its length before it.
fn message(stream: &mut TcpStream) -> Result<Vec<u8>> {
    let mut message = vec![0; 2];
    stream.read_exact(&mut message)?;
    let length = usize::from(u16::from_be_bytes([message[0], message[1]]));
    message.resize(2 + length, 0);
    stream.read_exact(&mut message[2..])?;
    Ok(message)
}
