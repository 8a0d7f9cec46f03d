//! The page a person reads at `/`: records and recent requests, every value escaped, no script.

use serde_json::Value;

use crate::log::Logged;

const REQUESTS_SHOWN: usize = 50;
const TEXT_SHOWN: usize = 160;

/// A table of the page: its title, its columns and its rows.
pub(crate) struct Table {
    pub(crate) title: String,
    pub(crate) columns: Vec<String>,
    pub(crate) rows: Vec<Vec<String>>,
}

impl Table {
    /// A table of records, showing the named columns of each.
    pub(crate) fn of(title: &str, columns: &[&str], records: &[Value]) -> Self {
        let row = |record: &Value| columns.iter().map(|path| cell(record, path)).collect();
        Self {
            title: title.to_owned(),
            columns: columns.iter().map(|it| (*it).to_owned()).collect(),
            rows: records.iter().map(row).collect(),
        }
    }
}

pub(crate) fn render(name: &str, tables: &[Table], requests: &[Logged]) -> String {
    let mut html = format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>{0}</title><style>\
         body{{font:15px/1.45 system-ui,sans-serif;margin:2rem;color:#1b1b1b;background:#fff}}\
         table{{border-collapse:collapse;margin:.5rem 0 2rem}}\
         th,td{{border:1px solid #ccc;padding:.25rem .6rem;text-align:left;vertical-align:top}}\
         th{{background:#f2f2f2}}td{{overflow-wrap:anywhere;max-width:32rem}}\
         </style><h1>{0}</h1><p>A local sandbox. Nothing here reaches the real service.</p>",
        escape(name)
    );
    for table in tables {
        table_html(&mut html, table);
    }
    let recent = requests.iter().rev().take(REQUESTS_SHOWN).map(|it| {
        let status = it.status.map_or_else(|| "cut".to_owned(), |status| status.to_string());
        let time = it.at.strftime("%H:%M:%S").to_string();
        vec![time, it.method.clone(), it.target.clone(), status, it.body.clone()]
    });
    table_html(
        &mut html,
        &Table {
            title: "Recent requests".to_owned(),
            columns: ["time", "verb", "target", "status", "body"].map(str::to_owned).to_vec(),
            rows: recent.collect(),
        },
    );
    html.push_str("</html>");
    html
}

fn table_html(html: &mut String, table: &Table) {
    let (title, n_rows) = (escape(&table.title), table.rows.len().to_string());
    html.extend(["<h2>", &title, " (", &n_rows, ")</h2>"]);
    if table.rows.is_empty() {
        html.push_str("<p>None yet.</p>");
        return;
    }
    html.push_str("<table><tr>");
    for column in &table.columns {
        html.extend(["<th>", &escape(column), "</th>"]);
    }
    html.push_str("</tr>");
    for row in &table.rows {
        html.push_str("<tr>");
        for text in row {
            let shown: String = text.chars().take(TEXT_SHOWN).collect();
            let more = if text.chars().nth(TEXT_SHOWN).is_some() { "…" } else { "" };
            html.extend(["<td>", &escape(&shown), more, "</td>"]);
        }
        html.push_str("</tr>");
    }
    html.push_str("</table>");
}

fn cell(record: &Value, path: &str) -> String {
    let found = path.split('/').try_fold(record, |value, name| value.get(name));
    match found {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(value) => value.to_string(),
    }
}

pub(crate) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for sign in text.chars() {
        match sign {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            _ => out.push(sign),
        }
    }
    out
}
