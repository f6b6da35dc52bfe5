//! Which connection a resource block uses.

use portolan_lang::Address;

use super::evaluator::Evaluator;
use super::module::{ModuleId, ModuleInstance};
use super::moves::instance_key;
use super::scope::Each;
use crate::config::{ProviderReference, ResourceBlock};

/// What stands before the names of connections that `provider` blocks declare.
pub(super) const PROVIDER: &str = "provider";

impl Evaluator {
    /// The connection that an instance of a resource block asks for: that of a `provider` block, or
    /// that of a block of the domain in its module. Where it asks for none, the provider's own
    /// without an alias. `Err` after telling that it is not known which one it asks for.
    pub(super) fn connection(
        &self,
        module: ModuleId,
        block: &ResourceBlock,
        provider: &str,
        each: Each,
    ) -> Result<Option<Address>, ()> {
        let Some(wanted) = &block.provider else {
            let declared = &self.inputs.config.root.providers;
            return Ok(declared.contains_key(provider).then(|| Address::of([PROVIDER, provider])));
        };
        let address = self.connection_block(&self.module(module), wanted);
        let Some(key) = &wanted.key else { return Ok(Some(address)) };
        let key = instance_key(key, &self.scope(module, each)).map_err(|problem| {
            self.blame(key.span, module, vec![key.clone()]);
            self.report([problem]);
        })?;
        Ok(Some(address.instance(Some(key))))
    }

    /// The address of the block that has the connection.
    fn connection_block(&self, module: &ModuleInstance, wanted: &ProviderReference) -> Address {
        let names: Vec<&str> = (0..2).filter_map(|at| wanted.block.name(at)).collect();
        let above = match self.inputs.config.root.providers.contains_key(&*names.join(".")) {
            true => Address::of([PROVIDER]),
            false => module.address.clone(),
        };
        names.into_iter().fold(above, |address, name| address.join(name))
    }
}
