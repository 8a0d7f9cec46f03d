//! Every place of the shipped flows and mappings can be asked about, and nothing panics.

use std::{fs, path::PathBuf};

use lsp_types::Position;

use super::{open, project};
use crate::{complete, definition, hover, references, signature_help};

#[test]
fn every_position_of_shipped_files_is_answered() {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..");
    let folder = "flows/co-sell/register-webhooks";
    for file in ["flow.yaml"] {
        let name = format!("{folder}/{file}");
        let text = fs::read_to_string(root.join(&name)).unwrap();
        let mut project = project();
        let (file, _) = open(&mut project, &name, &text);
        for (line, content) in text.lines().enumerate() {
            for column in (0..=content.chars().count()).step_by(13) {
                let at =
                    Position::new(u32::try_from(line).unwrap(), u32::try_from(column).unwrap());
                complete(&project, &file, at);
                hover(&project, &file, at);
                signature_help(&project, &file, at);
                definition(&project, &file, at);
                references(&project, &file, at);
            }
        }
    }
}
