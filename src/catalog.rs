//! Which provider has which resource type.

use std::collections::BTreeMap;
use std::sync::Arc;

use portolan_lang::Schema;
use portolan_provider::{Provider, ResourceSchema};

/// All providers that the program was built with.
#[derive(Clone, Default)]
pub struct Catalog {
    providers: BTreeMap<&'static str, Arc<dyn Provider>>,
    resources: BTreeMap<&'static str, &'static str>,
    data: BTreeMap<&'static str, &'static str>,
}

impl Catalog {
    /// A catalog of these providers. Of two with the same resource type the first one counts.
    pub fn new(providers: impl IntoIterator<Item = Arc<dyn Provider>>) -> Self {
        let mut catalog = Catalog::default();
        for provider in providers {
            let name = provider.name();
            for resource_type in provider.schema().resources.keys() {
                catalog.resources.entry(resource_type).or_insert(name);
            }
            for source in provider.schema().data.keys() {
                catalog.data.entry(source).or_insert(name);
            }
            catalog.providers.insert(name, provider);
        }
        catalog
    }

    /// The provider of this name.
    pub fn provider(&self, name: &str) -> Option<&Arc<dyn Provider>> {
        self.providers.get(name)
    }

    /// The names of all providers, sorted.
    pub fn provider_names(&self) -> impl Iterator<Item = &'static str> {
        self.providers.keys().copied()
    }

    /// The provider that has this resource type, with the type's schema.
    pub fn resource(&self, resource_type: &str) -> Option<(&'static str, &ResourceSchema)> {
        let name = self.resources.get(resource_type)?;
        Some((name, self.providers.get(name)?.schema().resources.get(resource_type)?))
    }

    /// The provider that has this data source, with the source's schema.
    pub fn data(&self, source: &str) -> Option<(&'static str, &Schema)> {
        let name = self.data.get(source)?;
        Some((name, self.providers.get(name)?.schema().data.get(source)?))
    }

    /// All resource types, sorted.
    pub fn resource_types(&self) -> impl Iterator<Item = &'static str> {
        self.resources.keys().copied()
    }

    /// All data sources, sorted.
    pub fn data_sources(&self) -> impl Iterator<Item = &'static str> {
        self.data.keys().copied()
    }
}
