//! Which connection a resource block uses.

use portolan_lang::Address;

use super::evaluator::Evaluator;
use super::module::ModuleInstance;
use crate::config::ResourceBlock;

/// What stands before the names of connections that `provider` blocks declare.
pub(super) const PROVIDER: &str = "provider";

/// The connection that a resource block asks for: that of a `provider` block, or that of a block
/// of the domain in its module. Where it asks for none, the provider's own without an alias.
pub(super) fn connection_of(
    evaluator: &Evaluator,
    module: &ModuleInstance,
    block: &ResourceBlock,
    provider: &str,
) -> Option<Address> {
    let declared = &evaluator.inputs.config.root.providers;
    let Some(reference) = &block.provider else {
        return declared.contains_key(provider).then(|| Address::of([PROVIDER, provider]));
    };
    let names: Vec<&str> = (0..2).filter_map(|at| reference.name(at)).collect();
    let above = match declared.contains_key(&*names.join(".")) {
        true => Address::of([PROVIDER]),
        false => module.address.clone(),
    };
    Some(names.into_iter().fold(above, |address, name| address.join(name)))
}
