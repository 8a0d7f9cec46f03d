//! When schedules fire: grids, calendars, cron, and clocks that are changed.

use base::{Duration, Timestamp};

use super::{around_trigger, flow};
use crate::{Schedule, TriggerKind, triggers::recurrence::Recurrence};

fn recurrence(text: &str) -> Recurrence {
    let mut flow = flow(&around_trigger(&format!("recurrence: {{ {text} }}")));
    match flow.triggers.remove(0).kind {
        TriggerKind::Recurrence(recurrence) => recurrence,
        other => panic!("{other:?}"),
    }
}

fn at(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap_or_else(|| panic!("{text}"))
}

fn brief(at: Timestamp) -> String {
    at.to_string().replace(".0000000Z", "Z").replace(":00Z", "Z")
}

/// The firings of a recurrence that is deployed at an instant, with the date left out where it is
/// that of the firing before.
#[track_caller]
fn check(text: &str, deployed: &str, expected: &str) {
    let schedule = Schedule::new(&recurrence(text)).unwrap();
    let deployed = at(deployed);
    let mut shown = Vec::new();
    let mut date = String::new();
    let mut next = schedule.first(deployed);
    for _ in expected.split_whitespace() {
        let Some(firing) = next else {
            shown.push("never".to_owned());
            break;
        };
        let text = brief(firing);
        let (day, time) = text.split_once('T').unwrap();
        shown.push(if day == date { time.to_owned() } else { text.clone() });
        day.clone_into(&mut date);
        next = schedule.next(deployed, firing);
        assert!(next.is_none_or(|next| firing < next), "{text}");
    }
    assert_eq!(
        shown.join(" "),
        expected.split_whitespace().collect::<Vec<_>>().join(" "),
        "{text}"
    );
}

#[test]
fn without_a_start_it_fires_at_once_and_then_by_the_interval() {
    let deployed = "2026-01-30T10:20:30Z";
    check("frequency: Second, interval: 7", deployed, "2026-01-30T10:20:30Z 10:20:37Z 10:20:44Z");
    check("frequency: Minute, interval: 15", deployed, "2026-01-30T10:20:30Z 10:35:30Z 10:50:30Z");
    check(
        "frequency: Hour, interval: 12",
        deployed,
        "2026-01-30T10:20:30Z 22:20:30Z 2026-01-31T10:20:30Z",
    );
    check(
        "frequency: Day, interval: 2",
        deployed,
        "2026-01-30T10:20:30Z 2026-02-01T10:20:30Z 2026-02-03T10:20:30Z",
    );
    check(
        "frequency: Week, interval: 1",
        deployed,
        "2026-01-30T10:20:30Z 2026-02-06T10:20:30Z 2026-02-13T10:20:30Z",
    );
    // The 30th, or the last day of a shorter month.
    check(
        "frequency: Month, interval: 1",
        deployed,
        "2026-01-30T10:20:30Z 2026-02-28T10:20:30Z 2026-03-30T10:20:30Z",
    );
    check("frequency: Year, interval: 1", deployed, "2026-01-30T10:20:30Z 2027-01-30T10:20:30Z");
}

#[test]
fn a_start_is_the_grid() {
    let now = "2026-01-30T10:20:30Z";
    let start = |text: &str| format!("startTime: '{text}', {}", "frequency: Hour, interval: 5");
    check(&start("2026-02-01T00:00:00Z"), now, "2026-02-01T00:00Z 05:00Z 10:00Z");
    check(&start("2026-01-30T00:30:00Z"), now, "2026-01-30T10:30Z 15:30Z 20:30Z");
    // An instant of the grid that is now counts.
    check(&start("2026-01-30T00:20:30Z"), now, "2026-01-30T10:20:30Z 15:20:30Z");
    check(&start("2020-02-29T00:00:00Z"), now, "2026-01-30T12:00Z 17:00Z 22:00Z");
    // Without an offset a start is what clocks of the zone show.
    let zoned = "startTime: '2026-03-01T09:00:00', timeZone: Romance Standard Time, frequency: Day";
    check(
        &format!("{zoned}, interval: 14"),
        now,
        "2026-03-01T08:00Z 2026-03-15T08:00Z 2026-03-29T07:00Z",
    );
    let other = "startTime: '2026-03-01T09:00:00+05:30', frequency: Day, interval: 1";
    check(other, now, "2026-03-01T03:30Z 2026-03-02T03:30Z");
}

#[test]
fn refinements_say_when_on_which_days() {
    let now = "2026-09-04T10:20:30Z"; // a Friday
    let at = "startTime: '2026-09-18T08:00:00', timeZone: Pacific Standard Time";
    // The example of the cloud's documentation.
    check(
        &format!(
            "{at}, frequency: Week, interval: 1, schedule: {{ hours: [10, 12, 14], minutes: [30], weekDays: [Monday] }}"
        ),
        now,
        "2026-09-21T17:30Z 19:30Z 21:30Z 2026-09-28T17:30Z",
    );
    check(
        &format!(
            "{at}, frequency: Day, interval: 3, schedule: {{ hours: [8], minutes: [15, 45] }}"
        ),
        now,
        "2026-09-18T15:15Z 15:45Z 2026-09-21T15:15Z 15:45Z",
    );
    // Hours without minutes take the minute of the start; days without hours take its time.
    check(
        "startTime: '2026-09-07T06:40:00Z', frequency: Day, interval: 1, schedule: { hours: [7, 6] }",
        now,
        "2026-09-07T06:40Z 07:40Z 2026-09-08T06:40Z",
    );
    check(
        "startTime: '2026-09-07T06:40:00Z', frequency: Week, interval: 2, schedule: { weekDays: [Sunday, Tuesday] }",
        now,
        "2026-09-08T06:40Z 2026-09-13T06:40Z 2026-09-22T06:40Z 2026-09-27T06:40Z",
    );
    check(
        "startTime: '2026-09-01T06:00:00Z', frequency: Month, interval: 1, schedule: { monthDays: [-1, 15] }",
        now,
        "2026-09-15T06:00Z 2026-09-30T06:00Z 2026-10-15T06:00Z 2026-10-31T06:00Z",
    );
    // A day that a month does not have is left out.
    check(
        "startTime: '2026-12-31T06:00:00Z', frequency: Month, interval: 1, schedule: { monthDays: [31] }",
        now,
        "2026-12-31T06:00Z 2027-01-31T06:00Z 2027-03-31T06:00Z",
    );
    check(
        "startTime: '2026-12-01T06:00:00Z', frequency: Month, interval: 1, schedule: { monthDays: [-30] }",
        now,
        "2026-12-02T06:00Z 2027-01-02T06:00Z 2027-03-02T06:00Z",
    );
    check(
        "startTime: '2024-02-29T06:00:00Z', frequency: Year, interval: 1, schedule: { monthDays: [29] }",
        now,
        "2028-02-29T06:00Z 2032-02-29T06:00Z",
    );
    check(
        "startTime: '2026-01-31T06:00:00Z', frequency: Month, interval: 3",
        now,
        "2026-10-31T06:00Z 2027-01-31T06:00Z 2027-04-30T06:00Z",
    );
    check(
        "startTime: '2026-02-01T06:00:00Z', frequency: Year, interval: 1, schedule: { monthDays: [30] }",
        now,
        "never",
    );
}

#[test]
fn refinements_of_short_intervals_take_firings_away() {
    let now = "2026-09-04T10:20:30Z";
    check(
        "startTime: '2026-09-04T00:00:00Z', frequency: Hour, interval: 4, schedule: { minutes: [50, 10] }",
        now,
        "2026-09-04T12:10Z 12:50Z 16:10Z 16:50Z",
    );
    check(
        "startTime: '2026-09-04T00:00:00Z', frequency: Minute, interval: 30, schedule: { hours: [9, 17], weekDays: [Monday] }",
        now,
        "2026-09-07T09:00Z 09:30Z 17:00Z 17:30Z 2026-09-14T09:00Z",
    );
    check(
        "startTime: '2026-09-04T00:00:00Z', frequency: Second, interval: 40, schedule: { minutes: [0], hours: [0], monthDays: [1] }",
        now,
        "2026-10-01T00:00Z 00:00:40Z 2026-11-01T00:00Z",
    );
}

#[test]
fn cron_has_its_own_words() {
    let now = "2026-09-04T10:20:30Z";
    let cron = |cron: &str, expected: &str| check(&format!("cron: '{cron}'"), now, expected);
    cron("*/20 * * * *", "2026-09-04T10:40Z 11:00Z 11:20Z");
    cron("*/20 30 10 * * *", "2026-09-04T10:30Z 10:30:20Z 10:30:40Z 2026-09-05T10:30Z");
    cron("0 8 * * 1-5", "2026-09-07T08:00Z 2026-09-08T08:00Z");
    cron("0 8 * * sat,SUN", "2026-09-05T08:00Z 2026-09-06T08:00Z 2026-09-12T08:00Z");
    cron("0 8 * * 7", "2026-09-06T08:00Z 2026-09-13T08:00Z");
    cron("5/25 9-17/4 * * ?", "2026-09-04T13:05Z 13:30Z 13:55Z 17:05Z");
    cron("0 0 L * *", "2026-09-30T00:00Z 2026-10-31T00:00Z 2026-11-30T00:00Z");
    cron("0 0 L feb *", "2027-02-28T00:00Z 2028-02-29T00:00Z");
    cron("0 0 29 2 *", "2028-02-29T00:00Z 2032-02-29T00:00Z");
    cron("0 9 * * mon#1", "2026-09-07T09:00Z 2026-10-05T09:00Z 2026-11-02T09:00Z");
    cron("0 9 * * 5#5", "2026-10-30T09:00Z 2027-01-29T09:00Z");
    cron("0 9 * * friL", "2026-09-25T09:00Z 2026-10-30T09:00Z");
    // Of a day of the month and a weekday either will do.
    cron("0 0 13 * fri", "2026-09-11T00:00Z 2026-09-13T00:00Z 2026-09-18T00:00Z");
    cron("0 0 31 2 *", "never");
    cron("59 23 31 12 *", "2026-12-31T23:59Z 2027-12-31T23:59Z");
}

#[test]
fn a_time_that_clocks_skip_is_fired_once_later() {
    let before = "2026-03-28T12:00:00Z"; // Berlin goes from 02:00 to 03:00 on the 29th, 01:00 UTC.
    let berlin = |text: &str, expected: &str| {
        check(&format!("{text}, timeZone: Europe/Berlin"), before, expected);
    };
    berlin("cron: '30 2 * * *'", "2026-03-29T01:30Z 2026-03-30T00:30Z 2026-03-31T00:30Z");
    berlin("cron: '30 1,2,3 * * *'", "2026-03-29T00:30Z 01:30Z 23:30Z");
    berlin("cron: '10,30 2 * * *'", "2026-03-29T01:10Z 01:30Z 2026-03-30T00:10Z");
    berlin("cron: '0 3 * * *'", "2026-03-29T01:00Z 2026-03-30T01:00Z");
    berlin("cron: '15 0 2-4 * * *'", "2026-03-29T01:00:15Z 02:00:15Z 2026-03-30T00:00:15Z");
    berlin("cron: '30 * 29,30 3 *'", "2026-03-28T23:30Z 2026-03-29T00:30Z 01:30Z 02:30Z");
    berlin(
        "startTime: '2026-03-28T02:30:00', frequency: Day, interval: 1",
        "2026-03-29T01:30Z 2026-03-30T00:30Z",
    );
    // Hours are hours, whatever clocks show.
    berlin(
        "startTime: '2026-03-29T00:30:00', frequency: Hour, interval: 1",
        "2026-03-28T23:30Z 2026-03-29T00:30Z 01:30Z 02:30Z",
    );
    check(
        "cron: '30 2 * * *', timeZone: Pacific Standard Time",
        "2027-03-13T12:00:00Z",
        "2027-03-14T10:30Z 2027-03-15T09:30Z",
    );
    // Half an hour, and at midnight.
    check(
        "cron: '15 2 * * *', timeZone: Australia/Lord_Howe",
        "2026-10-02T00:00:00Z",
        "2026-10-02T15:45Z 2026-10-03T15:45Z 2026-10-04T15:15Z",
    );
    check(
        "cron: '0 0 * * *', timeZone: Asia/Beirut",
        "2026-03-27T12:00:00Z",
        "2026-03-27T22:00Z 2026-03-28T22:00Z 2026-03-29T21:00Z",
    );
}

#[test]
fn a_time_that_clocks_show_twice_is_fired_once() {
    let before = "2026-10-24T12:00:00Z"; // Berlin goes from 03:00 to 02:00 on the 25th, 01:00 UTC.
    let berlin = |text: &str, expected: &str| {
        check(&format!("{text}, timeZone: W. Europe Standard Time"), before, expected);
    };
    berlin("cron: '30 2 * * *'", "2026-10-25T00:30Z 2026-10-26T01:30Z");
    berlin("cron: '*/30 2-3 * * *'", "2026-10-25T00:00Z 00:30Z 02:00Z 02:30Z 2026-10-26T01:00Z");
    berlin("cron: '0 3 * * *'", "2026-10-25T02:00Z 2026-10-26T02:00Z");
    berlin(
        "startTime: '2026-10-24T02:30:00', frequency: Day, interval: 1",
        "2026-10-25T00:30Z 2026-10-26T01:30Z",
    );
    // Every hour is every hour.
    berlin("cron: '0 * 25 10 *'", "2026-10-24T22:00Z 23:00Z 2026-10-25T00:00Z 01:00Z 02:00Z");
    berlin(
        "cron: '0,30 * 25 10 *'",
        "2026-10-24T22:00Z 22:30Z 23:00Z 23:30Z 2026-10-25T00:00Z 00:30Z 01:00Z 01:30Z 02:00Z",
    );
    check(
        "cron: '30 1 * * *', timeZone: Australia/Lord_Howe",
        "2026-04-03T00:00:00Z",
        "2026-04-03T14:30Z 2026-04-04T14:30Z 2026-04-05T15:00Z",
    );
}

#[test]
fn from_any_instant_the_next_is_the_same_as_from_the_one_before() {
    let schedules = [
        "cron: '*/7 * * * *', timeZone: Europe/Berlin",
        "cron: '10,40 1-3 * * *', timeZone: Europe/Berlin",
        "cron: '5 0 2 * * *', timeZone: Europe/Berlin",
        "frequency: Day, interval: 1, timeZone: Europe/Berlin, startTime: '2026-01-01T02:30:00', schedule: { hours: [1, 2, 3] }",
        "frequency: Minute, interval: 45, startTime: '2026-01-01T00:00:00Z', schedule: { hours: [1, 2, 3] }, timeZone: Europe/Berlin",
    ];
    for text in schedules {
        let schedule = Schedule::new(&recurrence(text)).unwrap();
        for change in ["2026-03-28T20:00:00Z", "2026-10-24T20:00:00Z"] {
            let mut now = at(change);
            let mut next = schedule.next(now, now).unwrap();
            for _ in 0..1_200 {
                now = now.after(Duration::seconds(60));
                if next <= now {
                    next = schedule.next(at(change), next).unwrap();
                }
                if now < next {
                    assert_eq!(schedule.next(at(change), now), Some(next), "{text} at {now}");
                }
            }
        }
    }
}

#[test]
fn windows_begin_at_the_start_even_if_it_is_long_ago() {
    let check = |text: &str, now: &str, expected: &str| {
        let schedule = Schedule::new(&recurrence(text)).unwrap();
        assert_eq!(schedule.first_window(at(now)).map(brief).unwrap(), expected);
    };
    let now = "2026-09-04T10:20:30Z";
    check("frequency: Hour, interval: 1, slidingWindow: true", now, "2026-09-04T10:20:30Z");
    let start = "startTime: '2026-01-01T00:00:00Z', frequency: Hour, interval: 1";
    check(start, now, "2026-01-01T00:00Z");
}

#[test]
fn what_is_no_schedule_is_told() {
    let cron = |cron: &str| {
        let (expression, time_zone) = (cron.to_owned(), None);
        Schedule::new(&Recurrence::Cron { expression, time_zone }).unwrap_err()
    };
    assert_eq!(cron("0 8"), "`cron` has five or six fields, not 2");
    assert_eq!(cron("1 2 3 4 5 6 7"), "`cron` has five or six fields, not 7");
    assert_eq!(cron("60 * * * *"), "`60` is none of the minutes of `cron`, which go from 0 to 59");
    assert_eq!(
        cron("* * 0 * *"),
        "`0` is none of the days of the month of `cron`, which go from 1 to 31"
    );
    assert_eq!(cron("* * * foo *"), "`foo` is none of the months of `cron`, which go from 1 to 12");
    assert_eq!(
        cron("* * * * fri-mon"),
        "`fri-mon` runs backwards in the days of the week of `cron`"
    );
    assert_eq!(cron("*/0 * * * *"), "`*/0` has no step to go by");
    assert_eq!(cron("* * * * mon#6"), "`mon#6` names no week of the month from 1 to 5");
    assert_eq!(cron("+1 * * * *"), "`+1` is none of the minutes of `cron`, which go from 0 to 59");
    let zone = Recurrence::Cron { expression: "* * * * *".into(), time_zone: Some("Mars".into()) };
    assert_eq!(Schedule::new(&zone).unwrap_err(), "there is no time zone `Mars`");
}
