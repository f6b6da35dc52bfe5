//! Asking a name server, over TCP.

use std::sync::Arc;
use std::time::Duration;

use domain::base::iana::{Class, Rcode, Rtype};
use domain::base::message_builder::PushError;
use domain::base::{Message, MessageBuilder, ParsedName, Serial, Ttl};
use domain::rdata::tsig::Time48;
use domain::rdata::{self, ZoneRecordData};
use domain::tsig::{ClientSequence, ClientTransaction};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::key::Key;
use super::message;
use super::transfer::Transfer;
use crate::name::Name;
use crate::zone::{Soa, Zone};

/// How long a server may take to answer, or to go on with a transfer.
const PATIENCE: Duration = Duration::from_secs(30);

/// Why there is no answer, or which.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Trouble {
    /// The server could not be reached, or fell silent.
    Unreachable(String),
    /// It answered with this code.
    Refused(Rcode),
    /// Its answer cannot be read, or is not signed as it should be.
    Untrusted(String),
}

/// How a server is reached.
#[derive(Debug, Clone)]
pub(super) struct Link {
    /// Its address: `192.0.2.53:53`, `ns1.example.com:53`.
    pub(super) address: String,
    /// What signs requests and answers.
    pub(super) key: Option<Key>,
}

impl Link {
    /// Sends an update. Returns once it was carried out.
    pub(super) async fn update(&self, mut update: message::Message) -> Result<(), Trouble> {
        let untrusted = |error: &dyn ToString| Trouble::Untrusted(error.to_string());
        let signing = self.key.clone().map(|key| ClientTransaction::request(key, &mut update, Time48::now()));
        let transaction = signing.transpose().map_err(|error| untrusted(&error))?;
        let id = update.header().id();
        let mut stream = self.send(update.finish().as_stream_slice()).await?;
        let mut answer = receive(&mut stream).await?;
        if let Some(transaction) = transaction {
            let checked = transaction.answer(&mut answer, Time48::now());
            checked.map_err(|error| refused_or(&answer, untrusted(&error)))?;
        }
        accepted(&answer, id)
    }

    /// The zone as it is now. Where it is known how it was, only what changed since is transferred
    /// (IXFR, RFC 1995), if the server still knows; otherwise all of it (AXFR, RFC 5936).
    /// What was known is changed in place where nobody else holds it.
    pub(super) async fn transfer(&self, origin: &Name, known: Option<Arc<Zone>>) -> Result<Arc<Zone>, Trouble> {
        if known.is_some() {
            match self.ask(origin, known).await {
                Err(Trouble::Untrusted(_) | Trouble::Refused(_)) => {}
                other => return other,
            }
        }
        self.ask(origin, None).await
    }

    async fn ask(&self, origin: &Name, known: Option<Arc<Zone>>) -> Result<Arc<Zone>, Trouble> {
        let untrusted = |error: &dyn ToString| Trouble::Untrusted(error.to_string());
        let mut request =
            question(origin, known.as_ref().map(|known| &known.soa)).map_err(|error| untrusted(&error))?;
        let signing = self.key.clone().map(|key| ClientSequence::request(key, &mut request, Time48::now()));
        let mut sequence = signing.transpose().map_err(|error| untrusted(&error))?;
        let id = request.header().id();
        let mut stream = self.send(request.finish().as_stream_slice()).await?;
        let mut transfer = Transfer::new(origin, known);
        loop {
            let mut answer = receive(&mut stream).await?;
            if let Some(sequence) = &mut sequence {
                let checked = sequence.answer(&mut answer, Time48::now());
                checked.map_err(|error| refused_or(&answer, untrusted(&error)))?;
            }
            accepted(&answer, id)?;
            add(&mut transfer, &answer).map_err(Trouble::Untrusted)?;
            if transfer.is_over() {
                break;
            }
        }
        sequence.map_or(Ok(()), ClientSequence::done).map_err(|error| untrusted(&error))?;
        transfer.zone().map_err(Trouble::Untrusted)
    }

    async fn send(&self, request: &[u8]) -> Result<TcpStream, Trouble> {
        let sending = async {
            let mut stream = TcpStream::connect(&self.address).await?;
            stream.set_nodelay(true)?;
            stream.write_all(request).await?;
            Ok(stream)
        };
        in_time(sending).await
    }
}

/// Asks for a zone, or for what changed since its start of authority was this.
fn question(origin: &Name, since: Option<&Soa>) -> Result<message::Message, PushError> {
    let mut builder = MessageBuilder::new_stream_vec().question();
    builder.header_mut().set_random_id();
    let what = if since.is_some() { Rtype::IXFR } else { Rtype::AXFR };
    builder.push((origin, what, Class::IN))?;
    let mut authority = builder.authority();
    if let Some(soa) = since {
        let numbers = [soa.refresh, soa.retry, soa.expire, soa.minimum].map(Ttl::from_secs);
        let [refresh, retry, expire, minimum] = numbers;
        let serial = Serial(soa.serial);
        let data = rdata::Soa::new(&soa.primary, &soa.contact, serial, refresh, retry, expire, minimum);
        authority.push((origin, Class::IN, Ttl::from_secs(soa.ttl), data))?;
    }
    Ok(authority.additional())
}

/// Adds the records of a message to a transfer.
fn add(transfer: &mut Transfer<'_>, answer: &Message<Vec<u8>>) -> Result<(), String> {
    for record in answer.answer().map_err(|error| error.to_string())? {
        let record = record.map_err(|error| error.to_string())?;
        let record = record.into_record::<ZoneRecordData<_, ParsedName<_>>>().map_err(|error| error.to_string())?;
        transfer.add(&record.ok_or("a record is none that a zone can hold")?)?;
    }
    transfer.end_of_message()
}

async fn receive(stream: &mut TcpStream) -> Result<Message<Vec<u8>>, Trouble> {
    let receiving = async {
        let mut answer = vec![0; usize::from(stream.read_u16().await?)];
        stream.read_exact(&mut answer).await?;
        Ok(answer)
    };
    let answer = in_time(receiving).await?;
    Message::from_octets(answer).map_err(|_| Trouble::Untrusted("the answer is cut".to_owned()))
}

async fn in_time<T>(work: impl Future<Output = std::io::Result<T>>) -> Result<T, Trouble> {
    match timeout(PATIENCE, work).await {
        Ok(done) => done.map_err(|error| Trouble::Unreachable(error.to_string())),
        Err(_) => Err(Trouble::Unreachable(format!("it does not answer within {} seconds", PATIENCE.as_secs()))),
    }
}

/// A server that refuses may do so without a signature: a key that it does not know signs nothing.
/// Nothing rests on such an answer but the message that a person reads.
fn refused_or(answer: &Message<Vec<u8>>, otherwise: Trouble) -> Trouble {
    match answer.header().rcode() {
        Rcode::NOERROR => otherwise,
        code => Trouble::Refused(code),
    }
}

fn accepted(answer: &Message<Vec<u8>>, id: u16) -> Result<(), Trouble> {
    if answer.header().id() != id || !answer.header().qr() {
        return Err(Trouble::Untrusted("the answer is to another question".to_owned()));
    }
    match answer.header().rcode() {
        Rcode::NOERROR => Ok(()),
        code => Err(Trouble::Refused(code)),
    }
}
