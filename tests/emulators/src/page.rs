//! The page a person reads at `/`: records and recent requests, every value escaped, no script.

use serde_json::Value;

use crate::log::Logged;

const REQUESTS_SHOWN: usize = 50;
const TEXT_SHOWN: usize = 160;
/// Texts longer than this may take several lines.
const LINE: usize = 44;

const STYLE: &str = "\
:root{color-scheme:light dark;--line:#d0d5db;--soft:#f4f6f8;--faint:#5d6875;--bad:#b3261e;--good:#1a7f37}\
@media(prefers-color-scheme:dark){:root{--line:#3a424c;--soft:#20262d;--faint:#9aa6b2;--bad:#ff8a80;--good:#6fdd8b}}\
body{font:15px/1.45 system-ui,sans-serif;margin:2rem auto;max-width:78rem;padding:0 1.5rem}\
h1{margin:0}h2{margin:2.2rem 0 .5rem;font-size:1.15rem}h2 small,p{color:var(--faint);font-weight:400}\
a{color:inherit}nav{display:flex;flex-wrap:wrap;gap:.3rem 1.2rem;margin:1rem 0}\
.scroll{overflow-x:auto;border:1px solid var(--line);border-radius:.4rem}\
table{border-collapse:collapse;width:100%;font-size:.92em}\
th,td{padding:.3rem .7rem;text-align:left;vertical-align:top;white-space:nowrap;border-top:1px solid var(--line)}\
tr:first-child th{border-top:0}th{background:var(--soft);font-weight:600}\
td.long{white-space:normal;min-width:20rem;overflow-wrap:anywhere}\
td.good{color:var(--good)}td.bad{color:var(--bad)}";

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

    fn of_requests(requests: &[Logged]) -> Self {
        let recent = requests.iter().rev().take(REQUESTS_SHOWN).map(|it| {
            let status = it.status.map_or_else(|| "cut".to_owned(), |status| status.to_string());
            let time = it.at.strftime("%H:%M:%S").to_string();
            let fault = it.fault.clone().unwrap_or_default();
            vec![time, it.method.clone(), status, it.target.clone(), it.body.clone(), fault]
        });
        Self {
            title: "Recent requests".to_owned(),
            columns: ["time", "verb", "status", "target", "body", "fault"]
                .map(str::to_owned)
                .into(),
            rows: recent.collect(),
        }
    }
}

/// The whole page; `now` is the emulator's time.
pub(crate) fn render(name: &str, now: &str, tables: &[Table], requests: &[Logged]) -> String {
    let recent = Table::of_requests(requests);
    let tables: Vec<&Table> = tables.iter().chain([&recent]).collect();
    let (filled, empty): (Vec<&Table>, Vec<&Table>) =
        tables.into_iter().partition(|it| !it.rows.is_empty());
    let mut html = format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width\"><title>{0}</title>\
         <style>{STYLE}</style><h1>{0}</h1>\
         <p>A local sandbox, at {1}. Nothing here reaches the real service.</p><nav>",
        escape(name),
        escape(now)
    );
    for (at, table) in filled.iter().enumerate() {
        let (at, count) = (at.to_string(), table.rows.len().to_string());
        let title = escape(&table.title);
        html.extend(["<span><a href=\"#t", &at, "\">", &title, "</a> ", &count, "</span>"]);
    }
    html.push_str("</nav>");
    for (at, table) in filled.iter().enumerate() {
        table_html(&mut html, at, table);
    }
    if !empty.is_empty() {
        let names: Vec<String> = empty.iter().map(|it| escape(&it.title)).collect();
        html.extend(["<p>Nothing yet: ", &names.join(", "), "</p>"]);
    }
    html.push_str("</html>");
    html
}

fn table_html(html: &mut String, at: usize, table: &Table) {
    let (at, title, n_rows) = (at.to_string(), escape(&table.title), table.rows.len().to_string());
    html.extend(["<h2 id=\"t", &at, "\">", &title, " <small>", &n_rows, "</small></h2>"]);
    html.push_str("<div class=\"scroll\"><table><tr>");
    for column in &table.columns {
        html.extend(["<th>", &escape(column), "</th>"]);
    }
    html.push_str("</tr>");
    for row in &table.rows {
        html.push_str("<tr>");
        for (text, column) in row.iter().zip(&table.columns) {
            let shown: String = text.chars().take(TEXT_SHOWN).collect();
            let more = if text.chars().nth(TEXT_SHOWN).is_some() { "…" } else { "" };
            let class = match column.as_str() {
                "status" if text.starts_with('2') || text == "304" => "good",
                "status" if text == "cut" || text.starts_with(['4', '5']) => "bad",
                _ if text.chars().nth(LINE).is_some() => "long",
                _ => "",
            };
            html.extend(["<td class=\"", class, "\">", &escape(&shown), more, "</td>"]);
        }
        html.push_str("</tr>");
    }
    html.push_str("</table></div>");
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
