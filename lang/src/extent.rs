//! How large a value or a type is.

/// How large something is with all that is in it, as if nothing were shared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Extent {
    /// In bytes; what is larger than 4 GiB counts as that.
    pub(crate) size: u32,
    /// How deep it nests: none for what holds nothing. What is deeper than 255 counts as that.
    pub(crate) depth: u8,
}

impl Extent {
    /// Something that holds nothing, with so many bytes of text.
    pub(crate) fn of_text(length: usize) -> Extent {
        Extent { size: crate::limits::BYTES_PER_PART, depth: 0 }.with_text(length)
    }

    /// The same with so many more bytes of text.
    pub(crate) fn with_text(self, length: usize) -> Extent {
        let length = u32::try_from(length).unwrap_or(u32::MAX);
        Extent { size: self.size.saturating_add(length), ..self }
    }

    /// The same with something in it.
    pub(crate) fn around(self, inner: Extent) -> Extent {
        Extent { size: self.size.saturating_add(inner.size), depth: self.depth.max(inner.depth.saturating_add(1)) }
    }
}
