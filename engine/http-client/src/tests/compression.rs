//! Bodies that are packed: as they were, as bombs, and broken off.

use std::io::Write as _;

use base::limits;
use flate2::{Compression, write::GzEncoder};

use super::{Answer, Server, get};
use crate::{Client, Egress, Options};

const TEXT: &[u8] = b"{\"a\": 1}";
/// The text, and 8 MiB of blanks, packed by another program.
const BROTLI: &[u8] = &[0x8b, 0x03, 0x80, 0x7b, 0x22, 0x61, 0x22, 0x3a, 0x20, 0x31, 0x7d, 0x03];
const BROTLI_BOMB: &[u8] =
    &[0x9b, 0xff, 0xff, 0x7f, 0xf8, 0x25, 0x40, 0xe2, 0xb1, 0x40, 0x20, 0xf7, 0xfe, 0x0f];

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    zstd::encode_all(bytes, 3).unwrap()
}

#[tokio::test]
async fn bodies_are_unpacked_within_bounds() {
    let blanks = vec![b' '; limits::RESPONSE_BYTES_MAX / 2];
    let noise: Vec<u8> =
        (0..200_000_u32).flat_map(|it| it.wrapping_mul(2_654_435_761).to_le_bytes()).collect();
    let cut = |bytes: Vec<u8>| bytes[..bytes.len() - 3].to_vec();
    let wide = {
        // A window of 128 MiB, which nobody should have to keep.
        let mut encoder = zstd::stream::Encoder::new(Vec::new(), 19).unwrap();
        encoder.window_log(27).unwrap();
        encoder.include_contentsize(false).unwrap();
        encoder.write_all(TEXT).unwrap();
        encoder.finish().unwrap()
    };
    let cases: Vec<(&str, Vec<u8>, &str)> = vec![
        ("gzip", gzip(TEXT), "text"),
        ("x-gzip", gzip(TEXT), "text"),
        ("GZIP", gzip(TEXT), "text"),
        ("gzip", [gzip(b"{\"a\""), gzip(b": 1}")].concat(), "text"),
        ("br", BROTLI.to_vec(), "text"),
        ("zstd", zstd(TEXT), "text"),
        ("zstd", [zstd(b"{\"a\""), zstd(b": 1}")].concat(), "text"),
        ("identity", TEXT.to_vec(), "text"),
        ("gzip", gzip(&noise), "noise"),
        ("zstd", zstd(&noise), "noise"),
        ("gzip", gzip(&blanks), "ResponseTooLarge"),
        ("br", BROTLI_BOMB.to_vec(), "ResponseTooLarge"),
        ("zstd", zstd(&blanks), "ResponseTooLarge"),
        ("gzip", cut(gzip(TEXT)), "ConnectionLost"),
        ("br", cut(BROTLI.to_vec()), "ConnectionLost"),
        ("zstd", cut(zstd(TEXT)), "ConnectionLost"),
        ("zstd", wide, "ConnectionLost"),
        ("gzip", Vec::new(), "nothing"),
        ("br", Vec::new(), "nothing"),
        ("zstd", Vec::new(), "nothing"),
    ];
    let served = cases.clone();
    let server = Server::start(move |seen| -> Answer {
        let number: usize = seen.line.rsplit('/').next().unwrap().parse().unwrap();
        let (coding, body, _) = &served[number];
        (200, vec![("content-encoding", (*coding).to_owned())], body.clone())
    })
    .await;
    let client = Client::new(Options::default()).unwrap();
    for (number, (coding, _, expected)) in cases.iter().enumerate() {
        let request = get(&format!("{}/{number}", server.origin));
        let found = match client.send(&request, &Egress::public().allow(&server.origin)).await {
            Ok(answer) if answer.body == TEXT => "text".to_owned(),
            Ok(answer) if answer.body == noise => "noise".to_owned(),
            Ok(answer) if answer.body.is_empty() => "nothing".to_owned(),
            Ok(answer) => format!("{} bytes", answer.body.len()),
            Err(failure) => failure.code,
        };
        assert_eq!(found, *expected, "{number} {coding}");
    }
}
