//! The addresses that a name has for the world, which an alias of it takes over.

use std::fmt::Display;
use std::net::SocketAddr;
use std::time::Duration;

use domain::base::iana::Rcode;
use domain::base::{Name as AnyName, Rtype, ToName};
use domain::rdata::{A, Aaaa};
use domain::resolv::StubResolver;
use domain::resolv::stub::Answer;
use domain::resolv::stub::conf::{ResolvConf, ServerConf, Transport};
use portolan_lang::{AttributePath, Value};
use portolan_provider::Error;

use crate::field;
use crate::name::{self, Name};

/// How long a resolver that is given may take for one answer, of which it has some attempts.
const PATIENCE: Duration = Duration::from_secs(2);

/// Asks resolvers for addresses.
pub(crate) struct Resolver {
    stub: StubResolver,
    /// Who is asked, for messages.
    whom: String,
}

impl Resolver {
    /// The one at an address, else those of the system.
    pub(crate) fn new(address: Option<SocketAddr>) -> Resolver {
        let Some(address) = address else {
            return Resolver { stub: StubResolver::new(), whom: "the system's resolver".to_owned() };
        };
        let mut conf = ResolvConf::new();
        conf.options.timeout = PATIENCE;
        conf.servers.push(ServerConf::new(address, Transport::UdpTcp));
        conf.finalize();
        Resolver { stub: StubResolver::from_conf(conf), whom: format!("the resolver {address}") }
    }

    /// Answers the data source `dns_addresses`. A name without any address is an error, so that
    /// nothing is taken back because nobody could tell.
    pub(crate) async fn addresses(&self, config: &Value) -> Result<Value, Error> {
        let at = AttributePath::attribute("name");
        let text = field::text(config, "name").unwrap_or_default();
        let name = name::zone(&text).map_err(|problem| Error::invalid(problem).at(at.clone()))?;
        let ipv4 = self.ask::<A>(&name, Rtype::A).await?;
        let ipv6 = self.ask::<Aaaa>(&name, Rtype::AAAA).await?;
        if ipv4.is_empty() && ipv6.is_empty() {
            return Err(Error::invalid(format!("{} knows no address of {name}", self.whom)).at(at));
        }
        Ok(Value::record([("name", Value::string(text)), ("ipv4", field::set(ipv4)), ("ipv6", field::set(ipv6))]))
    }

    /// The data of one type at the end of the name's aliases.
    async fn ask<Data>(&self, name: &Name, rtype: Rtype) -> Result<Vec<String>, Error>
    where
        Data: Display + for<'a> domain::base::ParseRecordData<'a, bytes::Bytes>,
    {
        let failed = |why: &dyn Display| Error::transient(format!("{} gave no answer about {name}: {why}", self.whom));
        let question: (AnyName<Vec<u8>>, Rtype) = (name.to_canonical_name(), rtype);
        let answer: Answer = self.stub.query(question).await.map_err(|error| failed(&error))?;
        match answer.header().rcode() {
            Rcode::NOERROR => {}
            Rcode::NXDOMAIN => {
                let message = format!("{} says that there is no {name}", self.whom);
                return Err(Error::invalid(message).at(AttributePath::attribute("name")));
            }
            other => return Err(failed(&other)),
        }
        let Some(canonical) = answer.canonical_name() else { return Ok(Vec::new()) };
        let section = answer.answer().map_err(|error| failed(&error))?;
        let mut data = Vec::new();
        for record in section.limit_to_in::<Data>() {
            let record = record.map_err(|error| failed(&error))?;
            if *record.owner() == canonical {
                data.push(record.data().to_string());
            }
        }
        Ok(data)
    }
}
