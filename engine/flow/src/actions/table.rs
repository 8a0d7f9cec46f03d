//! Table: a list to CSV or HTML.

use expr::Tree;
use yaml::Node;

use super::ActionKind;
use crate::{fields::Fields, reader::Reader, shape};

/// A list as a table.
#[derive(Clone, Debug)]
pub struct Table {
    /// The list.
    pub from: Tree,
    /// What is written.
    pub format: TableFormat,
    /// The columns in order; none: the union of the items' keys.
    pub columns: Vec<Column>,
}

/// What a table is written as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TableFormat {
    /// Comma-separated, lines end in CRLF.
    Csv,
    /// An HTML table.
    Html,
}

/// One column.
#[derive(Clone, Debug)]
pub struct Column {
    /// Its heading.
    pub header: Tree,
    /// Its value for `item()`.
    pub value: Tree,
}

impl TableFormat {
    /// The word in flows.
    pub fn name(self) -> &'static str {
        FORMATS.iter().find(|(_, it)| *it == self).map_or("csv", |(name, _)| name)
    }
}

pub(crate) const FORMATS: &[(&str, TableFormat)] =
    &[("csv", TableFormat::Csv), ("html", TableFormat::Html)];

/// Reads `table: csv`, `from` and `columns: [{header, value}]`.
pub(crate) fn read(reader: &mut Reader, fields: &mut Fields<'_>, node: &Node) -> ActionKind {
    let format = reader.choice(node, "`table`", FORMATS).unwrap_or(TableFormat::Csv);
    let from = fields.required_tree(reader, "from");
    let columns = fields.given("columns");
    let columns = columns.map(|it| read_columns(reader, it)).unwrap_or_default();
    ActionKind::Table(Table { from, format, columns })
}

pub(crate) fn read_columns(reader: &mut Reader, node: &Node) -> Vec<Column> {
    let mut columns = Vec::new();
    for node in reader.list(node, "`columns`") {
        let mut fields = Fields::new(reader, node, "a column").of(&shape::COLUMN);
        let header = fields.required_tree(reader, "header");
        let value = fields.required_tree(reader, "value");
        fields.finish(reader);
        columns.push(Column { header, value });
    }
    columns
}
