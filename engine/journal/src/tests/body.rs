//! Texts as stores keep them.

use base::limits::INLINE_BYTES_MAX;

use crate::{
    StoreError,
    body::{self, Body},
};

/// A text comes back, from where texts of its length are kept.
fn check(text: &str, is_long: bool) {
    let kept = Body::new(text.to_owned()).unwrap();
    let back = match &kept {
        Body::Inline(short) => body::checked(short.clone(), body::sum(text)),
        Body::Packed(it) => body::unpack_checked(&it.sha, it.length, &it.zstd),
    };
    assert_eq!(back.unwrap(), text);
    assert_eq!(matches!(kept, Body::Packed(_)), is_long, "{} bytes", text.len());
}

#[test]
fn texts_come_back() {
    check("", false);
    check("\0 ü 🦀", false);
    check(&"x".repeat(INLINE_BYTES_MAX), false);
    check(&"x".repeat(INLINE_BYTES_MAX + 1), true);
    check(&"ü🦀".repeat(INLINE_BYTES_MAX), true);
}

#[test]
fn changes_are_found() {
    let text = "a body ".repeat(INLINE_BYTES_MAX);
    let Body::Packed(it) = Body::new(text.clone()).unwrap() else { panic!("it is long") };
    let Body::Packed(other) = Body::new(text.replace('b', "B")).unwrap() else {
        panic!("it is long")
    };
    let cut = &it.zstd[..it.zstd.len() - 1];
    for found in [
        body::checked("a".to_owned(), body::sum("b")),
        body::unpack_checked(&other.sha, it.length, &it.zstd),
        body::unpack_checked(&it.sha, it.length, &other.zstd),
        body::unpack_checked(&it.sha, it.length, cut),
        body::unpack_checked(&it.sha, it.length, b""),
        body::unpack_checked(&it.sha, it.length - 1, &it.zstd),
        body::unpack_checked(&it.sha, it.length + 1, &it.zstd),
        body::unpack_checked(&it.sha, -1, &it.zstd),
        body::unpack_checked(&it.sha[1..], it.length, &it.zstd),
    ] {
        assert!(matches!(found, Err(StoreError::Corrupt(_))), "{found:?}");
    }
}
