//! The language server: messages over standard input and output, one after the other. It is one thing:
//! what a session knows, and a line for each message.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    time::Duration,
};

use base::Diagnostic;
use lsp_server::{Connection, ErrorCode, Message, Notification, Request, RequestId, Response};
use lsp_types::{
    CodeActionKind, CodeActionOptions, CodeActionProviderCapability, CodeLensOptions,
    CompletionOptions, CompletionResponse, DidChangeTextDocumentParams,
    DidChangeWatchedFilesParams, DidCloseTextDocumentParams, DidOpenTextDocumentParams,
    DidSaveTextDocumentParams, DocumentSymbolResponse, FileChangeType,
    FoldingRangeProviderCapability, GotoDefinitionResponse, HoverProviderCapability, Location,
    MessageType, OneOf, Position, PrepareRenameResponse, PublishDiagnosticsParams, RenameOptions,
    SaveOptions, ServerCapabilities, ServerInfo, ShowMessageParams, SignatureHelpOptions,
    TextDocumentPositionParams, TextDocumentSyncCapability, TextDocumentSyncKind,
    TextDocumentSyncOptions, TextDocumentSyncSaveOptions, TextEdit, Uri, WorkspaceEdit,
    notification::{self as notes, Notification as _},
    request::{self as asks, Request as Ask},
};
use serde_json::Value;

use crate::{
    complete::complete,
    file::File,
    findings::{actions, findings, told},
    hover::{hover, signature_help},
    navigate::{Target, definition, references, renamable, rename},
    project::{FileKind, Host, Open, Project},
    structure::{folding, lenses, symbols},
    text::Text,
    uri::{path_of, uri_of},
};

/// How long nothing is typed before findings are told.
const PAUSE: Duration = Duration::from_millis(25);
/// How long nothing is typed before other open files are looked at again, as they may name the edited one.
const REST: Duration = Duration::from_millis(400);

/// Serves an editor until it leaves.
///
/// # Errors
/// If the editor does not speak the protocol.
pub fn serve(host: &mut dyn Host) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let (connection, threads) = Connection::stdio();
    let (id, _) = connection.initialize_start()?;
    let about = serde_json::json!({
        "capabilities": capabilities(),
        "serverInfo": ServerInfo { name: "flowright".to_owned(), version: None },
    });
    connection.initialize_finish(id, about)?;
    let mut server = Server {
        connection: &connection,
        host,
        projects: Vec::new(),
        open: Open::new(),
        is_stale: false,
    };
    server.run()?;
    drop(connection);
    threads.join()?;
    Ok(())
}

fn capabilities() -> ServerCapabilities {
    let triggers = |it: &[&str]| Some(it.iter().map(|it| (*it).to_owned()).collect());
    ServerCapabilities {
        text_document_sync: Some(TextDocumentSyncCapability::Options(TextDocumentSyncOptions {
            open_close: Some(true),
            change: Some(TextDocumentSyncKind::INCREMENTAL),
            save: Some(TextDocumentSyncSaveOptions::SaveOptions(SaveOptions::default())),
            ..TextDocumentSyncOptions::default()
        })),
        completion_provider: Some(CompletionOptions {
            trigger_characters: triggers(&[".", "'", "[", "@", "{", "$", " ", ":"]),
            ..CompletionOptions::default()
        }),
        hover_provider: Some(HoverProviderCapability::Simple(true)),
        signature_help_provider: Some(SignatureHelpOptions {
            trigger_characters: triggers(&["(", ","]),
            ..SignatureHelpOptions::default()
        }),
        definition_provider: Some(OneOf::Left(true)),
        references_provider: Some(OneOf::Left(true)),
        rename_provider: Some(OneOf::Right(RenameOptions {
            prepare_provider: Some(true),
            work_done_progress_options: lsp_types::WorkDoneProgressOptions::default(),
        })),
        document_symbol_provider: Some(OneOf::Left(true)),
        folding_range_provider: Some(FoldingRangeProviderCapability::Simple(true)),
        document_formatting_provider: Some(OneOf::Left(true)),
        code_action_provider: Some(CodeActionProviderCapability::Options(CodeActionOptions {
            code_action_kinds: Some(vec![CodeActionKind::QUICKFIX]),
            ..CodeActionOptions::default()
        })),
        code_lens_provider: Some(CodeLensOptions { resolve_provider: Some(false) }),
        ..ServerCapabilities::default()
    }
}

struct Server<'a> {
    connection: &'a Connection,
    host: &'a mut dyn Host,
    projects: Vec<Project>,
    open: Open<Opened>,
    /// Whether the disk has something else than was read.
    is_stale: bool,
}

/// An open file.
struct Opened {
    file: File,
    version: i32,
    /// The number of its project.
    project: usize,
    /// Whether its project has not seen its text yet.
    is_new: bool,
    /// Whether what is wrong with it has not been told yet.
    is_untold: bool,
    /// Whether something else has been changed that it may name.
    is_doubtful: bool,
    found: Vec<Diagnostic>,
}

type Trouble = Box<dyn std::error::Error + Send + Sync>;

impl Server<'_> {
    fn run(&mut self) -> Result<(), Trouble> {
        loop {
            let message = match self.pause() {
                Some(pause) => match self.connection.receiver.recv_timeout(pause) {
                    Ok(message) => message,
                    Err(error) if error.is_timeout() => {
                        self.settle()?;
                        continue;
                    }
                    Err(_) => return Ok(()),
                },
                None => match self.connection.receiver.recv() {
                    Ok(message) => message,
                    Err(_) => return Ok(()),
                },
            };
            match message {
                Message::Request(request) => {
                    if self.connection.handle_shutdown(&request)? {
                        return Ok(());
                    }
                    let response = self.answer(request);
                    self.connection.sender.send(Message::Response(response))?;
                }
                Message::Notification(note) => self.note(note)?,
                Message::Response(_) => {}
            }
        }
    }

    /// How long to wait for more before there is something to do; for ever if there is not.
    fn pause(&self) -> Option<Duration> {
        let any = |is: fn(&Opened) -> bool| self.open.values().any(is);
        if self.is_stale || any(|it| it.is_untold) {
            Some(PAUSE)
        } else {
            any(|it| it.is_doubtful).then_some(REST)
        }
    }

    /// Does what was put off while messages came in.
    fn settle(&mut self) -> Result<(), Trouble> {
        if std::mem::take(&mut self.is_stale) {
            self.reload()?;
        } else if !self.open.values().any(|it| it.is_untold) {
            for opened in self.open.values_mut() {
                opened.is_untold = std::mem::take(&mut opened.is_doubtful);
            }
        }
        self.tell()
    }

    fn note(&mut self, note: Notification) -> Result<(), Trouble> {
        match note.method.as_str() {
            notes::DidOpenTextDocument::METHOD => {
                let params: DidOpenTextDocumentParams =
                    note.extract(notes::DidOpenTextDocument::METHOD)?;
                let document = params.text_document;
                self.opened(&document.uri, document.version, document.text)?;
            }
            notes::DidChangeTextDocument::METHOD => {
                let params: DidChangeTextDocumentParams =
                    note.extract(notes::DidChangeTextDocument::METHOD)?;
                if let Some(path) = path_of(&params.text_document.uri) {
                    if let Some(opened) = self.open.get_mut(&path) {
                        opened.file.text.apply(params.content_changes);
                        opened.version = params.text_document.version;
                        (opened.is_new, opened.is_untold) = (true, true);
                    }
                    self.doubt(&path);
                }
            }
            notes::DidCloseTextDocument::METHOD => {
                let params: DidCloseTextDocumentParams =
                    note.extract(notes::DidCloseTextDocument::METHOD)?;
                let uri = params.text_document.uri;
                if path_of(&uri).is_some_and(|it| self.open.remove(&it).is_some()) {
                    self.publish(&uri, None, Vec::new())?;
                    self.is_stale = true;
                }
            }
            notes::DidSaveTextDocument::METHOD => {
                let params: DidSaveTextDocumentParams =
                    note.extract(notes::DidSaveTextDocument::METHOD)?;
                self.is_stale |= !self.is_followed(&params.text_document.uri);
            }
            notes::DidChangeWatchedFiles::METHOD => {
                let params: DidChangeWatchedFilesParams =
                    note.extract(notes::DidChangeWatchedFiles::METHOD)?;
                let is_news = params
                    .changes
                    .iter()
                    .any(|it| it.typ != FileChangeType::CHANGED || !self.is_followed(&it.uri));
                self.is_stale |= is_news;
            }
            _ => {}
        }
        Ok(())
    }

    /// Whether all that a file says is known from its text in the editor, whatever is on the disk.
    fn is_followed(&self, uri: &Uri) -> bool {
        let opened = self.opened_at(uri);
        opened.is_some_and(|it| {
            matches!(it.file.kind, FileKind::Flow | FileKind::Mapping | FileKind::Test)
        })
    }

    /// What is found in other open flows of the project may be something else now.
    fn doubt(&mut self, path: &Path) {
        let Some(changed) = self.open.get(path) else { return };
        let (project, kind) = (changed.project, changed.file.kind);
        if matches!(kind, FileKind::Test | FileKind::Project) {
            return;
        }
        for (_, opened) in self.open.iter_mut().filter(|(it, _)| *it != path) {
            let is_of_flow = matches!(opened.file.kind, FileKind::Flow | FileKind::Mapping);
            opened.is_doubtful |= is_of_flow && opened.project == project;
        }
    }

    fn opened(&mut self, uri: &Uri, version: i32, text: String) -> Result<(), Trouble> {
        let Some(path) = path_of(uri) else { return Ok(()) };
        let Some(kind) = FileKind::of(&path) else { return Ok(()) };
        let known = self.projects.iter().position(|it| path.starts_with(&it.root));
        let project = match known {
            Some(number) => number,
            None => match self.host.load(&path) {
                Ok(project) => {
                    self.remark(&project.remarks, &[])?;
                    self.projects.push(project);
                    self.projects.len() - 1
                }
                Err(reason) => {
                    self.show(MessageType::ERROR, reason)?;
                    let root = path.parent().map(Path::to_path_buf).unwrap_or_default();
                    self.projects.push(Project { root, ..Project::default() });
                    self.projects.len() - 1
                }
            },
        };
        let root = self.projects.get(project).map(|it| it.root.clone()).unwrap_or_default();
        let name = path.strip_prefix(&root).unwrap_or(&path);
        let name = name.to_string_lossy().replace('\\', "/");
        let file = File { kind, name, text: Text::new(text) };
        let (is_new, is_untold, is_doubtful, found) = (true, true, false, Vec::new());
        let opened = Opened { file, version, project, is_new, is_untold, is_doubtful, found };
        self.open.insert(path, opened);
        Ok(())
    }

    /// Reads the projects of open files again; what is open counts for what is on the disk.
    fn reload(&mut self) -> Result<(), Trouble> {
        let wanted: BTreeSet<usize> = self.open.values().map(|it| it.project).collect();
        for number in wanted {
            let file = self.open.iter().find(|(_, it)| it.project == number);
            let Some(path) = file.map(|(path, _)| path.clone()) else { continue };
            match self.host.load(&path) {
                Ok(project) => {
                    let new = project.remarks.clone();
                    if let Some(place) = self.projects.get_mut(number) {
                        let before = std::mem::replace(place, project);
                        self.remark(&new, &before.remarks)?;
                    }
                }
                Err(reason) => self.show(MessageType::WARNING, reason)?,
            }
        }
        for opened in self.open.values_mut() {
            (opened.is_new, opened.is_untold) = (true, true);
        }
        Ok(())
    }

    /// Lets the projects see the texts that are open.
    fn sync(&mut self) {
        for opened in self.open.values_mut().filter(|it| it.is_new) {
            opened.is_new = false;
            if let Some(project) = self.projects.get_mut(opened.project) {
                let file = &opened.file;
                project.update(file.kind, &file.name, file.text.as_str());
            }
        }
    }

    /// Tells what is wrong with files that have been changed, and with those beside them.
    fn tell(&mut self) -> Result<(), Trouble> {
        self.sync();
        let untold: Vec<PathBuf> =
            self.open.iter().filter(|(_, it)| it.is_untold).map(|(path, _)| path.clone()).collect();
        let mut done: BTreeSet<PathBuf> = BTreeSet::new();
        for path in untold {
            let Some(opened) = self.open.get_mut(&path) else { continue };
            opened.is_untold = false;
            if done.contains(&path) {
                continue;
            }
            let Some(project) = self.projects.get(opened.project) else { continue };
            let root = project.root.clone();
            for (source, mut found) in findings(project, &opened.file) {
                if !self.host.is_checked(&root, source.name()) {
                    found.clear();
                }
                let path = root.join(source.name());
                let Some(uri) = uri_of(&path) else { continue };
                let opened = self.open.get_mut(&path);
                let version = opened.as_ref().map(|it| it.version);
                let text = Text::new(source.text());
                let shown = found.iter().map(|it| told(&text, it, &uri)).collect();
                if let Some(opened) = opened {
                    opened.found = found;
                }
                done.insert(path);
                self.publish(&uri, version, shown)?;
            }
        }
        Ok(())
    }

    fn publish(
        &self,
        uri: &Uri,
        version: Option<i32>,
        diagnostics: Vec<lsp_types::Diagnostic>,
    ) -> Result<(), Trouble> {
        let params = PublishDiagnosticsParams { uri: uri.clone(), diagnostics, version };
        self.send::<notes::PublishDiagnostics>(params)
    }

    /// Shows what a project says besides, unless it has been shown.
    fn remark(&self, remarks: &[String], shown: &[String]) -> Result<(), Trouble> {
        let new = remarks.iter().filter(|it| !shown.contains(it));
        new.cloned().try_for_each(|it| self.show(MessageType::WARNING, it))
    }

    fn show(&self, typ: MessageType, message: String) -> Result<(), Trouble> {
        self.send::<notes::ShowMessage>(ShowMessageParams { typ, message })
    }

    fn send<N: notes::Notification>(&self, params: N::Params) -> Result<(), Trouble> {
        let note = Notification::new(N::METHOD.to_owned(), params);
        Ok(self.connection.sender.send(Message::Notification(note))?)
    }

    fn answer(&mut self, request: Request) -> Response {
        self.sync();
        let answered = self.about_names(request);
        let answered = answered.or_else(|request| self.about_files(request));
        answered.unwrap_or_else(|request| {
            let message = format!("there is no `{}` here", request.method);
            Response::new_err(request.id, ErrorCode::MethodNotFound as i32, message)
        })
    }

    /// What editors ask about a position.
    fn about_names(&self, request: Request) -> Result<Response, Request> {
        let request = ask::<asks::Completion>(request, |params| {
            let (project, file, at) = self.at(&params.text_document_position)?;
            Some(CompletionResponse::Array(complete(project, file, at)))
        });
        let request = or::<asks::HoverRequest>(request, |params| {
            let (project, file, at) = self.at(&params.text_document_position_params)?;
            hover(project, file, at)
        });
        let request = or::<asks::SignatureHelpRequest>(request, |params| {
            let (project, file, at) = self.at(&params.text_document_position_params)?;
            signature_help(project, file, at)
        });
        let request = or::<asks::GotoDefinition>(request, |params| {
            let (project, file, at) = self.at(&params.text_document_position_params)?;
            let target = definition(project, file, at)?;
            Some(GotoDefinitionResponse::Scalar(location(project, &target)?))
        });
        let request = or::<asks::References>(request, |params| {
            let (project, file, at) = self.at(&params.text_document_position)?;
            let found = references(project, file, at);
            Some(found.iter().filter_map(|it| location(project, it)).collect())
        });
        let request = or::<asks::PrepareRenameRequest>(request, |params| {
            let (_, file, at) = self.at(&params)?;
            let (range, placeholder) = renamable(file, at)?;
            Some(PrepareRenameResponse::RangeWithPlaceholder { range, placeholder })
        });
        match request {
            Err(request) if request.method == asks::Rename::METHOD => Ok(self.rename(request)),
            other => other,
        }
    }

    /// A rename is refused with the reason.
    fn rename(&self, request: Request) -> Response {
        let id = request.id.clone();
        let (_, params) = match request.extract::<lsp_types::RenameParams>(asks::Rename::METHOD) {
            Ok(params) => params,
            Err(error) => return invalid(id, &error.to_string()),
        };
        let Some((project, file, at)) = self.at(&params.text_document_position) else {
            return Response::new_ok(id, Value::Null);
        };
        match rename(project, file, at, &params.new_name) {
            Err(reason) => Response::new_err(id, ErrorCode::RequestFailed as i32, reason),
            Ok(edits) => {
                let changes = edits
                    .into_iter()
                    .filter_map(|(name, edits)| Some((uri_of(&project.root.join(name))?, edits)));
                #[allow(clippy::mutable_key_type, reason = "the protocol's own type")]
                let changes = changes.collect();
                Response::new_ok(id, WorkspaceEdit::new(changes))
            }
        }
    }

    /// What editors ask about a file.
    fn about_files(&self, request: Request) -> Result<Response, Request> {
        let request = ask::<asks::DocumentSymbolRequest>(request, |params| {
            let opened = self.opened_at(&params.text_document.uri)?;
            Some(DocumentSymbolResponse::Nested(symbols(&opened.file)))
        });
        let request = or::<asks::FoldingRangeRequest>(request, |params| {
            Some(folding(&self.opened_at(&params.text_document.uri)?.file))
        });
        let request = or::<asks::Formatting>(request, |params| {
            let file = &self.opened_at(&params.text_document.uri)?.file;
            let text = file.text.as_str();
            // What cannot be laid out stays as it is; the findings say why.
            let laid = flow::format(text, file.kind.shape()).ok()?;
            let edit = TextEdit::new(file.text.all(), laid.clone());
            Some(if laid == text { Vec::new() } else { vec![edit] })
        });
        let request = or::<asks::CodeActionRequest>(request, |params| {
            let uri = &params.text_document.uri;
            let opened = self.opened_at(uri)?;
            Some(actions(&opened.file, uri, params.range, &opened.found))
        });
        or::<asks::CodeLensRequest>(request, |params| {
            let uri = &params.text_document.uri;
            let path = path_of(uri)?;
            Some(lenses(&self.opened_at(uri)?.file, &path.to_string_lossy()))
        })
    }

    fn opened_at(&self, uri: &Uri) -> Option<&Opened> {
        self.open.get(&path_of(uri)?)
    }

    fn at(&self, place: &TextDocumentPositionParams) -> Option<(&Project, &File, Position)> {
        let opened = self.opened_at(&place.text_document.uri)?;
        Some((self.projects.get(opened.project)?, &opened.file, place.position))
    }
}

/// Answers a request if it is this one; without an answer it is null.
fn ask<R: Ask>(
    request: Request,
    answer: impl FnOnce(R::Params) -> R::Result,
) -> Result<Response, Request> {
    if request.method != R::METHOD {
        return Err(request);
    }
    let id = request.id.clone();
    Ok(match request.extract::<R::Params>(R::METHOD) {
        Ok((id, params)) => Response::new_ok(id, answer(params)),
        Err(error) => invalid(id, &error.to_string()),
    })
}

/// As [`ask`], unless the request has been answered.
fn or<R: Ask>(
    request: Result<Response, Request>,
    answer: impl FnOnce(R::Params) -> R::Result,
) -> Result<Response, Request> {
    request.or_else(|request| ask::<R>(request, answer))
}

fn invalid(id: RequestId, reason: &str) -> Response {
    Response::new_err(id, ErrorCode::InvalidParams as i32, reason.to_owned())
}

fn location(project: &Project, target: &Target) -> Option<Location> {
    Some(Location::new(uri_of(&project.root.join(&target.name))?, target.range))
}
