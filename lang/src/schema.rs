//! What a block may hold.
//!
//! A schema is declared once and used for decoding a block into a value, for telling a
//! person what is wrong with it, and for the reference documentation.

use std::sync::Arc;

use crate::types::Type;
use crate::value::Value;

/// The attributes and nested blocks of a block.
#[derive(Debug, Clone, Default)]
pub struct Schema {
    /// What the block is for, in a sentence.
    pub doc: &'static str,
    /// Its attributes.
    pub attributes: Vec<Attribute>,
    /// Its nested blocks.
    pub blocks: Vec<Block>,
}

/// Who gives an attribute its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Usage {
    /// The configuration must.
    Required,
    /// The configuration may.
    Optional,
    /// The provider does.
    Computed,
    /// The configuration may; otherwise the provider does.
    OptionalComputed,
}

/// One attribute of a block.
#[derive(Debug, Clone)]
pub struct Attribute {
    /// Its name.
    pub name: Arc<str>,
    /// What is converted to on decoding.
    pub ty: Type,
    /// Who gives it its value.
    pub usage: Usage,
    /// The value where the configuration gives none.
    pub default: Option<Value>,
    /// Whether its value is never to be shown.
    pub sensitive: bool,
    /// Whether a change of it needs a new object.
    pub replace: bool,
    /// Whether it holds references rather than a value, as `depends_on` does. Such an
    /// attribute is read from the syntax tree and does not occur in the decoded value.
    pub references: bool,
    /// The attribute that the document in a file gives, where this is the file's path.
    pub document_of: Option<Arc<str>>,
    /// The attribute that the provider makes it from: it is sensitive where that is.
    pub made_from: Option<Arc<str>>,
    /// Whether it tells which fields of the object belong to others by now: a map from each field to
    /// the names of those.
    pub tells_owners: bool,
    /// What it is for, in a sentence.
    pub doc: &'static str,
}

/// How many blocks of a name there may be, and what they decode to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Nesting {
    /// At most one: an object, or null where there is none.
    Single,
    /// Any number in order: a list of objects.
    List,
    /// Any number, each named by its one label, no two alike: an object of objects by label.
    Named,
}

/// A nested block.
#[derive(Debug, Clone)]
pub struct Block {
    /// Its keyword.
    pub name: Arc<str>,
    /// How many there may be.
    pub nesting: Nesting,
    /// Whether there must be one.
    pub required: bool,
    /// What it holds.
    pub schema: Schema,
}

impl Schema {
    /// A schema of nothing yet.
    pub fn new(doc: &'static str) -> Self {
        Schema { doc, ..Schema::default() }
    }

    /// Adds an attribute.
    #[must_use]
    pub fn with(mut self, attribute: Attribute) -> Self {
        self.attributes.push(attribute);
        self
    }

    /// Adds a nested block.
    #[must_use]
    pub fn block(mut self, block: Block) -> Self {
        self.blocks.push(block);
        self
    }

    /// The attribute of this name.
    pub fn attribute(&self, name: &str) -> Option<&Attribute> {
        self.attributes.iter().find(|attribute| &*attribute.name == name)
    }

    /// The nested block of this name.
    pub fn nested(&self, name: &str) -> Option<&Block> {
        self.blocks.iter().find(|block| &*block.name == name)
    }

    /// All names that may stand in the block, for suggestions.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        let attributes = self.attributes.iter().map(|attribute| &*attribute.name);
        attributes.chain(self.blocks.iter().map(|block| &*block.name))
    }

    /// The type of the value that a block of this schema decodes to: an object of its
    /// attributes and blocks. Named blocks are of type `Any`, because their labels are only
    /// known from the configuration.
    pub fn ty(&self) -> Type {
        let attributes = self.attributes.iter().filter(|attribute| !attribute.references);
        let attributes = attributes.map(|attribute| (attribute.name.clone(), attribute.ty.clone()));
        let blocks = self.blocks.iter().map(|block| {
            let ty = match block.nesting {
                Nesting::Single => block.schema.ty(),
                Nesting::List if block.schema.ty().has_any() => Type::Any,
                Nesting::List => Type::list(block.schema.ty()),
                Nesting::Named => Type::Any,
            };
            (block.name.clone(), ty)
        });
        Type::object(attributes.chain(blocks))
    }
}

impl Attribute {
    fn new(name: impl Into<Arc<str>>, ty: Type, usage: Usage) -> Self {
        Attribute {
            name: name.into(),
            ty,
            usage,
            default: None,
            sensitive: false,
            replace: false,
            references: false,
            document_of: None,
            made_from: None,
            tells_owners: false,
            doc: "",
        }
    }

    /// An attribute that the configuration must set.
    pub fn required(name: impl Into<Arc<str>>, ty: Type) -> Self {
        Attribute::new(name, ty, Usage::Required)
    }

    /// An attribute that the configuration may set.
    pub fn optional(name: impl Into<Arc<str>>, ty: Type) -> Self {
        Attribute::new(name, ty, Usage::Optional)
    }

    /// An attribute that the provider sets.
    pub fn computed(name: impl Into<Arc<str>>, ty: Type) -> Self {
        Attribute::new(name, ty, Usage::Computed)
    }

    /// An attribute of references, read from the syntax tree.
    pub fn references(name: impl Into<Arc<str>>) -> Self {
        Attribute { references: true, ..Attribute::new(name, Type::Any, Usage::Optional) }
    }

    /// Lets the provider set the attribute where the configuration does not.
    #[must_use]
    pub fn or_computed(mut self) -> Self {
        self.usage = Usage::OptionalComputed;
        self
    }

    /// The value where the configuration gives none.
    #[must_use]
    pub fn default(mut self, value: Value) -> Self {
        self.default = Some(value);
        self
    }

    /// Makes it the path of a file, whose only document, in YAML or JSON, is the value of another
    /// attribute.
    #[must_use]
    pub fn document_of(mut self, other: impl Into<Arc<str>>) -> Self {
        self.document_of = Some(other.into());
        self
    }

    /// Makes it what the provider makes from another attribute, and as sensitive as that.
    #[must_use]
    pub fn made_from(mut self, other: impl Into<Arc<str>>) -> Self {
        self.made_from = Some(other.into());
        self
    }

    /// Makes it what tells which fields of the object belong to others by now.
    #[must_use]
    pub fn telling_owners(mut self) -> Self {
        self.tells_owners = true;
        self
    }

    /// Never shows the value.
    #[must_use]
    pub fn sensitive(mut self) -> Self {
        self.sensitive = true;
        self
    }

    /// A change needs a new object.
    #[must_use]
    pub fn replace(mut self) -> Self {
        self.replace = true;
        self
    }

    /// Says what it is for.
    #[must_use]
    pub fn doc(mut self, doc: &'static str) -> Self {
        self.doc = doc;
        self
    }

    /// Whether the configuration may set it.
    pub fn is_settable(&self) -> bool {
        self.usage != Usage::Computed
    }

    /// Whether the provider may set it.
    pub fn is_computed(&self) -> bool {
        matches!(self.usage, Usage::Computed | Usage::OptionalComputed)
    }
}

impl Block {
    fn new(name: impl Into<Arc<str>>, nesting: Nesting, schema: Schema) -> Self {
        Block { name: name.into(), nesting, required: false, schema }
    }

    /// A block of which there may be one.
    pub fn single(name: impl Into<Arc<str>>, schema: Schema) -> Self {
        Block::new(name, Nesting::Single, schema)
    }

    /// A block of which there may be many, in order.
    pub fn list(name: impl Into<Arc<str>>, schema: Schema) -> Self {
        Block::new(name, Nesting::List, schema)
    }

    /// A block of which there may be many, each with a name of its own.
    pub fn named(name: impl Into<Arc<str>>, schema: Schema) -> Self {
        Block::new(name, Nesting::Named, schema)
    }

    /// There must be one.
    #[must_use]
    pub fn required(mut self) -> Self {
        self.required = true;
        self
    }
}
