//! Reads connectors that are programs: how they are started, and what they have said they can do.

use base::{Diagnostic, Span, code, digest::sha256_hex};
use expr::{Dialect, Template};
use serde_json::Value;
use yaml::{Entry, Mapping, Node};

use super::{describe::Description, reader::Reader};
use crate::{
    model::Connector,
    program::{Limits, Program, Speaks, Variable},
};

/// Keys that only such connectors have.
const KEYS: &[&str] = &["command", "env", "limits", "url"];
/// Seconds, bytes and counts at least, so that a slip does not look like a broken program.
const LINE_BYTES_MIN: usize = 1 << 10;

impl Reader {
    /// How a connector's program is started, if it is one.
    pub(super) fn program(&mut self, map: &Mapping, span: Span) -> Option<Program> {
        let Some(kind) = map.get("kind") else {
            for key in KEYS.iter().filter_map(|key| map.entry(key)) {
                let message = format!("`{}` is for connectors with a `kind`", key.key.text);
                let found = Diagnostic::new(code::UNKNOWN_KEY, key.key.span, message);
                self.sink.push(found.hint("say `kind: process` or `kind: mcp`"));
            }
            return None;
        };
        let speaks = self.choice(map, "kind", Speaks::ALL)?;
        let command = self.texts(map, "command");
        let url = self.template(map, "url");
        match (command.is_empty(), &url, speaks) {
            (true, None, Speaks::Mcp) => {
                let message = "`kind: mcp` needs the key `command` or `url`";
                self.sink.push(Diagnostic::new(code::MISSING_KEY, kind.span, message));
            }
            (true, None, Speaks::Flowright) => {
                self.sink.missing_key(kind.span, "command", "`kind: process`");
            }
            (_, Some(_), Speaks::Flowright) | (false, Some(_), Speaks::Mcp) => {
                let message =
                    "a connector is asked at a `url` only if it is `kind: mcp` without `command`";
                let at = map.entry("url").map_or(span, |it| it.key.span);
                self.sink.push(Diagnostic::new(code::INVALID_CHOICE, at, message));
            }
            (true, Some(_), Speaks::Mcp) | (false, None, _) => {}
        }
        if command.first().is_some_and(String::is_empty)
            || command.iter().any(|it| it.contains('\0'))
        {
            let message = "`command` is a program and its arguments";
            let at = map.get("command").map_or(span, |it| it.span);
            self.sink.push(Diagnostic::new(code::WRONG_TYPE, at, message));
        }
        Some(Program {
            speaks,
            command,
            url,
            environment: self.variables(map),
            limits: self.limits(map),
            folder: String::new(),
            described: None,
        })
    }

    fn variables(&mut self, map: &Mapping) -> Vec<(String, Variable)> {
        let Some(entries) = map.get("env").and_then(|it| self.entries(it, "`env`")) else {
            return Vec::new();
        };
        entries.iter().filter_map(|it| self.variable(it, entries)).collect()
    }

    fn variable(&mut self, entry: &Entry, entries: &Mapping) -> Option<(String, Variable)> {
        let name = entry.key.text.clone();
        let is_name = !name.is_empty() && !name.contains(['=', '\0']);
        if !is_name {
            let message = format!("`{name}` is not the name of a variable");
            self.sink.push(Diagnostic::new(code::INVALID_NAME, entry.key.span, message));
            return None;
        }
        let text = entry.value.as_str().unwrap_or_default();
        let inherited = text.strip_prefix("${env:").and_then(|it| it.strip_suffix('}'));
        let Some(from) = inherited else {
            return Some((name.clone(), Variable::Said(self.template(entries, &name)?)));
        };
        // The engine's own settings, keys above all, are not for connectors.
        if from.is_empty() || from.to_ascii_uppercase().starts_with("FLOWRIGHT") {
            let message = format!("the variable `{from}` cannot be handed on");
            self.sink.push(Diagnostic::new(code::INVALID_CHOICE, entry.value.span, message));
            return None;
        }
        Some((name, Variable::Inherited(from.to_owned())))
    }

    fn limits(&mut self, map: &Mapping) -> Limits {
        let usual = Limits::default();
        let known = &[
            "start",
            "call",
            "idle",
            "concurrency",
            "lineBytes",
            "memoryBytes",
            "cpuSeconds",
            "openFiles",
        ];
        let Some(map) = map.get("limits").and_then(|it| self.object(it, "`limits`", known)) else {
            return usual;
        };
        let mut bytes = |key: &str| self.count(map, key).and_then(|it| u64::try_from(it).ok());
        let (memory_bytes, cpu_seconds) = (bytes("memoryBytes"), bytes("cpuSeconds"));
        let open_files = bytes("openFiles");
        Limits {
            start: self.duration(map, "start").unwrap_or(usual.start),
            call: self.duration(map, "call").unwrap_or(usual.call),
            idle: self.duration(map, "idle").unwrap_or(usual.idle),
            concurrency: self.count(map, "concurrency").unwrap_or(usual.concurrency).max(1),
            line_bytes: self
                .count(map, "lineBytes")
                .unwrap_or(usual.line_bytes)
                .clamp(LINE_BYTES_MIN, usual.line_bytes),
            memory_bytes,
            cpu_seconds,
            open_files,
        }
    }

    /// Puts into a connector what its program can do: as it has said, and what the file says otherwise.
    pub(super) fn describe(&mut self, connector: &mut Connector, map: &Mapping, said: &Value) {
        let span = map.entry("kind").map_or_else(Span::default, |it| it.key.span);
        let Some(speaks) = connector.program.as_ref().map(|it| it.speaks) else { return };
        if !said.is_object() {
            let message = "what the program says that it can do is not an object";
            self.sink.push(Diagnostic::new(code::WRONG_TYPE, span, message));
            return;
        }
        let mut description = said.clone();
        for key in ["operations", "triggers", "schemas"] {
            let Some(own) = map.get(key) else { continue };
            self.known_only(own, key, said);
            merge(&mut description[key], &own.to_json());
        }
        let mut read = Description::new(speaks);
        read.read(connector, &description);
        for problem in read.problems {
            let message = format!("in what the program says that it can do, {problem}");
            self.sink.push(Diagnostic::new(code::WRONG_TYPE, span, message));
        }
        if let Some(program) = &mut connector.program {
            program.described = Some(sha256_hex(said.to_string().as_bytes()));
        }
    }

    /// Nothing can be checked against a program that has not been asked yet.
    pub(super) fn not_described(&mut self, map: &Mapping) {
        let span = map.entry("kind").map_or_else(Span::default, |it| it.key.span);
        let name = map.get("connector").and_then(Node::as_str).unwrap_or("NAME");
        let message =
            "it is not known what the program can do: there is no `describe.json` beside the file";
        let found = Diagnostic::new(code::MISSING_KEY, span, message).warning();
        self.sink.push(
            found.hint(format!("write it with `flowright connectors describe {name} --save`")),
        );
    }

    /// The file may say otherwise what the program has, not what it has not.
    fn known_only(&mut self, own: &Node, section: &str, said: &Value) {
        let known = said.get(section).and_then(Value::as_object);
        let Some(entries) = self.entries(own, &format!("`{section}`")) else { return };
        for entry in entries {
            let name = &entry.key.text;
            if section != "schemas" && known.is_none_or(|it| !it.contains_key(name)) {
                let message = format!("the program has said nothing of `{name}`");
                let found = Diagnostic::new(code::UNKNOWN_OPERATION, entry.key.span, message);
                let names = known.into_iter().flatten().map(|(name, _)| name.as_str());
                self.unknown_name(found, name, names);
            }
        }
    }
}

/// Members of objects one by one, anything else as a whole; null takes away.
fn merge(into: &mut Value, own: &Value) {
    match (into, own) {
        (Value::Object(into), Value::Object(own)) => {
            for (key, value) in own {
                if value.is_null() {
                    into.shift_remove(key);
                } else {
                    merge(into.entry(key.clone()).or_insert(Value::Null), value);
                }
            }
        }
        (into, own) => own.clone_into(into),
    }
}

/// A template of ours.
pub(super) fn template(text: &str) -> Template {
    Template::parse(text, Dialect::Wdl).0
}
