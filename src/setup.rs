//! The explicit list of what the program was built with.

use std::path::Path;
use std::sync::Arc;

use portolan::catalog::Catalog;
use portolan::config::Settings;
use portolan_lang::Diagnostic;
use portolan_provider::Provider;
use portolan_state::Backend;
use portolan_state::seal::{KeySource, key_file_beside};
use portolan_state::sqlite::Sqlite;

/// Every provider, each behind a cargo feature of its own name.
pub(crate) fn catalog() -> Catalog {
    let providers: Vec<Arc<dyn Provider>> = vec![
        #[cfg(feature = "builtin")]
        Arc::new(portolan_builtin::Builtin::new()),
        #[cfg(feature = "kubernetes")]
        Arc::new(portolan_kubernetes::Kubernetes::new()),
        #[cfg(feature = "nginx")]
        Arc::new(portolan_nginx::NginxProvider::new()),
        #[cfg(feature = "dns")]
        Arc::new(portolan_dns::DnsProvider::new()),
        #[cfg(feature = "etcd")]
        Arc::new(portolan_etcd::Etcd::new()),
    ];
    Catalog::new(providers)
}

/// Where the state is unless a `backend` block says otherwise.
const STATE: &str = ".portolan/state.db";

/// Where the key is that the state, and plans made from it, are sealed with.
pub(crate) fn keys() -> KeySource {
    KeySource::environment_or_file(key_file_beside(Path::new(STATE)))
}

/// Where the state is: what the `backend` block says or, without one, a file in the
/// configuration's directory.
pub(crate) fn backend(settings: &Settings) -> Result<Arc<dyn Backend>, Diagnostic> {
    let Some((kind, _)) = &settings.backend else { return Ok(Arc::new(Sqlite::at(STATE))) };
    Err(Diagnostic::error("Unknown state backend")
        .detail(format!("There is no backend \"{}\".", kind.name))
        .at(kind.span)
        .help("Leave the block out: the state is kept in .portolan/state.db then."))
}
