//! Connectors that are programs, as a project has them: the file, and beside it what the program has said.

use std::{fs, path::Path};

use base::{Diagnostic, Source, Span, code, limits::DESCRIPTION_BYTES_MAX};
use connector::Connector;
use serde_json::Value;

use crate::project::LoadError;

/// The file beside a connector's in which it is kept what its program can do.
pub const DESCRIPTION_FILE: &str = "describe.json";

/// Reads the file of a connector, and what lies beside it if the connector is a program. The program
/// itself is not started.
pub(crate) fn read(
    file: &Path,
    source: &Source,
) -> Result<(Connector, Vec<Diagnostic>), LoadError> {
    let (mut connector, mut found) = connector::read(source);
    if connector.program.is_none() {
        return Ok((connector, found));
    }
    let folder = file.parent().unwrap_or(Path::new("."));
    let described = folder.join(DESCRIPTION_FILE);
    let said = if described.is_file() { Some(description(&described)?) } else { None };
    match said.transpose() {
        Ok(said) => (connector, found) = connector::read_described(source, said.as_ref()),
        Err(why) => {
            let message = format!("`{DESCRIPTION_FILE}` beside the file {why}");
            found.push(Diagnostic::new(code::BAD_INPUT, Span::default(), message));
        }
    }
    if let Some(program) = &mut connector.program {
        let folder = std::path::absolute(folder).map_err(|it| LoadError::Io(folder.into(), it))?;
        let text = folder.to_str().ok_or_else(|| LoadError::Name(folder.clone()))?;
        text.clone_into(&mut program.folder);
    }
    Ok((connector, found))
}

fn description(file: &Path) -> Result<Result<Value, String>, LoadError> {
    let fail = |error| LoadError::Io(file.to_path_buf(), error);
    let bytes = fs::metadata(file).map_err(fail)?.len();
    if u64::try_from(DESCRIPTION_BYTES_MAX).is_ok_and(|most| most < bytes) {
        let file = file.to_path_buf();
        return Err(LoadError::TooLarge { file, bytes, bytes_max: DESCRIPTION_BYTES_MAX });
    }
    let read = serde_json::from_slice(&fs::read(file).map_err(fail)?);
    Ok(read.map_err(|error| format!("is not JSON: {error}")))
}
