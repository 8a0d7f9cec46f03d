//! Record ids: fifteen characters that count, and three more that make them safe where case is lost.

const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const CHECKS: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ012345";

/// The id of the n-th record of a kind, in its long form.
pub(super) fn make(prefix: &str, mut number: u64) -> String {
    let mut counted = [b'0'; 9];
    for place in counted.iter_mut().rev() {
        let digit = usize::try_from(number % 62).unwrap_or_default();
        *place = DIGITS.get(digit).copied().unwrap_or(b'0');
        number /= 62;
    }
    let short = format!("{prefix}Fw0{}", String::from_utf8_lossy(&counted));
    long(&short).unwrap_or(short)
}

/// The long form of an id of either length; none when it is no id.
pub(super) fn long(id: &str) -> Option<String> {
    let bytes = id.as_bytes();
    if !matches!(bytes.len(), 15 | 18) || !bytes.iter().all(u8::is_ascii_alphanumeric) {
        return None;
    }
    let (short, given) = (bytes.get(..15)?, bytes.get(15..)?);
    let mut made = String::from_utf8(short.to_vec()).ok()?;
    for five in short.chunks(5) {
        let capitals = five.iter().enumerate().filter(|(_, it)| it.is_ascii_uppercase());
        let bits: usize = capitals.map(|(at, _)| 1 << at).sum();
        made.push(char::from(CHECKS.get(bits).copied()?));
    }
    let same = given.is_empty() || made.as_bytes().get(15..)?.eq_ignore_ascii_case(given);
    same.then_some(made)
}
