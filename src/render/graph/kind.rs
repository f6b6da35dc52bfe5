//! The kinds of nodes, and their colours.

use portolan_lang::Address;

/// What a node stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Kind {
    Name,
    Zone,
    Route,
    Fleet,
    Service,
    Application,
    Cluster,
    Resource,
    Data,
}

/// The colours of a kind, as `#rrggbb`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Colours {
    pub(super) fill: &'static str,
    pub(super) line: &'static str,
}

impl Kind {
    pub(super) const ALL: [Kind; 9] = [
        Kind::Name,
        Kind::Zone,
        Kind::Route,
        Kind::Fleet,
        Kind::Service,
        Kind::Application,
        Kind::Cluster,
        Kind::Resource,
        Kind::Data,
    ];

    /// The kind of what a block's address, or a service's, names.
    pub(super) fn of(block: &Address) -> Kind {
        let local = block.local();
        let segments = local.segments();
        match segments.first().map(|first| &*first.name) {
            Some("dns_record") => Kind::Name,
            Some("dns_zone") => Kind::Zone,
            Some("route") => Kind::Route,
            Some("nginx") => Kind::Fleet,
            Some("application") if segments.len() > 2 => Kind::Service,
            Some("application") => Kind::Application,
            Some("cluster") => Kind::Cluster,
            Some("data") => Kind::Data,
            _ => Kind::Resource,
        }
    }

    /// One word, which is also the name of the kind in formats for programs.
    pub(super) fn word(self) -> &'static str {
        match self {
            Kind::Name => "record",
            Kind::Zone => "zone",
            Kind::Route => "route",
            Kind::Fleet => "nginx",
            Kind::Service => "service",
            Kind::Application => "application",
            Kind::Cluster => "cluster",
            Kind::Resource => "resource",
            Kind::Data => "data",
        }
    }

    pub(super) fn colours(self) -> Colours {
        let (fill, line) = match self {
            Kind::Name => ("#f3e8ff", "#9333ea"),
            Kind::Zone => ("#fae8ff", "#c026d3"),
            Kind::Route => ("#ffedd5", "#ea580c"),
            Kind::Fleet => ("#dcfce7", "#16a34a"),
            Kind::Service => ("#dbeafe", "#2563eb"),
            Kind::Application => ("#e0e7ff", "#4f46e5"),
            Kind::Cluster => ("#cffafe", "#0891b2"),
            Kind::Resource => ("#f1f5f9", "#64748b"),
            Kind::Data => ("#fef9c3", "#ca8a04"),
        };
        Colours { fill, line }
    }
}
