//! `flowright fmt`: what scripts and editors see of it.

use std::{
    fs,
    io::Write as _,
    path::Path,
    process::{Command, Output, Stdio},
};

use crate::support::service::flowright;

const MESSY: &str = "flow: f\ntriggers:\n    - manual:\n      name: t\nactions:\n    - {compose: 1,  name: 'a'} # why\n";
const NEAT: &str = "flow: f\ntriggers:\n  - name: t\n    manual:\nactions:\n  - { name: a, compose: 1 }    # why\n";

fn fmt(folder: &Path, args: &[&str]) -> Output {
    Command::new(flowright()).arg("fmt").args(args).current_dir(folder).output().unwrap()
}

fn out(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

#[test]
fn a_projects_files_are_laid_out() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let file = folder.join("flows/f/flow.yaml");
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(folder.join("flowright.yaml"), "flows: [flows]\n").unwrap();
    fs::write(folder.join("flows/f/other.yaml"), "a:    1\n").unwrap();
    fs::write(&file, MESSY).unwrap();

    let checked = fmt(folder, &["--check"]);
    assert_eq!(checked.status.code(), Some(1));
    assert!(out(&checked).trim().ends_with("flow.yaml"), "{}", out(&checked));
    let differs = fmt(folder, &["--diff", "flows"]);
    assert_eq!(differs.status.code(), Some(1));
    assert!(
        out(&differs).contains("\n-    - {compose: 1,  name: 'a'} # why\n"),
        "{}",
        out(&differs)
    );
    assert_eq!(fs::read_to_string(&file).unwrap(), MESSY);

    let written = fmt(folder, &[]);
    assert_eq!(written.status.code(), Some(0));
    assert_eq!(fs::read_to_string(&file).unwrap(), NEAT);
    assert_eq!(fs::read_to_string(folder.join("flows/f/other.yaml")).unwrap(), "a:    1\n");
    assert_eq!(fmt(folder, &["--check"]).status.code(), Some(0));
}

#[test]
fn what_cannot_be_laid_out_stays() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("flow.yaml");
    for text in ["flow: [\n", "a: 1\na: 2\n", "a: &x 1\n"] {
        fs::write(&file, text).unwrap();
        let output = fmt(folder.path(), &["flow.yaml"]);
        assert_eq!(output.status.code(), Some(1), "{text}");
        assert!(!output.stderr.is_empty());
        assert_eq!(fs::read_to_string(&file).unwrap(), text);
    }
    assert_eq!(fmt(folder.path(), &["nowhere"]).status.code(), Some(2));
}

#[test]
fn standard_input_is_laid_out_to_standard_output() {
    let piped = |args: &[&str], text: &str| {
        let mut child = Command::new(flowright())
            .args(["fmt", "-"])
            .args(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
        child.wait_with_output().unwrap()
    };
    let output = piped(&[], MESSY);
    assert_eq!((output.status.code(), out(&output).as_str()), (Some(0), NEAT));
    assert_eq!(piped(&["--check"], MESSY).status.code(), Some(1));
    // Of another kind of file the keys have another order, or none.
    let output = piped(&["--stdin-filename", "x.mapping.yaml"], "fields: {}\nmapping: x\n");
    assert_eq!(out(&output), "mapping: x\nfields: {}\n");
    assert_eq!(piped(&[], "flow: [\n").status.code(), Some(1));
}
