//! Tests: what is kept comes back, with the right key only, whoever dies in between.

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path, thread};

use base::Secret;

use crate::{Key, Vault};

fn secret(text: &str) -> Secret<String> {
    Secret::new(text.to_owned())
}

fn set(vault: &Vault, name: &str, value: &str) {
    vault.set_secrets(vec![(name.to_owned(), secret(value))]).unwrap();
}

fn get(vault: &Vault, name: &str) -> Result<Option<String>, String> {
    vault.secret(name).map(|it| it.map(|it| it.expose().clone())).map_err(|it| it.to_string())
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

fn at(path: &Path) -> String {
    path.display().to_string()
}

#[test]
fn what_is_kept_comes_back() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join(".flowright");
    let vault = Vault::new(&place, None);
    assert_eq!(get(&vault, "a"), Ok(None));
    assert!(!place.exists());
    set(&vault, "crm.clientSecret", "s3cret \"ü\"\n");
    set(&vault, "b", "");
    vault.set_token("crm", Some(&secret("refresh"))).unwrap();
    let again = Vault::new(&place, None);
    assert_eq!(get(&again, "crm.clientSecret"), Ok(Some("s3cret \"ü\"\n".to_owned())));
    assert_eq!(again.names().unwrap(), ["b", "crm.clientSecret"]);
    assert_eq!(again.token("crm").unwrap(), Some(secret("refresh")));
    again.set_token("crm", None).unwrap();
    assert_eq!(vault.token("crm").unwrap(), None);
    assert_eq!(get(&vault, "crm.clientSecret").unwrap().unwrap(), "s3cret \"ü\"\n");
    for name in ["secrets", "secret.key", "secrets.lock"] {
        assert_eq!(mode(&place.join(name)), 0o600, "{name}");
    }
    let text = fs::read_to_string(place.join("secrets")).unwrap();
    for word in ["s3cret", "crm", "refresh"] {
        assert!(!text.contains(word), "{word}");
    }
    assert!(!format!("{vault:?} {:?}", Key::new()).contains("s3cret"));
}

#[test]
fn only_the_right_key_opens() {
    let folder = tempfile::tempdir().unwrap();
    let key = |text: &str| Some(secret(text));
    let (one, two) = ("MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=", "ff".repeat(32));
    let vault = |given: &str| Vault::new(folder.path(), key(given));
    set(&vault(one), "a", "1");
    let path = folder.path().join("secrets");
    assert_eq!(get(&vault(one), "a"), Ok(Some("1".to_owned())));
    let sealed = format!(
        "`{}` cannot be opened: it was sealed with another key, or it was changed",
        at(&path)
    );
    assert_eq!(get(&vault(&two), "a"), Err(sealed));
    assert_eq!(get(&vault(&format!("{two},{one}")), "a"), Ok(Some("1".to_owned())));
    for bad in ["", "short", "password", &"g".repeat(64), &"ff".repeat(31)] {
        assert_eq!(
            get(&vault(bad), "a"),
            Err("`FLOWRIGHT_SECRET_KEY` is no key".to_owned()),
            "{bad}"
        );
    }
    let missing = format!(
        "`{}` is sealed, and there is no key: neither `FLOWRIGHT_SECRET_KEY` nor `{}`",
        at(&path),
        at(&folder.path().join("secret.key"))
    );
    assert_eq!(get(&Vault::new(folder.path(), None), "a"), Err(missing));
    // Every byte counts, whether it is sealed or says how.
    let whole = fs::read_to_string(&path).unwrap();
    for place in (0..whole.len() - 1).step_by(3) {
        let mut bytes = whole.clone().into_bytes();
        bytes[place] = if bytes[place] == b'A' { b'B' } else { b'A' };
        fs::write(&path, bytes).unwrap();
        assert!(get(&vault(one), "a").is_err(), "{place}");
    }
    for text in ["", "{}", "[]", "hello", "{\"format\": \"flowright-secrets-2\"}"] {
        fs::write(&path, text).unwrap();
        let format = format!("`{}` is no file of secrets of this version", at(&path));
        assert_eq!(get(&vault(one), "a"), Err(format), "{text}");
    }
}

#[test]
fn keys_are_rotated() {
    let folder = tempfile::tempdir().unwrap();
    let vault = Vault::new(folder.path(), None);
    set(&vault, "a", "1");
    let keys = folder.path().join("secret.key");
    let store = folder.path().join("secrets");
    let (old_key, old_store) = (fs::read_to_string(&keys).unwrap(), fs::read(&store).unwrap());
    vault.rotate().unwrap();
    let new_key = fs::read_to_string(&keys).unwrap();
    assert_ne!(new_key, old_key);
    assert_eq!(new_key.lines().count(), 1);
    assert_eq!(get(&vault, "a"), Ok(Some("1".to_owned())));
    let old = Vault::new(folder.path(), Some(secret(old_key.trim())));
    assert!(get(&old, "a").is_err());
    // Somebody died after the keys were written, and before or after the store was.
    let new_store = fs::read(&store).unwrap();
    fs::write(&keys, format!("{new_key}{old_key}")).unwrap();
    for bytes in [old_store, new_store] {
        fs::write(&store, bytes).unwrap();
        assert_eq!(get(&vault, "a"), Ok(Some("1".to_owned())));
    }
    // Keys of the environment are put in order by whoever gives them.
    let (one, two) = ("11".repeat(32), "22".repeat(32));
    fs::remove_file(&store).unwrap();
    set(&Vault::new(folder.path(), Some(secret(&one))), "a", "2");
    Vault::new(folder.path(), Some(secret(&format!("{two} {one}")))).rotate().unwrap();
    let of = |key: &str| get(&Vault::new(folder.path(), Some(secret(key))), "a");
    assert_eq!(of(&two), Ok(Some("2".to_owned())));
    assert!(of(&one).is_err());
}

#[test]
fn files_that_others_can_read_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let vault = Vault::new(folder.path(), None);
    set(&vault, "a", "1");
    for name in ["secrets", "secret.key"] {
        let path = folder.path().join(name);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        let open =
            format!("`{}` can be read by others; take that away with `chmod 600`", at(&path));
        assert_eq!(get(&vault, "a"), Err(open), "{name}");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    }
    // A file that somebody left behind while dying is no obstacle.
    fs::write(folder.path().join("secrets.new"), "half").unwrap();
    set(&vault, "b", "2");
    assert_eq!(vault.names().unwrap(), ["a", "b"]);
}

#[test]
fn writers_do_not_lose_what_others_write() {
    let folder = tempfile::tempdir().unwrap();
    let writers: Vec<_> = (0..8)
        .map(|writer| {
            let vault = Vault::new(folder.path(), None);
            thread::spawn(move || {
                for number in 0..10 {
                    set(&vault, &format!("{writer}.{number}"), "x");
                }
            })
        })
        .collect();
    for writer in writers {
        writer.join().unwrap();
    }
    assert_eq!(Vault::new(folder.path(), None).names().unwrap().len(), 80);
}
