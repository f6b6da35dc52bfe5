//! `portolan route`

use portolan::compile::Desired;
use portolan::compile::domain::switch::Switch;
use portolan::observe::Selection;
use portolan::plan::Request;
use portolan_lang::diagnostic::did_you_mean;
use portolan_lang::{Address, Diagnostic, Sources};
use portolan_state::Decision;

use super::arguments::{RouteCommand, SwitchArguments};
use super::ordering::{carry_out, giver};
use super::planning::{Prepared, decide, prepare, recovered};
use super::project::Project;
use super::{Failure, Outcome, block_on};

pub(crate) fn run(command: &RouteCommand) -> Outcome {
    match command {
        RouteCommand::Switch(arguments) => block_on(switch(arguments)),
    }
}

async fn switch(arguments: &SwitchArguments) -> Outcome {
    let selection = Selection::parse(std::slice::from_ref(&arguments.route))
        .map_err(|diagnostics| Failure { diagnostics, sources: Sources::new() })?;
    let wish = arguments.to.as_deref().map(|to| Switch { to: to.into(), share: arguments.weight.unwrap_or(100) });
    let giver = giver(&arguments.order)?;
    let make = |route: &Address| Switch::decision(route, wish.as_ref(), &giver);
    let wish = wish.as_ref();
    carry_out("route switch", &arguments.order, async |project, locked, request| {
        let start = recovered(project, locked, &request).await?;
        let prepared = prepare(project, start, &request).await?;
        let route = meant(&arguments.route, &selection, &prepared.desired, wish);
        let route = route.map_err(|problem| project.failure(problem.into()))?;
        let is_so = Switch::standing(&prepared.snapshot.decisions, &route).as_ref() == wish;
        let decisions = if is_so { Vec::new() } else { vec![make(&route)] };
        switched(project, prepared, (&route, decisions), request).await
    })
    .await
}

/// The route that is meant, and that it has the backend.
fn meant(
    given: &str,
    selection: &Selection,
    desired: &Desired,
    switch: Option<&Switch>,
) -> Result<Address, Diagnostic> {
    let mut routes = desired.backends.iter().filter(|(route, _)| selection.contains(route));
    let (route, names) = match (routes.next(), routes.next()) {
        (Some(found), None) => found,
        (Some((one, _)), Some((other, _))) => {
            return Err(Diagnostic::error("Several routes")
                .detail(format!("Both {one} and {other} are called {given}."))
                .help("Write the whole address, with its key if it has one."));
        }
        (None, _) => return Err(no_route(given, desired)),
    };
    match switch.filter(|switch| !names.contains(&switch.to)) {
        None => Ok(route.clone()),
        Some(switch) => {
            let problem = Diagnostic::error("No such backend").detail(switch.missing(route, names));
            Err(match did_you_mean(&switch.to, names.iter().map(|name| &**name)) {
                Some(near) => problem.help(format!("Did you mean --to {near}?")),
                None => problem,
            })
        }
    }
}

fn no_route(given: &str, desired: &Desired) -> Diagnostic {
    let names: Vec<String> = desired.backends.keys().map(ToString::to_string).collect();
    let shown = if names.is_empty() { "there are none".to_owned() } else { names.join(", ") };
    let problem = Diagnostic::error("No such route").detail(format!("No route is called {given}; routes: {shown}."));
    match did_you_mean(given, names.iter().flat_map(|name| [&**name, name.rsplit('.').next().unwrap_or(name)])) {
        Some(near) => problem.help(format!("Did you mean {near}?")),
        None => problem,
    }
}

/// The configuration compiled with the decisions, and a plan for the route's fleet alone.
async fn switched(
    project: &Project,
    prepared: Prepared,
    (route, decisions): (&Address, Vec<Decision>),
    mut request: Request,
) -> Result<(Prepared, Request), Failure> {
    let instances = || prepared.desired.iter().map(|(_, instance)| instance);
    let own = instances().find(|instance| route.contains(&instance.address));
    let fleet = own.and_then(|own| prepared.desired.connections.get(own.connection?));
    request.system = fleet.map(|fleet| fleet.address.clone());
    request.targets = request.system.iter().cloned().collect();
    Ok((decide(project, prepared, decisions, &request).await?, request))
}
