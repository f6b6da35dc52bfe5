//! Asking a name server, over TCP.

use std::time::Duration;

use domain::base::iana::Rcode;
use domain::base::{Message, MessageBuilder, ParsedName};
use domain::rdata::ZoneRecordData;
use domain::rdata::tsig::Time48;
use domain::tsig::{ClientSequence, ClientTransaction};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::key::Key;
use super::message;
use crate::name::Name;
use crate::zone::Zone;
use crate::zonefile::Collected;

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

    /// Transfers a zone (AXFR, RFC 5936).
    pub(super) async fn transfer(&self, origin: &Name) -> Result<Zone, Trouble> {
        let untrusted = |error: &dyn ToString| Trouble::Untrusted(error.to_string());
        let mut builder = MessageBuilder::new_stream_vec().question();
        builder.header_mut().set_random_id();
        let asked = (origin, domain::base::iana::Rtype::AXFR, domain::base::iana::Class::IN);
        builder.push(asked).map_err(|error| untrusted(&error))?;
        let mut request = builder.additional();
        let signing = self.key.clone().map(|key| ClientSequence::request(key, &mut request, Time48::now()));
        let mut sequence = signing.transpose().map_err(|error| untrusted(&error))?;
        let id = request.header().id();
        let mut stream = self.send(request.finish().as_stream_slice()).await?;
        let mut transfer = Transfer::default();
        while transfer.ends < 2 {
            let mut answer = receive(&mut stream).await?;
            if let Some(sequence) = &mut sequence {
                let checked = sequence.answer(&mut answer, Time48::now());
                checked.map_err(|error| refused_or(&answer, untrusted(&error)))?;
            }
            accepted(&answer, id)?;
            transfer.add(&answer, origin).map_err(Trouble::Untrusted)?;
        }
        sequence.map_or(Ok(()), ClientSequence::done).map_err(|error| untrusted(&error))?;
        transfer.found.zone(origin).map_err(Trouble::Untrusted)
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

/// What came of a transfer. It begins and ends with the start of authority.
#[derive(Default)]
struct Transfer {
    found: Collected,
    ends: u8,
}

impl Transfer {
    fn add(&mut self, answer: &Message<Vec<u8>>, origin: &Name) -> Result<(), String> {
        let records = answer.answer().map_err(|error| error.to_string())?;
        for record in records {
            let record = record.map_err(|error| error.to_string())?;
            let record = record.into_record::<ZoneRecordData<_, ParsedName<_>>>().map_err(|error| error.to_string())?;
            let Some(record) = record else { return Err("a record is none that a zone can hold".to_owned()) };
            if self.ends == 2 {
                return Err("records come after the end of the transfer".to_owned());
            }
            if matches!(record.data(), ZoneRecordData::Soa(_)) {
                self.ends += 1;
            } else if self.ends == 0 {
                return Err("the transfer does not begin with the start of authority".to_owned());
            }
            if self.ends < 2 {
                self.found.add(&record, origin)?;
            }
        }
        Ok(())
    }
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
