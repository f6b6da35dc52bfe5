//! What a server's certificate says about its time, where it is refused because of that.

use std::error::Error;
use std::io;

use jiff::Timestamp;
use tokio_rustls::rustls::CertificateError::{ExpiredContext, NotValidYetContext};
use tokio_rustls::rustls::Error as TlsError;
use tokio_rustls::rustls::pki_types::UnixTime;

/// Why a certificate is refused whose time has passed or has not come; `None` for any other error.
pub(super) fn out_of_time(error: &(dyn Error + 'static)) -> Option<String> {
    let TlsError::InvalidCertificate(problem) = tls_error(error)? else { return None };
    match problem {
        ExpiredContext { not_after, .. } => Some(format!("its certificate ended on {}", told(*not_after)?)),
        NotValidYetContext { not_before, .. } => Some(format!("its certificate begins on {}", told(*not_before)?)),
        _ => None,
    }
}

/// The error of TLS among the causes of an error.
fn tls_error<'e>(error: &'e (dyn Error + 'static)) -> Option<&'e TlsError> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref() {
            return Some(found);
        }
        // What an I/O error was made from is not told as its source.
        let inside = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        next = inside.map(|inside| inside as &(dyn Error + 'static)).or_else(|| error.source());
    }
    None
}

/// `2024-01-02 00:00:00 UTC`
fn told(time: UnixTime) -> Option<String> {
    let time = Timestamp::from_second(i64::try_from(time.as_secs()).ok()?).ok()?;
    Some(time.strftime("%F %T UTC").to_string())
}
