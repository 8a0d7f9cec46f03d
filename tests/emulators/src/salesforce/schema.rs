//! The vocabulary of objects and fields, and how they are found by name.

use super::objects::{OBJECTS, SYSTEM};

/// A kind of record.
pub(super) struct Object {
    pub(super) name: &'static str,
    pub(super) label: &'static str,
    pub(super) plural: &'static str,
    /// What the ids of its records begin with.
    pub(super) prefix: &'static str,
    /// Whether callers may write records of it.
    pub(super) writable: bool,
    pub(super) fields: &'static [Field],
}

/// A field and what it may hold.
#[derive(Clone, Copy)]
pub(super) struct Field {
    pub(super) name: &'static str,
    pub(super) label: &'static str,
    pub(super) kind: Kind,
    pub(super) required: bool,
    access: Access,
    pub(super) external_id: bool,
    pub(super) unique: bool,
}

/// What callers may do with a field.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Access {
    Write,
    /// Set when the record is made, and never again.
    Create,
    Read,
}

/// What a field holds.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Id,
    Text(usize),
    /// A long text, which can neither be filtered nor sorted by.
    Area(usize),
    Picklist(&'static [&'static str]),
    Currency,
    Double,
    Percent,
    Whole,
    Flag,
    Date,
    DateTime,
    Url,
    Email,
    Phone,
    /// The objects it may lead to, and the name its record is read by.
    Reference(&'static [&'static str], &'static str),
}

/// A field callers may read and write.
pub(super) const fn field(name: &'static str, label: &'static str, kind: Kind) -> Field {
    let (required, external_id, unique) = (false, false, false);
    Field { name, label, kind, required, access: Access::Write, external_id, unique }
}

impl Field {
    pub(super) const fn required(mut self) -> Self {
        self.required = true;
        self
    }

    pub(super) const fn read_only(mut self) -> Self {
        self.access = Access::Read;
        self
    }

    pub(super) const fn create_only(mut self) -> Self {
        self.access = Access::Create;
        self
    }

    pub(super) const fn external_id(mut self) -> Self {
        self.external_id = true;
        self
    }

    pub(super) const fn unique(mut self) -> Self {
        self.unique = true;
        self
    }

    /// The same field as if it held something else.
    pub(super) const fn holding(self, kind: Kind) -> Self {
        Self { kind, ..self }
    }

    pub(super) fn is_createable(&self) -> bool {
        self.access != Access::Read
    }

    pub(super) fn is_updateable(&self) -> bool {
        self.access == Access::Write
    }

    pub(super) fn is_custom(&self) -> bool {
        self.name.ends_with("__c")
    }

    /// Whether queries may filter and sort by it.
    pub(super) fn is_filterable(&self) -> bool {
        !matches!(self.kind, Kind::Area(_))
    }

    /// The type as a describe names it.
    pub(super) fn type_name(&self) -> &'static str {
        match self.kind {
            Kind::Id => "id",
            Kind::Text(_) => "string",
            Kind::Area(_) => "textarea",
            Kind::Picklist(_) => "picklist",
            Kind::Currency => "currency",
            Kind::Double => "double",
            Kind::Percent => "percent",
            Kind::Whole => "int",
            Kind::Flag => "boolean",
            Kind::Date => "date",
            Kind::DateTime => "datetime",
            Kind::Url => "url",
            Kind::Email => "email",
            Kind::Phone => "phone",
            Kind::Reference(..) => "reference",
        }
    }

    pub(super) fn length(&self) -> usize {
        match self.kind {
            Kind::Text(max) | Kind::Area(max) => max,
            Kind::Id | Kind::Reference(..) => 18,
            Kind::Picklist(_) | Kind::Url => 255,
            Kind::Email => 80,
            Kind::Phone => 40,
            Kind::Currency
            | Kind::Double
            | Kind::Percent
            | Kind::Whole
            | Kind::Flag
            | Kind::Date
            | Kind::DateTime => 0,
        }
    }
}

impl Object {
    /// Finds an object; case does not matter.
    pub(super) fn named(name: &str) -> Option<&'static Self> {
        OBJECTS.iter().find(|it| it.name.eq_ignore_ascii_case(name))
    }

    /// The object an id belongs to.
    pub(super) fn of_id(id: &str) -> Option<&'static Self> {
        OBJECTS.iter().find(|it| id.starts_with(it.prefix))
    }

    /// Its own fields after its id, then what every record has.
    pub(super) fn all_fields(&self) -> impl Iterator<Item = &'static Field> + use<> {
        let (first, rest) = SYSTEM.split_at(1);
        first.iter().chain(self.fields).chain(rest)
    }

    /// Finds a field; case does not matter.
    pub(super) fn field(&self, name: &str) -> Option<&'static Field> {
        self.all_fields().find(|it| it.name.eq_ignore_ascii_case(name))
    }

    /// Finds a lookup by the name its record is read by.
    pub(super) fn relationship(&self, name: &str) -> Option<&'static Field> {
        self.all_fields().find(|it| {
            matches!(it.kind, Kind::Reference(_, read_by) if read_by.eq_ignore_ascii_case(name))
        })
    }

    pub(super) fn is_custom(&self) -> bool {
        self.name.ends_with("__c")
    }
}
