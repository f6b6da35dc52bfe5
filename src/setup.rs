//! The explicit list of what the program was built with.

use std::sync::Arc;

use portolan::catalog::Catalog;
use portolan_provider::Provider;

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
    ];
    Catalog::new(providers)
}
