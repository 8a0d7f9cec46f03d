//! Field mappings: which field of the target comes from where, and how the two are compared.

use base::{Diagnostic, Source, Span, code};
use expr::{Dialect, Looks, Tree, condition::Condition};
use serde_json::{Map, Value};
use yaml::{Entry, Node};

use crate::{fields::Fields, reader::Reader, shape};

/// One mapping file.
#[derive(Clone, Debug, Default)]
pub struct Mapping {
    /// Its name.
    pub name: String,
    /// Schema of the source, `connector#Schema`.
    pub from: Option<(String, Span)>,
    /// Schema of the target, `connector#Schema`.
    pub to: Option<(String, Span)>,
    /// The mapping of the other direction.
    pub reverse: Option<String>,
    /// The fields in the order of the file.
    pub fields: Vec<Field>,
    /// What its templates look at of actions that have ended.
    pub looks: Looks,
}

/// One field. In its templates the source object is the document: `$.details.dealValue`,
/// `{{details.notes}}`, `@item()?['details']`.
#[derive(Clone, Debug)]
pub struct Field {
    /// Name in the target; may be computed from parameters.
    pub target: expr::Key,
    /// Where the target is written.
    pub span: Span,
    /// The value.
    pub source: Tree,
    /// What it is turned into.
    pub convert: Option<Conversion>,
    /// Values by their text.
    pub values: Option<Map<String, Value>>,
    /// The value for a text that `values` does not have; without it that is a failure.
    pub otherwise: Option<Tree>,
    /// The value when the source is null.
    pub default: Option<Tree>,
    /// The field is left out unless this is true.
    pub when: Option<Condition>,
    /// Null is a failure.
    pub required: bool,
    /// How two values of the field are compared.
    pub compare: Comparison,
}

/// What a value is turned into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Conversion {
    /// Text.
    Text,
    /// Whole number; a fraction is a failure.
    Integer,
    /// Number; text of a number is accepted.
    Number,
    /// Number with two decimals, half away from zero.
    Money,
    /// `yyyy-MM-dd`; of an instant, the date in UTC.
    Date,
    /// Instant in UTC; of a date, its first moment.
    DateTime,
    /// True or false.
    Boolean,
    /// List; anything else becomes a list of one, null an empty one.
    List,
}

/// When two values count as the same. Null and empty text are the same in all but `Exact`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Comparison {
    /// Same type, same value.
    #[default]
    Exact,
    /// Same text, surrounding blanks aside.
    Text,
    /// Same date in UTC.
    Date,
    /// Same to the cent, text or number.
    Money,
    /// Same text in any case.
    IgnoreCase,
    /// Same text without the sync marks ✔ and ✖.
    IgnoreMark,
    /// Same items in any order.
    Set,
}

impl Conversion {
    /// Every conversion by its name in `as`.
    pub const NAMES: &[(&str, Self)] = &[
        ("text", Self::Text),
        ("integer", Self::Integer),
        ("number", Self::Number),
        ("money", Self::Money),
        ("date", Self::Date),
        ("dateTime", Self::DateTime),
        ("boolean", Self::Boolean),
        ("list", Self::List),
    ];
}

impl Comparison {
    /// Every comparison by its name in `compare`.
    pub const NAMES: &[(&str, Self)] = &[
        ("exact", Self::Exact),
        ("text", Self::Text),
        ("date", Self::Date),
        ("money", Self::Money),
        ("ignoreCase", Self::IgnoreCase),
        ("ignoreMark", Self::IgnoreMark),
        ("set", Self::Set),
    ];
}

/// Reads a mapping file. There is always a mapping; it works only if no finding is an error.
pub fn read(source: &Source) -> (Mapping, Vec<Diagnostic>) {
    let (root, found) = yaml::parse(source.text());
    let mut reader = Reader::new(Dialect::Flowright, found);
    let mut mapping = Mapping::default();
    if let Some(root) = root {
        read_mapping(&mut reader, &mut mapping, &root);
    }
    mapping.looks = std::mem::take(&mut reader.looks);
    (mapping, reader.sink.into_sorted())
}

fn read_mapping(reader: &mut Reader, mapping: &mut Mapping, root: &Node) {
    let mut fields = Fields::new(reader, root, "the mapping").of(&shape::MAPPING);
    mapping.name = fields.required_text(reader, "mapping").unwrap_or_default().0;
    mapping.from = read_schema(reader, &mut fields, "from");
    mapping.to = read_schema(reader, &mut fields, "to");
    mapping.reverse = fields.text(reader, "reverse");
    let entries = fields.required(reader, "fields").map(|it| reader.mapping(it, "`fields`"));
    let entries = entries.into_iter().flatten();
    mapping.fields = entries.map(|it| Field::read(reader, it)).collect();
    fields.finish(reader);
}

fn read_schema(
    reader: &mut Reader,
    fields: &mut Fields<'_>,
    key: &'static str,
) -> Option<(String, Span)> {
    let node = fields.given(key)?;
    Some((reader.text(node, &format!("`{key}`"))?, node.span))
}

impl Field {
    /// Reads `target: source`; a source with settings is an object with `from`.
    fn read(reader: &mut Reader, entry: &Entry) -> Self {
        let (target, span) = (reader.key(&entry.key), entry.key.span);
        let mut field = Self {
            target,
            span,
            source: Tree::Value(Value::Null),
            convert: None,
            values: None,
            otherwise: None,
            default: None,
            when: None,
            required: false,
            compare: Comparison::Exact,
        };
        if entry.value.as_map().is_none() {
            field.source = reader.tree(&entry.value);
            return field;
        }
        let place = format!("field `{}`", entry.key.text);
        let mut fields = Fields::new(reader, &entry.value, &place).of(&shape::FIELD);
        fields.at = span;
        field.source = fields.required_tree(reader, "from");
        let convert = fields.given("as");
        field.convert = convert.and_then(|it| reader.choice(it, "`as`", Conversion::NAMES));
        let values = fields.given("values").map(|it| reader.mapping(it, "`values`").to_json());
        field.values = values;
        field.otherwise = fields.tree(reader, "otherwise");
        field.default = fields.tree(reader, "default");
        field.when = fields.given("when").map(|it| reader.condition(it, "`when`"));
        field.required = fields.flag(reader, "required");
        let compare = fields.given("compare");
        let compare = compare.and_then(|it| reader.choice(it, "`compare`", Comparison::NAMES));
        field.compare = compare.unwrap_or_default();
        if let (Some(otherwise), None) = (fields.entry("otherwise"), &field.values) {
            let message = format!("{place} has `otherwise` but no `values`");
            let found = Diagnostic::new(code::MISSING_KEY, otherwise.key.span, message);
            reader.sink.push(found.hint("use `default` for the value when the source is null"));
        }
        fields.finish(reader);
        field
    }
}
