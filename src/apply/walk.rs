//! The heart of applying: which operation may begin when. Synchronous and without I/O; it is
//! told what happened and says what to do.
//!
//! An operation that changes the world is journalled before it starts. Entries are written
//! ahead, in large batches, for operations that will be ready before long, so that none has
//! to wait for the disk. An operation whose change is made in two steps is journalled when it
//! is ready, as both entries are about the same object.
//!
//! An operation whose object has yet to become ready, or to be gone, is *made*: it takes no place
//! among those that run, and what waits for it goes on waiting. Where the object does not become ready, what
//! waits for it is left out, and everything else goes on.
//!
//! The first failure, like the first interrupt, lets nothing new start; what runs is brought to
//! its end. An interrupt also ends the waiting for objects to become ready, and so does a record
//! that cannot be written. The second interrupt ends everything at once.

use std::collections::VecDeque;

use super::places::Places;
use crate::plan::{OperationKind, Plan, Step};

/// How many operations may be journalled and not started.
pub(crate) const AHEAD: usize = 1024;

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Event {
    /// Everything is prepared.
    Begin,
    /// These operations are journalled, durably.
    Journalled(Vec<usize>),
    /// An operation that was started has to be journalled again before it can run.
    NotAsJournalled(usize),
    /// What an operation does is done, and its object has yet to become ready.
    Made(usize),
    /// An operation was done.
    Done(usize),
    /// The object of an operation that was made did not become ready. `goes_back` says that the
    /// operation is carried out once more, to make the object again what it was.
    NotReady { operation: usize, goes_back: bool },
    /// An operation failed. `again` says that it may be tried again after a pause.
    Failed { operation: usize, again: bool },
    /// The pause is over.
    Rested(usize),
    /// A person wants to stop.
    Interrupted,
    /// What comes of changes cannot be recorded.
    Unrecorded,
    /// The right to write was lost.
    Fenced,
}

/// What to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    /// Write the journal entry of an operation.
    Journal(usize),
    /// Carry out an operation.
    Start(usize),
    /// Wait before an operation is tried again.
    Rest(usize),
    /// Give an operation up for failed.
    GiveUp(usize),
    /// Wait until the object of an operation is ready.
    Await(usize),
    /// Wait no longer for any object.
    LetGo,
    /// End everything at once.
    Abort,
}

/// How far an operation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Not begun.
    Waiting,
    /// It may start once it is journalled.
    Ready,
    /// It was started, and may be resting.
    Running,
    /// Its object has yet to become ready.
    Made,
    /// Done, or failed.
    Over,
    /// What it waits for did not become ready.
    LeftOut,
}

/// How far an operation's journal entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Entry {
    None,
    Asked,
    Durable,
    /// Nothing is journalled: the operation changes the record alone, or only reads.
    NotNeeded,
}

#[derive(Debug)]
pub(crate) struct Walk {
    /// For each operation and behind them each join, how many steps it still waits for.
    waits_for: Vec<u32>,
    /// What waits for each operation and join: positions as in `waits_for`, those of one step
    /// together, from `first_dependant`.
    dependants: Vec<u32>,
    first_dependant: Vec<u32>,
    stages: Vec<Stage>,
    entries: Vec<Entry>,
    /// Whether the entry may be written before the operation is ready.
    may_be_ahead: Vec<bool>,
    /// What may start, and what runs or rests.
    places: Places,
    next_ahead: usize,
    ahead: usize,
    made: usize,
    over: usize,
    /// For each join, whether something that it waits for will not happen.
    is_missed: Vec<bool>,
    /// Whether nothing new starts.
    is_stopping: bool,
    /// Whether no object is waited for any more.
    lets_go: bool,
    is_interrupted: bool,
}

impl Walk {
    pub(crate) fn new(plan: &Plan, places: Places) -> Self {
        let operations = plan.operations.len();
        let afters = || {
            plan.operations.iter().map(|operation| &operation.after).chain(plan.joins.iter().map(|join| &join.after))
        };
        let position = |step: &Step| match step {
            Step::Operation(operation) => *operation,
            Step::Join(join) => operations + join,
        };
        let waits_for: Vec<u32> = afters().map(|after| after.len() as u32).collect();
        let mut first_dependant = vec![0u32; waits_for.len() + 1];
        afters().flatten().for_each(|step| first_dependant[position(step) + 1] += 1);
        for at in 1..first_dependant.len() {
            first_dependant[at] += first_dependant[at - 1];
        }
        let mut filled = first_dependant.clone();
        let mut dependants = vec![0u32; first_dependant.last().copied().unwrap_or(0) as usize];
        for (dependant, after) in afters().enumerate() {
            for step in after {
                let slot = &mut filled[position(step)];
                dependants[*slot as usize] = dependant as u32;
                *slot += 1;
            }
        }
        let mut of_change = vec![0u8; plan.changes.len()];
        plan.operations.iter().for_each(|operation| of_change[operation.change] += 1);
        let is_journalled = |kind| !matches!(kind, OperationKind::Forget | OperationKind::Read | OperationKind::Await);
        Walk {
            waits_for,
            dependants,
            first_dependant,
            stages: vec![Stage::Waiting; operations],
            entries: plan
                .operations
                .iter()
                .map(|operation| if is_journalled(operation.kind) { Entry::None } else { Entry::NotNeeded })
                .collect(),
            may_be_ahead: plan.operations.iter().map(|operation| of_change[operation.change] == 1).collect(),
            places,
            next_ahead: 0,
            ahead: 0,
            made: 0,
            over: 0,
            is_missed: vec![false; plan.joins.len()],
            is_stopping: false,
            lets_go: false,
            is_interrupted: false,
        }
    }

    /// Whether an operation runs or rests.
    pub(crate) fn is_running(&self) -> bool {
        self.places.are_taken()
    }

    /// Whether everything that will be done is done.
    pub(crate) fn is_over(&self) -> bool {
        !self.is_running() && self.made == 0 && (self.is_stopping || self.over == self.stages.len())
    }

    /// The operations that are journalled, or are about to be, and were not started.
    pub(crate) fn journalled_in_vain(&self) -> impl Iterator<Item = usize> {
        (0..self.stages.len()).filter(|at| {
            matches!(self.entries[*at], Entry::Asked | Entry::Durable)
                && matches!(self.stages[*at], Stage::Waiting | Stage::Ready | Stage::LeftOut)
        })
    }

    /// Takes in what happened and says what to do about it.
    pub(crate) fn on(&mut self, event: Event) -> Vec<Action> {
        let mut actions = Vec::new();
        match event {
            Event::Begin => {
                let free: Vec<usize> = (0..self.waits_for.len()).filter(|at| self.waits_for[*at] == 0).collect();
                self.reach(free, &mut actions);
            }
            Event::Journalled(operations) => operations.into_iter().for_each(|operation| self.journalled(operation)),
            Event::NotAsJournalled(operation) => self.journal_again(operation, &mut actions),
            Event::Made(operation) => self.made(operation, &mut actions),
            Event::Done(operation) => self.done(operation, &mut actions),
            Event::NotReady { operation, goes_back } if goes_back && !self.is_stopping => {
                self.go_back(operation, &mut actions);
            }
            Event::NotReady { operation, .. } => self.leave_out_behind(operation),
            Event::Failed { operation, again } if again && !self.is_stopping => actions.push(Action::Rest(operation)),
            Event::Failed { operation, .. } => self.give_up(operation, &mut actions),
            Event::Rested(operation) if self.is_stopping => self.give_up(operation, &mut actions),
            Event::Rested(operation) => actions.push(Action::Start(operation)),
            Event::Interrupted if self.is_interrupted => actions.push(Action::Abort),
            Event::Interrupted => {
                self.is_interrupted = true;
                self.let_go(&mut actions);
            }
            Event::Unrecorded => self.let_go(&mut actions),
            Event::Fenced => {
                self.is_stopping = true;
                actions.push(Action::Abort);
            }
        }
        if !self.is_stopping {
            self.start(&mut actions);
            self.write_ahead(&mut actions);
        }
        actions
    }

    fn journalled(&mut self, operation: usize) {
        self.entries[operation] = Entry::Durable;
        if self.stages[operation] == Stage::Ready {
            self.places.add(operation);
        }
    }

    fn journal_again(&mut self, operation: usize, actions: &mut Vec<Action>) {
        self.places.leave(operation);
        self.stages[operation] = Stage::Ready;
        if !self.is_stopping {
            self.ask_for_entry(operation, actions);
        }
    }

    fn let_go(&mut self, actions: &mut Vec<Action>) {
        (self.is_stopping, self.lets_go) = (true, true);
        self.made = 0;
        actions.push(Action::LetGo);
    }

    fn made(&mut self, operation: usize, actions: &mut Vec<Action>) {
        self.places.leave(operation);
        self.stages[operation] = Stage::Made;
        if !self.lets_go {
            self.made += 1;
            actions.push(Action::Await(operation));
        }
    }

    fn done(&mut self, operation: usize, actions: &mut Vec<Action>) {
        self.end(operation);
        let reached = self.leave(operation);
        self.reach(reached, actions);
    }

    /// Ends an operation that runs, or was made.
    fn end(&mut self, operation: usize) {
        match self.stages[operation] {
            Stage::Made => self.made -= 1,
            _ => self.places.leave(operation),
        }
        self.over += 1;
        self.stages[operation] = Stage::Over;
    }

    fn go_back(&mut self, operation: usize, actions: &mut Vec<Action>) {
        self.made -= 1;
        self.stages[operation] = Stage::Ready;
        self.ask_for_entry(operation, actions);
    }

    /// Leaves out everything that waits for an operation.
    fn leave_out_behind(&mut self, operation: usize) {
        self.end(operation);
        let mut left = vec![operation];
        while let Some(step) = left.pop() {
            for at in self.first_dependant[step] as usize..self.first_dependant[step + 1] as usize {
                let dependant = self.dependants[at] as usize;
                let is_new = match self.stages.get_mut(dependant) {
                    Some(Stage::LeftOut) => false,
                    Some(stage) => {
                        *stage = Stage::LeftOut;
                        self.over += 1;
                        true
                    }
                    None => !std::mem::replace(&mut self.is_missed[dependant - self.stages.len()], true),
                };
                left.extend(is_new.then_some(dependant));
            }
        }
    }

    fn give_up(&mut self, operation: usize, actions: &mut Vec<Action>) {
        self.end(operation);
        self.is_stopping = true;
        actions.push(Action::GiveUp(operation));
    }

    /// The steps that wait for nothing more now that this one was left.
    fn leave(&mut self, step: usize) -> Vec<usize> {
        let range = self.first_dependant[step] as usize..self.first_dependant[step + 1] as usize;
        let mut reached = Vec::new();
        for dependant in self.dependants[range].iter().map(|dependant| *dependant as usize) {
            self.waits_for[dependant] -= 1;
            if self.waits_for[dependant] == 0 {
                reached.push(dependant);
            }
        }
        reached
    }

    /// Operations that are reached become ready; joins are passed through.
    fn reach(&mut self, steps: Vec<usize>, actions: &mut Vec<Action>) {
        let mut reached = VecDeque::from(steps);
        while let Some(step) = reached.pop_front() {
            if step >= self.stages.len() {
                reached.extend(self.leave(step));
                continue;
            }
            self.stages[step] = Stage::Ready;
            match self.entries[step] {
                Entry::Durable | Entry::NotNeeded => self.places.add(step),
                Entry::None if !self.is_stopping => self.ask_for_entry(step, actions),
                Entry::None | Entry::Asked => {}
            }
        }
    }

    fn ask_for_entry(&mut self, operation: usize, actions: &mut Vec<Action>) {
        self.entries[operation] = Entry::Asked;
        self.ahead += 1;
        actions.push(Action::Journal(operation));
    }

    fn start(&mut self, actions: &mut Vec<Action>) {
        for operation in self.places.take() {
            self.stages[operation] = Stage::Running;
            self.ahead = self.ahead.saturating_sub(usize::from(self.entries[operation] == Entry::Durable));
            actions.push(Action::Start(operation));
        }
    }

    /// Fills the journal up once half of what was written ahead is used, so that entries come
    /// in large batches.
    fn write_ahead(&mut self, actions: &mut Vec<Action>) {
        if self.ahead > AHEAD / 2 {
            return;
        }
        while self.ahead < AHEAD && self.next_ahead < self.stages.len() {
            let operation = self.next_ahead;
            self.next_ahead += 1;
            if self.entries[operation] == Entry::None && self.may_be_ahead[operation] {
                self.ask_for_entry(operation, actions);
            }
        }
    }
}
