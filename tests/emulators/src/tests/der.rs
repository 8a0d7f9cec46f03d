//! Just enough DER to take a certificate apart without the library that made it.

/// The parts of a certificate that a signature check needs.
pub(super) struct Parts {
    /// The signed part, with its header.
    pub(super) signed: Vec<u8>,
    pub(super) signature: Vec<u8>,
    /// The `RSAPublicKey` inside the subject's key.
    pub(super) key: Vec<u8>,
}

pub(super) fn certificate(der: &[u8]) -> Parts {
    let (outer, _, _) = element(der);
    let (_, signed, rest) = element(outer);
    let (_, _, rest) = element(rest);
    let (signature, _, _) = element(rest);
    // rsaEncryption with its null parameter, then the bit string of the key.
    let mark = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1, 5, 0];
    let at = signed.windows(mark.len()).position(|it| it == mark).unwrap();
    let (key, _, _) = element(&signed[at + mark.len()..]);
    // The first byte of a bit string counts its unused bits.
    Parts { signed: signed.to_vec(), signature: signature[1..].to_vec(), key: key[1..].to_vec() }
}

/// The first element's content, the element itself, and what follows it.
fn element(der: &[u8]) -> (&[u8], &[u8], &[u8]) {
    let (length, header) = match der[1] {
        short @ 0..=127 => (usize::from(short), 2),
        long => {
            let n = usize::from(long & 127);
            let length = der[2..2 + n].iter().fold(0, |sum, it| sum * 256 + usize::from(*it));
            (length, 2 + n)
        }
    };
    (&der[header..header + length], &der[..header + length], &der[header + length..])
}

pub(super) fn from_pem(pem: &str) -> Vec<u8> {
    use base64::Engine as _;
    let lines: String = pem.lines().filter(|it| !it.starts_with('-')).collect();
    base64::engine::general_purpose::STANDARD.decode(lines).unwrap()
}
