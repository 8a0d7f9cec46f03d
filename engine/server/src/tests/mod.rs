//! Parts of the server by themselves: comparing texts, counting requests, what the pages ask.

mod mappings;
mod ui;

use std::{
    net::IpAddr,
    time::{Duration, Instant},
};

use base::quota::Rate;

use crate::{access::Limiter, diff::unified};

fn check(old: &str, new: &str, expected: &str) {
    let lines = |text: &str| text.replace('|', "\n");
    assert_eq!(unified(&lines(old), &lines(new)), lines(expected), "{old} {new}");
}

#[test]
fn texts_are_compared_line_by_line() {
    check("", "", "");
    check("a|b", "a|b", "");
    check("", "a", "@@ -0,0 +1,1 @@|+a|");
    check("a", "", "@@ -1,1 +0,0 @@|-a|");
    check("a|b|c", "a|x|c", "@@ -1,3 +1,3 @@| a|-b|+x| c|");
    check("a|b|c|d", "b|c|e|d", "@@ -1,4 +1,4 @@|-a| b| c|+e| d|");
    check(
        "1|2|3|4|5|6|7|8|9|10|11|12",
        "1|2|3|4|x|6|7|8|9|10|11|12",
        "@@ -2,7 +2,7 @@| 2| 3| 4|-5|+x| 6| 7| 8|",
    );
    // Far apart they are shown apart, near each other together.
    check(
        "a|1|2|3|4|5|6|7|b",
        "x|1|2|3|4|5|6|7|y",
        "@@ -1,4 +1,4 @@|-a|+x| 1| 2| 3|@@ -6,4 +6,4 @@| 5| 6| 7|-b|+y|",
    );
    check("a|1|2|3|4|5|6|b", "x|1|2|3|4|5|6|y", "@@ -1,8 +1,8 @@|-a|+x| 1| 2| 3| 4| 5| 6|-b|+y|");
}

#[test]
fn differences_of_long_texts_take_no_time() {
    let long = |n: usize| {
        let lines: Vec<String> = (0..n).map(|it| (it * n).to_string()).collect();
        lines.join("\n") + "\n"
    };
    let text = unified(&long(20_000), &long(19_999));
    assert!(text.starts_with("@@ -1,20000 +1,19999 @@\n"), "{}", text.len());
}

#[test]
fn each_address_has_its_own_requests() {
    let limiter = Limiter::new(Rate { calls: 3, per: base::Duration::seconds(6) });
    let begun = Instant::now();
    let take = |source: &str, millis: u64| {
        let source: IpAddr = source.parse().unwrap();
        limiter.take_at(source, begun + Duration::from_millis(millis))
    };
    for (source, millis, expected) in [
        ("192.0.2.1", 0, Ok(())),
        ("192.0.2.1", 0, Ok(())),
        ("::ffff:192.0.2.1", 0, Ok(())),
        ("192.0.2.1", 0, Err(2)),
        ("192.0.2.1", 1_500, Err(1)),
        ("192.0.2.2", 1_500, Ok(())),
        ("192.0.2.1", 2_000, Ok(())),
        ("192.0.2.1", 2_000, Err(2)),
        // A whole network of IPv6 is one.
        ("2001:db8:0:1::1", 0, Ok(())),
        ("2001:db8:0:1::2", 0, Ok(())),
        ("2001:db8:0:1:ffff::3", 0, Ok(())),
        ("2001:db8:0:1::4", 0, Err(2)),
        ("2001:db8:0:2::1", 0, Ok(())),
    ] {
        assert_eq!(take(source, millis), expected, "{source} {millis}");
    }
}

#[test]
fn no_more_addresses_are_remembered_than_may_be() {
    let limiter = Limiter::new(Rate { calls: 2, per: base::Duration::seconds(60) });
    let begun = Instant::now();
    for n in 0..10_000_u32 {
        assert_eq!(limiter.take_at(IpAddr::from(n.to_be_bytes()), begun), Ok(()));
    }
    let next = IpAddr::from([192, 0, 2, 1]);
    assert_eq!(limiter.take_at(next, begun), Err(30));
    // Those that were quiet for long make room.
    assert_eq!(limiter.take_at(next, begun + Duration::from_secs(61)), Ok(()));
}
