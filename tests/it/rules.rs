//! The pages of `docs/rules`: what they call wrong is found, word for word, and the rest is silent.
//!
//! A page shows a wrong project, its report, and behind `## Correct` the files that differ in the
//! right one. A block is `flow.yaml` unless it says `file=name`. What a flow file needs and the
//! rule is not about, its name, a trigger, is added at its end, so that lines stay what they are.
//! Only the rule of the page and errors are looked at.
//! With `UPDATE_RULE_PAGES=1` the reports are written instead of compared.

use std::{
    collections::{BTreeMap, BTreeSet},
    env, fs,
    path::{Path, PathBuf},
};

use base::{Diagnostic, Severity, Source};
use connector::Catalog;
use flow::{environment, package};
use lint::{
    FileFindings, FlowFile, Project, Settings, report,
    rules::{TABLE, find},
};

#[test]
fn every_rule_has_a_page_and_every_page_a_rule() {
    let slugs: BTreeSet<String> = TABLE.iter().map(|it| it.code.slug.to_owned()).collect();
    let pages: BTreeSet<String> = pages().into_iter().map(|(slug, _)| slug).collect();
    assert_eq!(pages, slugs);
}

#[test]
fn rules_say_whether_they_mend() {
    for (slug, path) in pages() {
        let text = fs::read_to_string(&path).unwrap();
        let page = Page::read(&slug, &text);
        let rule = find(&slug).unwrap();
        let found = check(&page.wrong, &Settings::default().and(rule));
        for it in about(&slug, found).iter().flat_map(|it| &it.found) {
            let Some(fix) = it.fix.as_ref().filter(|_| it.code.slug == slug) else { continue };
            let said = if fix.safe { "safe" } else { "unsafe" };
            assert_eq!(rule.edit(), Some(said), "{slug}: {fix:?}");
        }
    }
}

#[test]
fn pages_tell_the_truth() {
    let update = env::var_os("UPDATE_RULE_PAGES").is_some();
    let mut faults = Vec::new();
    for (slug, path) in pages() {
        let text = fs::read_to_string(&path).unwrap();
        let page = Page::read(&slug, &text);
        let settings = find(&slug).map(|it| Settings::default().and(it)).unwrap_or_default();
        let found = check(&page.wrong, &settings);
        if update {
            let text = page.with_report(&report::concise(&about(&slug, found.clone())));
            fs::write(&path, text).unwrap();
        }
        let right = check(&page.right, &settings);
        let fault = page.fault(&slug, &about(&slug, found), &about(&slug, right), update);
        faults.extend(fault.map(|it| format!("{}: {it}", path.display())));
    }
    assert!(faults.is_empty(), "\n{}", faults.join("\n\n"));
}

/// Files by name.
type Files = BTreeMap<String, String>;

struct Page<'a> {
    text: &'a str,
    wrong: Files,
    report: &'a str,
    right: Files,
}

impl<'a> Page<'a> {
    fn read(slug: &str, text: &'a str) -> Self {
        assert!(text.starts_with(&format!("# {slug}\n\n")), "{slug}: the title is not the slug");
        let (before, after) = text.split_once("\n## Correct\n").expect("a section `## Correct`");
        let mut page = Self { text, wrong: Files::new(), report: "", right: Files::new() };
        for (info, body) in blocks(before) {
            match info {
                "report" => page.report = body,
                _ => drop(page.wrong.insert(name(info), body.to_owned())),
            }
        }
        page.right = page.wrong.clone();
        let right = blocks(after);
        assert!(!right.is_empty(), "{slug}: nothing is correct");
        page.right.extend(right.into_iter().map(|(info, body)| (name(info), body.to_owned())));
        page
    }

    fn with_report(&self, report: &str) -> String {
        let old = format!("```report\n{}```", self.report);
        self.text.replacen(&old, &format!("```report\n{report}```"), 1)
    }

    fn fault(
        &self,
        slug: &str,
        found: &[FileFindings],
        right: &[FileFindings],
        update: bool,
    ) -> Option<String> {
        let (marks, seen) = (marks(&self.wrong), places(found));
        if marks != seen {
            return Some(format!("marked: {marks:#?}\nfound: {seen:#?}"));
        }
        if !seen.iter().any(|it| it.2.ends_with(slug)) {
            return Some(format!("nothing is marked `{slug}`"));
        }
        let written = report::concise(found);
        if !update && written != self.report {
            return Some(format!("the report is\n{written}"));
        }
        let rest = report::concise(right);
        (!rest.is_empty()).then(|| format!("what is correct is reported:\n{rest}"))
    }
}

/// The fenced blocks of a page: what stands behind the fence, and the lines inside.
fn blocks(text: &str) -> Vec<(&str, &str)> {
    let mut rest = text;
    let mut blocks = Vec::new();
    while let Some((_, opened)) = rest.split_once("\n```") {
        let (info, body) = opened.split_once('\n').expect("a block has lines");
        let (body, after) = body.split_once("```").expect("a block ends");
        blocks.push((info, body));
        rest = after;
    }
    blocks
}

/// The file that a block is.
fn name(info: &str) -> String {
    info.split_once("file=").map_or("flow.yaml", |(_, name)| name).to_owned()
}

/// File, line and `severity: slug` of every `# error: slug` and `# warning: slug`.
fn marks(files: &Files) -> BTreeSet<(String, usize, String)> {
    let mut marks = BTreeSet::new();
    for (name, text) in files {
        for (number, line) in text.lines().enumerate() {
            for severity in ["error", "warning", "info"] {
                for mark in line.split(&format!("# {severity}: ")).skip(1) {
                    let slug = mark.split([' ', '#']).next().unwrap_or_default();
                    marks.insert((name.clone(), number + 1, format!("{severity}: {slug}")));
                }
            }
        }
    }
    marks
}

fn places(found: &[FileFindings]) -> BTreeSet<(String, usize, String)> {
    let mut places = BTreeSet::new();
    for file in found {
        for it in &file.found {
            let line = file.source.location(it.span.start).line;
            let what = format!("{}: {}", it.severity.name(), it.code.slug);
            places.insert((file.source.name().to_owned(), line, what));
        }
    }
    places
}

/// What a page has to tell: the findings of its rule, and errors. What else could be better about an
/// example is left out.
fn about(slug: &str, mut found: Vec<FileFindings>) -> Vec<FileFindings> {
    for file in &mut found {
        file.found.retain(|it| it.code.slug == slug || it.severity == Severity::Error);
    }
    found.retain(|it| !it.found.is_empty());
    found
}

/// Lints a project of these files.
fn check(files: &Files, settings: &Settings) -> Vec<FileFindings> {
    let source = |name: &str| Source::new(name, &files[name]);
    let mut other: Vec<(Source, Vec<Diagnostic>)> = Vec::new();
    let mut connectors = Vec::new();
    for name in files.keys().filter(|it| it.ends_with("connector.yaml")) {
        let (connector, found) = connector::read(&source(name));
        connectors.push(connector);
        other.push((source(name), found));
    }
    let environment = files.contains_key("environment.yaml").then(|| {
        let source = source("environment.yaml");
        let (environment, found) = environment::read(&source);
        other.push((source, found));
        environment
    });
    let mappings = files.keys().filter_map(|it| Some((it, it.strip_suffix(".mapping.yaml")?)));
    let mappings: Vec<(String, Source)> =
        mappings.map(|(file, name)| (name.to_owned(), source(file))).collect();
    let mut packages = Vec::new();
    for name in files.keys().filter(|it| it.ends_with("flow.yaml")) {
        let folder = name.split_once('/').map_or("example", |(folder, _)| folder);
        let beside = if name.contains('/') { &[][..] } else { &mappings[..] };
        let text = completed(&files[name]);
        packages.push((folder, package::read(&Source::new(name, &text), beside)));
    }
    let flows: Vec<FlowFile<'_>> =
        packages.iter().map(|(name, package)| FlowFile { name, package }).collect();
    let catalog = Catalog::new(connectors);
    let project = Project { flows: &flows, catalog: &catalog, environment: environment.as_ref() };
    let mut found = lint::check_with(&project, settings);
    for (source, diagnostics) in other {
        let rest = lint::finish(&source, diagnostics);
        found.push(FileFindings { source, found: rest });
    }
    found.retain(|it| !it.found.is_empty());
    found
}

/// A flow file with what it needs besides what a page shows.
fn completed(text: &str) -> String {
    let mut text = text.to_owned();
    let rest = [
        ("flow:", "flow: Example\n"),
        ("triggers:", "triggers: [{ name: By hand, manual: }]\n"),
        ("actions:", "actions: []\n"),
    ];
    for (key, line) in rest {
        if !text.lines().any(|it| it.starts_with(key)) {
            text.push_str(line);
        }
    }
    text
}

/// Slug and path of every page.
fn pages() -> Vec<(String, PathBuf)> {
    let mut pages = Vec::new();
    for entry in fs::read_dir(root().join("docs/rules")).unwrap() {
        let path = entry.unwrap().path();
        let slug = path.file_stem().unwrap().to_string_lossy().into_owned();
        if path.extension().is_some_and(|it| it == "md") && slug != "README" {
            pages.push((slug, path));
        }
    }
    pages.sort();
    pages
}

fn root() -> &'static Path {
    let mut above = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors();
    above.find(|it| it.join("docs/rules").is_dir()).expect("a folder `docs/rules`")
}
