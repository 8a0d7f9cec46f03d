//! Archives, honest and not.

use std::io::{Cursor, Write as _};

use zip::{CompressionMethod, ZipWriter, write::SimpleFileOptions};

use crate::archive::{is_archive, unpack};

fn archive(method: CompressionMethod, files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(method);
    for (name, bytes) in files {
        writer.start_file(*name, options).unwrap();
        writer.write_all(bytes).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

/// Names with what was read, or why not.
fn read(bytes: &[u8]) -> Vec<String> {
    assert!(is_archive(bytes));
    match unpack(bytes) {
        Ok(files) => {
            let shown = files.into_iter().map(|(name, it)| match it {
                Ok(bytes) => format!("{name}: {}", bytes.len()),
                Err(why) => format!("{name}: {why}"),
            });
            shown.collect()
        }
        Err(why) => vec![why],
    }
}

#[test]
fn json_files_are_unpacked_in_order() {
    let files: [(&str, &[u8]); 4] = [
        ("b/x.JSON", b"{}"),
        ("a\\y.json", b"[1]"),
        ("customizations.xml", b"<x/>"),
        ("../z.json", b""),
    ];
    for method in [CompressionMethod::Deflated, CompressionMethod::Stored] {
        assert_eq!(read(&archive(method, &files)), ["../z.json: 0", "a/y.json: 3", "b/x.JSON: 2"]);
    }
    assert!(read(&archive(CompressionMethod::Stored, &[])).is_empty());
    assert!(!is_archive(b"{}"));
}

#[test]
fn bombs_are_not_unpacked() {
    let (zeros, noise) = (vec![b' '; 40 << 20], (0..4 << 20).map(|it: u32| it.to_le_bytes()[0]));
    let noise: Vec<u8> = noise.collect();
    let packed = archive(CompressionMethod::Deflated, &[("a.json", &zeros), ("b.json", b"{}")]);
    assert!(packed.len() < 100_000);
    let said = "it unpacks to more than 250 times its size";
    assert_eq!(read(&packed), [format!("a.json: {said}"), "b.json: 2".to_owned()]);
    let large = archive(CompressionMethod::Stored, &[("a.json", &zeros)]);
    assert_eq!(read(&large), ["a.json: it unpacks to more than the 33554432 bytes that are read"]);
    // What the directory says of a size is not believed.
    let mut liar = archive(CompressionMethod::Stored, &[("a.json", &noise)]);
    let (size, wrong) = (u32::try_from(noise.len()).unwrap().to_le_bytes(), 7_u32.to_le_bytes());
    let places: Vec<usize> = (0..liar.len() - 4).filter(|at| liar[*at..*at + 4] == size).collect();
    for at in places {
        liar[at..at + 4].copy_from_slice(&wrong);
    }
    let read_of_liar = read(&liar);
    assert!(!read_of_liar[0].ends_with(": 4194304"), "{read_of_liar:?}");
}

#[test]
fn too_many_files_and_damaged_archives_are_refused() {
    let names: Vec<String> = (0..10_001).map(|it| format!("{it}.json")).collect();
    let files: Vec<(&str, &[u8])> = names.iter().map(|it| (it.as_str(), &b""[..])).collect();
    let many = archive(CompressionMethod::Stored, &files);
    assert_eq!(read(&many), ["it holds 10001 files, more than the 10000 that are read"]);
    let good = archive(CompressionMethod::Deflated, &[("a.json", b"{\"a\": [1, 2, 3]}")]);
    for at in 0..good.len() {
        for wrong in [0, 1, 0x7f, 0xff] {
            let mut bad = good.clone();
            bad[at] ^= wrong;
            // Whatever it says: it says something, and says it soon.
            let _said: Result<_, _> = unpack(&bad);
            let _said: Result<_, _> = unpack(&bad[..at]);
        }
    }
}
