//! The reference of the expression functions, made from their table.

use std::{collections::BTreeMap, fmt};

use expr::functions::{Function, Kind, Origin, TABLE};

/// The whole page.
pub(crate) fn page() -> String {
    let mut families: BTreeMap<&str, Vec<&Function>> = BTreeMap::new();
    for function in TABLE {
        families.entry(function.family).or_default().push(function);
    }
    let n_ours = TABLE.iter().filter(|it| it.origin == Origin::Flowright).count();
    let mut page = String::new();
    page.push_str("# Functions\n\n");
    page.push_str("Made by `cargo xtask gen` from the function table; do not edit. ");
    page.push_str("Every example is run as a test.\n\n");
    let n_all = TABLE.len();
    line(&mut page, format_args!("There are {n_all} functions. {n_ours} of them, marked *ours*,"));
    page.push_str("are not in the Workflow Definition Language. Names are found in any case. ");
    page.push_str("In a signature `name?` may be left out and `name…` may be repeated.\n\n");
    page.push_str("Where a result is not the cloud's, ");
    page.push_str(
        "[expression differences](../spec/expression-differences.md) says which and why.\n",
    );
    for (family, functions) in families {
        line(&mut page, format_args!("\n## {family}"));
        for function in functions {
            page.push('\n');
            section(&mut page, function);
        }
    }
    page
}

fn section(page: &mut String, function: &Function) {
    let ours = if function.origin == Origin::Flowright { " (*ours*)" } else { "" };
    line(page, format_args!("### {}{ours}\n", function.name));
    line(page, format_args!("`{}`\n", signature(function)));
    line(page, format_args!("{}\n", function.summary));
    page.push_str("```text\n");
    for (call, result) in function.examples {
        line(page, format_args!("{call}  →  {result}"));
    }
    page.push_str("```\n");
}

fn signature(function: &Function) -> String {
    let params = function.params.iter().map(|param| {
        let mark = match param.kind {
            Kind::Required => "",
            Kind::Optional => "?",
            Kind::Rest => "…",
        };
        format!("{}{mark}: {}", param.name, param.ty.name())
    });
    let params = params.collect::<Vec<_>>().join(", ");
    format!("{}({params}): {}", function.name, function.returns.name())
}

fn line(page: &mut String, text: fmt::Arguments<'_>) {
    page.push_str(&text.to_string());
    page.push('\n');
}
