//! The words that stand for enums at rest.

use crate::record::{Operation, ResourceStatus, RunStatus};

/// The word for an operation.
pub fn operation(operation: Operation) -> &'static str {
    match operation {
        Operation::Create => "create",
        Operation::Update => "update",
        Operation::Delete => "delete",
    }
}

/// The operation that a word stands for.
pub fn read_operation(word: &str) -> Option<Operation> {
    [Operation::Create, Operation::Update, Operation::Delete].into_iter().find(|known| operation(*known) == word)
}

/// The word for a resource's status.
pub fn resource_status(status: ResourceStatus) -> &'static str {
    match status {
        ResourceStatus::Ready => "ready",
        ResourceStatus::Pending => "pending",
        ResourceStatus::Tainted => "tainted",
    }
}

/// The resource's status that a word stands for.
pub fn read_resource_status(word: &str) -> Option<ResourceStatus> {
    let all = [ResourceStatus::Ready, ResourceStatus::Pending, ResourceStatus::Tainted];
    all.into_iter().find(|known| resource_status(*known) == word)
}

/// The word for a run's status.
pub fn run_status(status: RunStatus) -> &'static str {
    match status {
        RunStatus::Running => "running",
        RunStatus::Succeeded => "succeeded",
        RunStatus::Failed => "failed",
    }
}

/// The run's status that a word stands for.
pub fn read_run_status(word: &str) -> Option<RunStatus> {
    [RunStatus::Running, RunStatus::Succeeded, RunStatus::Failed].into_iter().find(|known| run_status(*known) == word)
}
