//! A test report in the form of `JUnit`, which every build server shows.

use base::{Diagnostic, Source, markup};

use super::concise::printable;
use crate::FileFindings;

/// The findings as failed tests: a suite for each file.
pub fn junit(findings: &[FileFindings]) -> String {
    let total: usize = findings.iter().map(|it| it.found.len()).sum();
    let head = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <testsuites name=\"flowright lint\" tests=\"{}\" failures=\"{total}\" errors=\"0\">\n",
        total.max(1)
    );
    let suites = findings.iter().filter(|it| !it.found.is_empty()).map(suite);
    let suites: String = suites.collect();
    let suites = if total == 0 { NOTHING } else { &suites };
    format!("{head}{suites}</testsuites>\n")
}

/// A report without tests counts as one that got lost.
const NOTHING: &str = r#"  <testsuite name="flowright lint" tests="1" failures="0" errors="0">
    <testcase name="no findings" classname="flowright lint"/>
  </testsuite>
"#;

fn suite(file: &FileFindings) -> String {
    let (name, count) = (xml(file.source.name()), file.found.len());
    let cases: String = file.found.iter().map(|it| case(&file.source, it)).collect();
    format!(
        "  <testsuite name=\"{name}\" tests=\"{count}\" failures=\"{count}\" errors=\"0\">\n{cases}  \
         </testsuite>\n"
    )
}

fn case(source: &Source, it: &Diagnostic) -> String {
    let place = source.location(it.span.start);
    let (name, line, column, slug) = (xml(source.name()), place.line, place.column, it.code.slug);
    let hint = it.hint.as_ref().map_or_else(String::new, |hint| format!(" ({hint})"));
    let text = xml(&format!("line {line}, column {column}: {}{hint}", it.message));
    let (severity, message) = (it.severity.name(), xml(&it.message));
    format!(
        "    <testcase name=\"{slug} {line}:{column}\" classname=\"{name}\" file=\"{name}\" \
         line=\"{line}\">\n      <failure type=\"{severity}\" message=\"{message}\">{text}</failure>\n    \
         </testcase>\n"
    )
}

/// Text as XML has to write it; control characters are not allowed in it at all.
fn xml(text: &str) -> String {
    markup::escaped(&printable(text)).replace(['\u{fffe}', '\u{ffff}'], "?")
}
