//! Table: a list to CSV or HTML.

use base::Failure;
use expr::WithItem;
use flow::actions::table::{Table, TableFormat};
use serde_json::Value;

use crate::{
    exec::{Ended, Exec},
    run::Key,
};

pub(super) fn begin(exec: &Exec<'_>, key: &Key, action: &Table) -> Ended {
    exec.of_list((key, &action.from), "table", |_, items| {
        let (header, rows) = cells(exec, key, action, items)?;
        let text = match action.format {
            TableFormat::Csv => csv(&header, &rows),
            TableFormat::Html => html(&header, &rows),
        };
        Ok(Value::String(text))
    })
}

type Cells = (Vec<String>, Vec<Vec<String>>);

/// The texts of the header and of each row. Without columns they are the keys of all items, each
/// where it first occurs.
fn cells(exec: &Exec<'_>, key: &Key, action: &Table, items: &[Value]) -> Result<Cells, Ended> {
    if action.columns.is_empty() {
        if !items.iter().all(Value::is_object) {
            let message = "The property 'columns' must be specified unless the 'from' property \
                           value is an array of objects.";
            return Err(Ended::failed(Failure::new("BadRequest", message)));
        }
        let mut header: Vec<String> = Vec::new();
        for name in items.iter().filter_map(Value::as_object).flat_map(|it| it.keys()) {
            if !header.contains(name) {
                header.push(name.clone());
            }
        }
        let cell =
            |item: &Value, name: &String| item.get(name).map_or_else(String::new, expr::to_text);
        let rows = items.iter().map(|item| header.iter().map(|name| cell(item, name)).collect());
        let rows = rows.collect();
        return Ok((header, rows));
    }
    let mut header = Vec::with_capacity(action.columns.len());
    for column in &action.columns {
        header.push(expr::to_text(&exec.eval(key, &column.header)?));
    }
    let scope = exec.scope(key);
    let mut rows = Vec::with_capacity(items.len());
    for item in items {
        let ctx = WithItem::new(&scope, item);
        let row = action.columns.iter().map(|column| {
            let value = column.value.eval(&ctx);
            let value = value.map_err(|error| Ended::failed(exec.invalid_inputs(key, &error)))?;
            Ok(expr::to_text(&value))
        });
        rows.push(row.collect::<Result<Vec<_>, Ended>>()?);
    }
    Ok((header, rows))
}

/// Lines end in CRLF; a text is quoted only if it needs to be.
fn csv(header: &[String], rows: &[Vec<String>]) -> String {
    let mut text = String::new();
    if header.is_empty() {
        return text;
    }
    for row in std::iter::once(header).chain(rows.iter().map(Vec::as_slice)) {
        let cells: Vec<String> = row.iter().map(|cell| csv_cell(cell)).collect();
        text.push_str(&cells.join(","));
        text.push_str("\r\n");
    }
    text
}

fn csv_cell(cell: &str) -> String {
    if cell.contains([',', '"', '\r', '\n']) {
        format!("\"{}\"", cell.replace('"', "\"\""))
    } else {
        cell.to_owned()
    }
}

fn html(header: &[String], rows: &[Vec<String>]) -> String {
    let line = |cells: &[String], tag: &str| {
        let cells = cells.iter().map(|it| format!("<{tag}>{}</{tag}>", escaped(it)));
        format!("<tr>{}</tr>", cells.collect::<String>())
    };
    let body: String = rows.iter().map(|row| line(row, "td")).collect();
    let head = match header {
        [] => String::new(),
        header => format!("<thead>{}</thead>", line(header, "th")),
    };
    format!("<table>{head}<tbody>{body}</tbody></table>")
}

/// As .NET's `HtmlEncode`: the rest of Latin-1 and what is beyond 16 bits become numbers, too.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for char in text.chars() {
        match char {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' | '\u{a0}'..='\u{ff}' | '\u{10000}'.. => {
                escaped.push_str("&#");
                escaped.push_str(&u32::from(char).to_string());
                escaped.push(';');
            }
            other => escaped.push(other),
        }
    }
    escaped
}
