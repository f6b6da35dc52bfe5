//! `portolan state list` and `portolan state show`

use portolan_lang::diagnostic::did_you_mean;
use portolan_lang::{Address, Diagnostic, Diagnostics, Sources};
use portolan_state::{Resource, Snapshot};

use super::arguments::{StateCommand, StateListArguments, StateShowArguments};
use super::project::recorded;
use super::{Exit, Failure, Outcome, block_on, print};
use crate::render;

pub(crate) fn run(command: &StateCommand) -> Outcome {
    block_on(async {
        let snapshot = recorded().await?;
        match command {
            StateCommand::List(arguments) => list(arguments, &snapshot),
            StateCommand::Show(arguments) => show(arguments, &snapshot),
        }
    })
}

fn list(arguments: &StateListArguments, snapshot: &Snapshot) -> Outcome {
    let mut problems = Diagnostics::new();
    let wanted: Vec<Address> = arguments
        .addresses
        .iter()
        .filter_map(|text| problems.keep(parse(text).and_then(|address| present(address, snapshot))))
        .collect();
    if problems.has_errors() {
        return Err(Failure { diagnostics: problems, sources: Sources::new() });
    }
    let is_wanted = |address: &Address| wanted.is_empty() || wanted.iter().any(|prefix| prefix.contains(address));
    print(|out| {
        let mut addresses: Vec<&Address> = snapshot.resources.iter().map(|resource| &resource.key.address).collect();
        // An object that waits for its deletion stands at the same address as its successor.
        addresses.dedup();
        addresses.retain(|address| is_wanted(address));
        addresses.into_iter().try_for_each(|address| writeln!(out, "{address}"))
    })?;
    Ok(Exit::Success)
}

fn show(arguments: &StateShowArguments, snapshot: &Snapshot) -> Outcome {
    let address = parse(&arguments.address)?;
    let found: Vec<&Resource> = snapshot.resources.iter().filter(|resource| resource.key.address == address).collect();
    let Some(first) = found.first() else { return Err(missing(&address, snapshot).into()) };
    print(|out| match arguments.json {
        true => writeln!(out, "{:#}", render::state::resource_json(first)),
        false => {
            let texts: Vec<String> = found.iter().map(|resource| render::state::resource(resource)).collect();
            out.write_all(texts.join("\n").as_bytes())
        }
    })?;
    Ok(Exit::Success)
}

fn parse(text: &str) -> Result<Address, Diagnostic> {
    text.parse()
        .map_err(|error| Diagnostic::error("Invalid address").detail(format!("\"{text}\" is not an address: {error}.")))
}

/// An address at or under which something is recorded.
fn present(address: Address, snapshot: &Snapshot) -> Result<Address, Diagnostic> {
    match snapshot.resources.iter().any(|resource| address.contains(&resource.key.address)) {
        true => Ok(address),
        false => Err(missing(&address, snapshot)),
    }
}

fn missing(address: &Address, snapshot: &Snapshot) -> Diagnostic {
    let problem = Diagnostic::error("No such object").detail(format!("Nothing is recorded at the address {address}."));
    let under = snapshot.resources.iter().find(|resource| address.contains(&resource.key.address));
    if under.is_some() {
        return problem.help(format!(
            "There is something under it: portolan state list {}",
            render::shell::word(&address.to_string())
        ));
    }
    let recorded: Vec<String> = snapshot.resources.iter().map(|resource| resource.key.address.to_string()).collect();
    match did_you_mean(&address.to_string(), recorded.iter().map(String::as_str)) {
        Some(similar) => problem.help(format!("Did you mean {similar}?")),
        None => problem.help("See what there is: portolan state list"),
    }
}
