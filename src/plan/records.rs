//! The recorded objects, each under the address that it has by now.
//!
//! `moved` blocks rename what is recorded; so does a block that gets or loses its `count`, for
//! the instance that was alone or is the first one. Chains are followed to their end. Where two
//! objects come to the same address, the one that stood there, or else the one that came the
//! shorter way, has it, and the other one stays where it is recorded.

use std::borrow::Cow;

use portolan_lang::address::Segment;
use portolan_lang::{Address, Diagnostic, Diagnostics, InstanceKey};
use portolan_state::{Resource, ResourceKey, Snapshot};
use rustc_hash::{FxHashMap, FxHashSet};

use crate::compile::{Desired, Moved};
use crate::refresh::Live;

/// A recorded object.
#[derive(Debug, Clone)]
pub(crate) struct Record<'a> {
    /// Its row.
    pub(crate) resource: &'a Resource,
    /// Its key by now.
    pub(crate) key: ResourceKey,
    /// Whether the plan is about it.
    pub(crate) selected: bool,
    /// How it was found.
    pub(crate) live: Live,
}

impl Record<'_> {
    /// The address it was recorded under, where that was another one.
    pub(crate) fn previous_address(&self) -> Option<Address> {
        (self.key.address != self.resource.key.address).then(|| self.resource.key.address.clone())
    }
}

/// All recorded objects; current ones can be found by their address.
pub(crate) struct Records<'a> {
    /// The objects, in the order of the snapshot.
    pub(crate) list: Vec<Record<'a>>,
    current: FxHashMap<Address, usize>,
}

impl<'a> Records<'a> {
    /// The objects of a snapshot under the addresses that they have by now.
    pub(crate) fn new(snapshot: &'a Snapshot, desired: &Desired) -> (Self, Diagnostics) {
        let (addresses, diagnostics) = addresses_by_now(snapshot, desired);
        let mut records = Records { list: Vec::with_capacity(snapshot.resources.len()), current: FxHashMap::default() };
        records.current.reserve(snapshot.resources.len());
        for (position, (resource, address)) in snapshot.resources.iter().zip(addresses).enumerate() {
            let key = ResourceKey { address: address.into_owned(), deposed: resource.key.deposed.clone() };
            if key.deposed.is_none() {
                records.current.insert(key.address.clone(), position);
            }
            records.list.push(Record { resource, key, selected: true, live: Live::AsRecorded });
        }
        (records, diagnostics)
    }

    /// The current object at an address: its position in the list.
    pub(crate) fn current(&self, address: &Address) -> Option<usize> {
        self.current.get(address).copied()
    }
}

fn addresses_by_now<'a>(snapshot: &'a Snapshot, desired: &Desired) -> (Vec<Cow<'a, Address>>, Diagnostics) {
    let rows = &snapshot.resources;
    let declared = Declared::new(desired);
    let (moves, mut diagnostics) = Moves::new(desired, &declared);
    let ways: Vec<Option<Way>> = rows
        .iter()
        .map(|row| moves.follow(&row.key.address).or_else(|| implied(&row.key.address, &declared)))
        .collect();
    if ways.iter().all(Option::is_none) {
        return (rows.iter().map(|row| Cow::Borrowed(&row.key.address)).collect(), diagnostics);
    }
    let (addresses, blocked) = settle(rows, ways);
    if !blocked.is_empty() {
        diagnostics.push(
            Diagnostic::warning("Unresolved resource instance address changes")
                .detail(format!("Other objects are recorded at these addresses already:\n{}", blocked.join("\n")))
                .help("What could not move is planned for at the address where it is recorded."),
        );
    }
    (addresses, diagnostics)
}

/// Where a row moves to, and in how many moves; an implied move gives way in silence.
struct Way {
    to: Address,
    moves: usize,
    is_implied: bool,
}

/// Gives each address to one row.
fn settle(rows: &[Resource], ways: Vec<Option<Way>>) -> (Vec<Cow<'_, Address>>, Vec<String>) {
    let mut by_length: Vec<usize> = (0..rows.len()).collect();
    by_length.sort_by_key(|at| ways[*at].as_ref().map_or(0, |way| way.moves));
    let mut taken: FxHashSet<(Address, Option<&str>)> = FxHashSet::default();
    let mut addresses: Vec<Cow<'_, Address>> = rows.iter().map(|row| Cow::Borrowed(&row.key.address)).collect();
    let mut blocked = Vec::new();
    for at in by_length {
        let deposed = rows[at].key.deposed.as_deref();
        let Some(way) = &ways[at] else {
            taken.insert((rows[at].key.address.clone(), deposed));
            continue;
        };
        if taken.insert((way.to.clone(), deposed)) {
            addresses[at] = Cow::Owned(way.to.clone());
        } else {
            taken.insert((rows[at].key.address.clone(), deposed));
            if !way.is_implied {
                blocked.push(format!("  - {} could not move to {}", rows[at].key.address, way.to));
            }
        }
    }
    (addresses, blocked)
}

/// The addresses that are declared.
struct Declared<'a> {
    groups: FxHashSet<&'a Address>,
    instances: FxHashSet<&'a Address>,
}

impl<'a> Declared<'a> {
    fn new(desired: &'a Desired) -> Self {
        Declared {
            groups: desired.groups.iter().map(|group| &group.address).collect(),
            instances: desired.instances.iter().map(|instance| &instance.address).collect(),
        }
    }

    /// Whether something is declared that a move away from there says is gone.
    fn still_has(&self, moved: &Moved) -> bool {
        if is_of_whole_block(moved) && self.groups.contains(&moved.from) {
            return true;
        }
        if is_of_module(&moved.from) {
            let under = |group: &&&Address| rest_under(moved, group).is_some();
            return self.groups.iter().any(|group| under(&group));
        }
        self.instances.contains(&moved.from)
    }
}

/// The instance that was alone is the first one of several now, or the other way round.
fn implied(address: &Address, declared: &Declared<'_>) -> Option<Way> {
    if declared.instances.contains(address) {
        return None;
    }
    let to = match address.key() {
        None => address.instance(Some(InstanceKey::Index(0))),
        Some(InstanceKey::Index(0)) => address.instance(None),
        Some(_) => return None,
    };
    declared.instances.contains(&to).then_some(Way { to, moves: 1, is_implied: true })
}

/// The `moved` blocks, found by the names in the address that they move away from.
struct Moves<'a> {
    moved: &'a [Moved],
    by_names: FxHashMap<Vec<&'a str>, Vec<usize>>,
}

impl<'a> Moves<'a> {
    fn new(desired: &'a Desired, declared: &Declared<'_>) -> (Self, Diagnostics) {
        let mut moves = Moves { moved: &desired.moved, by_names: FxHashMap::default() };
        let mut diagnostics = Diagnostics::new();
        for (at, moved) in desired.moved.iter().enumerate() {
            if moved.from == moved.to {
                diagnostics.push(
                    Diagnostic::error("Redundant move statement")
                        .detail(format!("This moves {} to the address that it has.", moved.from))
                        .at(moved.span),
                );
            } else if declared.still_has(moved) {
                diagnostics.push(still_exists(moved, desired));
            } else {
                moves.by_names.entry(names(moved.from.segments())).or_default().push(at);
            }
        }
        if let Some(cycle) = moves.cycle() {
            diagnostics.push(cycle_error(&cycle));
            moves.by_names.clear();
        }
        (moves, diagnostics)
    }

    /// The move that applies to an address, with the address that it leads to.
    fn step(&self, address: &Address) -> Option<(usize, Address)> {
        let segments = address.segments();
        (1..=segments.len())
            .filter_map(|length| self.by_names.get(&names(&segments[..length])))
            .flatten()
            .find_map(|at| Some((*at, moved_to(&self.moved[*at], address)?)))
    }

    /// The end of the chain of moves that begins at an address.
    fn follow(&self, address: &Address) -> Option<Way> {
        if self.by_names.is_empty() {
            return None;
        }
        let mut way: Option<Way> = None;
        // Each move is made at most once, as there are no cycles.
        for moves in 1..=self.moved.len() {
            let at = way.as_ref().map_or(address, |way| &way.to);
            let Some((_, to)) = self.step(at) else { break };
            way = Some(Way { to, moves, is_implied: false });
        }
        way
    }

    /// Moves that lead round in a circle.
    fn cycle(&self) -> Option<Vec<&'a Moved>> {
        let leads_to: Vec<Option<usize>> =
            self.moved.iter().map(|moved| self.step(&moved.to).map(|(next, _)| next)).collect();
        let mut ends = vec![false; self.moved.len()];
        for first in 0..self.moved.len() {
            let mut path = Vec::new();
            let mut on_path = FxHashSet::default();
            let mut at = Some(first);
            while let Some(current) = at.filter(|at| !ends[*at]) {
                if !on_path.insert(current) {
                    let from = path.iter().position(|seen| *seen == current).unwrap_or(0);
                    return Some(path[from..].iter().map(|at| &self.moved[*at]).collect());
                }
                path.push(current);
                at = leads_to[current];
            }
            path.into_iter().for_each(|at| ends[at] = true);
        }
        None
    }
}

fn names(segments: &[Segment]) -> Vec<&str> {
    segments.iter().map(|segment| &*segment.name).collect()
}

fn is_of_module(address: &Address) -> bool {
    address.local().segments().is_empty()
}

/// Whether all instances of a block move, and keep their keys.
fn is_of_whole_block(moved: &Moved) -> bool {
    moved.from.key().is_none() && moved.to.key().is_none()
}

/// How many segments of an address a move takes the place of.
fn rest_under(moved: &Moved, address: &Address) -> Option<usize> {
    let (last, above) = moved.from.segments().split_last()?;
    let segments = address.segments();
    let own = segments.get(above.len())?;
    let same = segments.starts_with(above)
        && own.name == last.name
        && (is_of_whole_block(moved) || own.key == last.key)
        && (moved.from.part_name().is_none() || moved.from.part_name() == address.part_name());
    same.then_some(above.len() + 1)
}

fn moved_to(moved: &Moved, address: &Address) -> Option<Address> {
    let length = rest_under(moved, address)?;
    let segments = address.segments();
    let key = if is_of_whole_block(moved) { segments[length - 1].key.clone() } else { moved.to.key().cloned() };
    let head = moved.to.instance(key);
    let to = Address::new(head.segments().iter().chain(&segments[length..]).cloned());
    let part = moved.to.part_name().or(address.part_name());
    Some(part.map_or(to.clone(), |part| to.part(part)))
}

fn still_exists(moved: &Moved, desired: &Desired) -> Diagnostic {
    let declared = desired.instances.iter().find(|instance| moved.from.contains(&instance.address));
    let error = Diagnostic::error("Moved object still exists")
        .detail(format!("This says that {} was moved, but it is still declared.", moved.from))
        .help(format!("Declare it as {} instead.", moved.to))
        .at(moved.span);
    declared.map_or(error.clone(), |instance| error.label(instance.span, "still declared here"))
}

fn cycle_error(cycle: &[&Moved]) -> Diagnostic {
    let error = Diagnostic::error("Cyclic dependency in move statements")
        .detail("These moves lead round in a circle, so that there is no address to move to.");
    cycle.iter().fold(error, |error, moved| error.label(moved.span, format!("{} to {}", moved.from, moved.to)))
}
