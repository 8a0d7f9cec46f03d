//! The index of the lint rules, made from their table.

use lint::{Phase, rules::TABLE};

/// The whole page.
pub(crate) fn page() -> String {
    let mut page = String::from(
        "# Lint rules\n\n\
         Made by `cargo xtask gen` from the rule table; do not edit.\n\n\
         A rule is silenced for one line by `# lint: ignore[slug] reason` on it or above it; [more of \
         that](../spec/lint.md).\n\n\
         An edit is made by `--fix` if it is safe, else by `--unsafe-fixes`, wherever one edit is the right one.\n\n\
         | number | rule | severity | needs | edit | finds |\n| --- | --- | --- | --- | --- | --- |\n",
    );
    for rule in TABLE {
        let needs = match rule.phase {
            Phase::File => "the file",
            Phase::Project => "the project",
            Phase::Types => "types",
        };
        let (number, slug) = (rule.code.number, rule.code.slug);
        let severity = rule.code.severity.name();
        let asked = if rule.code.pedantic { ", if asked for" } else { "" };
        let summary = rule.summary.replace('|', "\\|");
        let edit = rule.edit().unwrap_or_default();
        let row = format!(
            "| {number} | [{slug}](../rules/{slug}.md) | {severity}{asked} | {needs} | {edit} | {summary} |\n"
        );
        page.push_str(&row);
    }
    page
}
