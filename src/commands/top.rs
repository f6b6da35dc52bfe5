//! `portolan top`

use portolan::observe;

use super::arguments::TopArguments;
use super::observing::Observed;
use super::project::recorded_anyway;
use super::{Exit, Outcome, block_on, is_colourful, print};
use crate::render;

pub(crate) fn run(arguments: &TopArguments) -> Outcome {
    block_on(async {
        let observed = Observed::new(recorded_anyway().await?);
        let services = observed.services(&arguments.only.addresses)?;
        let told = observe::usage(&observed.sessions(), &services).await;
        print(|out| match arguments.json {
            true => writeln!(out, "{:#}", render::top::json(&told)),
            false => render::top::human(&told, is_colourful()).iter().try_for_each(|line| writeln!(out, "{line}")),
        })?;
        let is_told = told.iter().all(|told| told.answer.is_ok());
        Ok(if is_told { Exit::Success } else { Exit::Unhealthy })
    })
}
