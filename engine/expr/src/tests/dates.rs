//! Dates, times and zones, through expressions.

use base::Timestamp;

use crate::{Context, Template};

/// A run on 25 September 2025, a Thursday.
struct Autumn;

impl Context for Autumn {
    fn now(&self) -> Timestamp {
        Timestamp::parse("2025-09-25T05:18:31.3384797Z").unwrap()
    }
}

/// What an expression gives: its text or number, or `!` and the message.
pub(super) fn value_of(expression: &str) -> String {
    let (template, errors) = Template::parse_expression(expression);
    assert!(errors.is_empty(), "`{expression}`: {errors:?}");
    match template.eval(&Autumn) {
        Ok(value) => value.as_str().map_or_else(|| value.to_string(), str::to_owned),
        Err(error) => format!("!{}", error.message),
    }
}

/// Each line is an expression, ` => `, and what it gives; after `!`, a part of the message.
pub(super) fn check(lines: &str) {
    let mut wrong = vec![];
    for line in lines.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let (expression, expected) = line.split_once(" =>").unwrap();
        let (expected, value) = (expected.trim_start_matches(' '), value_of(expression));
        let holds = match expected.strip_prefix('!') {
            Some(part) => value.starts_with('!') && value.contains(part),
            None => value == expected,
        };
        if !holds {
            wrong.push(format!("{expression}\n  gives    {value}\n  expected {expected}"));
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn kinds_are_kept() {
    check(
        "
        formatDateTime('2026-01-15T10:30:00Z') => 2026-01-15T10:30:00.0000000Z
        formatDateTime('2026-01-15T10:30:00') => 2026-01-15T10:30:00.0000000
        formatDateTime('2026-01-15T12:30:00+02:00') => 2026-01-15T10:30:00.0000000+00:00
        formatDateTime('2026-01-15T12:30:00+00:00') => 2026-01-15T12:30:00.0000000+00:00
        formatDateTime('2026-01-15T23:30:00-0130') => 2026-01-16T01:00:00.0000000+00:00
        formatDateTime('2026-01-15T23:30-01', 'zzz K zz z') => +00:00 +00:00 +00 +0
        formatDateTime('Thu, 15 Jan 2026 10:30:00 GMT') => 2026-01-15T10:30:00.0000000Z
        formatDateTime('2026-01-15T12:30:00+15:00') => !was not valid
        addDays('2026-01-15T12:30:00+02:00', 1) => 2026-01-16T10:30:00.0000000+00:00
        startOfDay('2026-01-15T12:30:00') => 2026-01-15T00:00:00.0000000
        ",
    );
}

#[test]
fn dates_are_read_in_every_usual_form() {
    check(
        "
        formatDateTime('2026-01-15', 's') => 2026-01-15T00:00:00
        formatDateTime(' 2026-1-5 ', 's') => 2026-01-05T00:00:00
        formatDateTime('2026/01/15 9:05', 's') => 2026-01-15T09:05:00
        formatDateTime('2026-01', 's') => 2026-01-01T00:00:00
        formatDateTime('01/15/2026', 's') => 2026-01-15T00:00:00
        formatDateTime('1-15-2026 3:05:09 PM', 's') => 2026-01-15T15:05:09
        formatDateTime('1/15/26 12:00 am', 's') => 2026-01-15T00:00:00
        formatDateTime('1/15/49', 'yyyy') => 2049
        formatDateTime('1/15/50', 'yyyy') => 1950
        formatDateTime('01/15/2026 3PM', 's') => 2026-01-15T15:00:00
        formatDateTime('15 January 2026', 's') => 2026-01-15T00:00:00
        formatDateTime('January 15, 2026 10:30', 's') => 2026-01-15T10:30:00
        formatDateTime('Thursday, jan 15, 2026', 's') => 2026-01-15T00:00:00
        formatDateTime('15-Jan-2026', 's') => 2026-01-15T00:00:00
        formatDateTime('Jan 2026', 's') => 2026-01-01T00:00:00
        formatDateTime('Jan 15', 's') => 2025-01-15T00:00:00
        formatDateTime('13:45', 's') => 2025-09-25T13:45:00
        formatDateTime('2 pm', 'HH:mm') => 14:00
        formatDateTime('10:30 2026-01-15', 's') => 2026-01-15T10:30:00
        formatDateTime('1970-01-01Z00:00:00') => 1970-01-01T00:00:00.0000000Z
        formatDateTime('2026-01-15T10:30:00.12345678Z') => 2026-01-15T10:30:00.1234568Z
        formatDateTime('2026-01-15T10:30:59.99999999Z') => 2026-01-15T10:31:00.0000000Z
        ",
    );
}

#[test]
fn texts_that_are_no_dates_fail() {
    check(
        r"
        formatDateTime('garbage') => !In function 'formatDateTime', the value provided for date time string 'garbage' was not valid.
        formatDateTime('') => !date time string '' was not valid
        formatDateTime('20260115') => !was not valid
        formatDateTime('2026-02-29') => !was not valid
        formatDateTime('2026-13-01') => !was not valid
        formatDateTime('15/01/2026') => !was not valid
        formatDateTime('2026-01-15T25:00:00') => !was not valid
        formatDateTime('2026-01-15T13:00:00 PM') => !was not valid
        formatDateTime('2026-01-15T10:60') => !was not valid
        formatDateTime('2026-01-15T10:30:00.') => !was not valid
        formatDateTime('Friday, January 15, 2026') => !was not valid
        formatDateTime('15 Jan 15 Jan 2026') => !was not valid
        formatDateTime('1 2 3 4') => !was not valid
        formatDateTime('43831') => !was not valid
        formatDateTime('99999999999999999999') => !was not valid
        formatDateTime('10:30:00:00') => !was not valid
        formatDateTime('0000-01-01') => !was not valid
        formatDateTime('am') => !was not valid
        formatDateTime(null) => !expects its first parameter to be of type string. The provided value is of type 'Null'
        formatDateTime(5) => !The provided value is of type 'Integer'
        formatDateTime('2026-01-15', 'q') => !date time format 'q' was not valid
        formatDateTime('2026-01-15', 'd', 'xx-YY') => !locale 'xx-YY' was not valid
        formatDateTime('2026-01-15', 'yyyy ''open') => !was not valid
        formatDateTime('2026-01-15', 'ffffffff') => !was not valid
        formatDateTime('2026-01-15', '%') => !was not valid
        formatDateTime('2026-01-15', '%%') => !was not valid
        formatDateTime('2026-01-15', 'yyyy\') => !was not valid
        ",
    );
}

#[test]
fn formats() {
    check(
        r#"
        formatDateTime('2026-01-05T13:04:09.0500000Z', 'd dd ddd dddd') => 5 05 Mon Monday
        formatDateTime('2026-01-05T13:04:09.0500000Z', 'M MM MMM MMMM') => 1 01 Jan January
        formatDateTime('2026-01-05T13:04:09.0500000Z', 'y yy yyy yyyy yyyyy') => 26 26 2026 2026 02026
        formatDateTime('2026-01-05T13:04:09.0500000Z', 'h hh H HH m mm s ss t tt') => 1 01 13 13 4 04 9 09 P PM
        formatDateTime('2026-01-05T13:04:09.0500000Z', 'hhhh HHHH') => 01 13
        formatDateTime('2026-01-05T13:04:09.0500000Z', 'f ff fff fffffff') => 0 05 050 0500000
        formatDateTime('2026-01-05T13:04:09.0500000Z', 's.F s.FF s.FFFFFFF') => 9 9.05 9.05
        formatDateTime('2026-01-05T13:04:09Z', 's.FFF') => 9
        formatDateTime('2026-01-05T13:04:09Z', 'gg') => A.D.
        formatDateTime('2026-01-05T13:04:09Z', 'U') => Monday, January 5, 2026 1:04:09 PM
        formatDateTime('2026-01-05T13:04:09Z', '') => 1/5/2026 1:04:09 PM
        formatDateTime('2026-01-05T13:04:09Z', 'r', 'de-DE') => Mon, 05 Jan 2026 13:04:09 GMT
        formatDateTime('2026-01-05T13:04:09Z', '"a\"b" \d ''c''') => a"b d c
        formatDateTime('2026-01-05T13:04:09Z', 'dd/MM/yyyy', 'nl-NL') => 05-01-2026
        formatDateTime('2026-01-05T13:04:09Z', 'D', 'pl') => poniedziałek, 5 stycznia 2026
        formatDateTime('2026-01-05T13:04:09Z', 'Y', 'pl-pl') => styczeń 2026
        formatDateTime('2026-01-05T13:04:09Z', 'D', 'pt-BR') => segunda-feira, 5 de janeiro de 2026
        formatDateTime('2026-01-05T13:04:09Z', 't', 'da-DK') => 13.04
        formatDateTime('2026-01-05T13:04:09Z', 'D', 'zh-CN') => 2026年1月5日星期一
        formatDateTime('2026-01-05T13:04:09Z', 'f', 'ko-KR') => 2026년 1월 5일 월요일 오후 1:04
        utcNow() => 2025-09-25T05:18:31.3384797Z
        utcNow('ddd, d MMM yyyy') => Thu, 25 Sep 2025
        "#,
    );
}

#[test]
fn locales_are_read() {
    check(
        r"
        parseDateTime('15.01.2026', 'de-DE') => 2026-01-15T00:00:00.0000000
        parseDateTime('15. Januar 2026 14:30', 'de-DE') => 2026-01-15T14:30:00.0000000
        parseDateTime('Donnerstag, 15. Januar 2026', 'de') => 2026-01-15T00:00:00.0000000
        parseDateTime('20/10/2014', 'en-GB') => 2014-10-20T00:00:00.0000000
        parseDateTime('10/20/2014') => 2014-10-20T00:00:00.0000000
        parseDateTime('20/10/2014') => !was not valid
        parseDateTime('20 octobre 2010', 'fr-FR') => 2010-10-20T00:00:00.0000000
        parseDateTime('mardi 20 oct. 2020', 'fr-FR') => 2020-10-20T00:00:00.0000000
        parseDateTime('martes 20 octubre 2020', 'es-es') => 2020-10-20T00:00:00.0000000
        parseDateTime('20 de octubre de 2020', 'es-ES') => 2020-10-20T00:00:00.0000000
        parseDateTime('terça-feira, 20 de outubro de 2020', 'pt-BR') => 2020-10-20T00:00:00.0000000
        parseDateTime('2026年1月15日', 'ja-JP') => 2026-01-15T00:00:00.0000000
        parseDateTime('2026-01-05 오후 1:04', 'ko-KR') => 2026-01-05T13:04:00.0000000
        parseDateTime('2026-01-05 1:04 p.m.', 'en-CA') => 2026-01-05T13:04:00.0000000
        parseDateTime('05.01.2026 13.04', 'da-DK') => 2026-01-05T13:04:00.0000000
        parseDateTime('5. tammikuuta 2026 13.04.30', 'fi-FI') => 2026-01-05T13:04:30.0000000
        parseDateTime('14/02/11', 'ja-JP') => 2014-02-11T00:00:00.0000000
        parseDateTime('2026-01-15T10:00:00Z', 'de-DE') => 2026-01-15T10:00:00.0000000Z
        parseDateTime('garbage') => !In function 'parseDateTime', the value provided for date time string 'garbage' was not valid.
        parseDateTime('21052019', 'fr-fr', 'ddMMyyyy') => 2019-05-21T00:00:00.0000000
        parseDateTime('10/20/2014 15h', 'en-US', 'MM/dd/yyyy HH\h') => 2014-10-20T15:00:00.0000000
        parseDateTime('5.1.2026', 'de-DE', 'd/M/yyyy') => 2026-01-05T00:00:00.0000000
        parseDateTime('Mo 5 januar 26', 'de-DE', 'ddd d MMMM yy') => 2026-01-05T00:00:00.0000000
        parseDateTime('5 stycznia 2026', 'pl-PL', 'd MMMM yyyy') => 2026-01-05T00:00:00.0000000
        parseDateTime('12:05 AM 2026', null, 'hh:mm tt yyyy') => 2026-01-01T00:05:00.0000000
        parseDateTime('12:05', null, 'h:mm') => 2025-09-25T00:05:00.0000000
        parseDateTime('2026-01-05T10:00:00.5+02:00', null, 'yyyy-MM-ddTHH:mm:ss.FFFK') => 2026-01-05T08:00:00.5000000+00:00
        parseDateTime('2026-01-05T10:00:00Z', null, 'yyyy-MM-ddTHH:mm:ssK') => 2026-01-05T10:00:00.0000000Z
        parseDateTime('2026-01-05T10:00:00.0000000', null, 'o') => 2026-01-05T10:00:00.0000000
        parseDateTime('2026-1-05', null, 'yyyy-MM-dd') => !was not valid
        parseDateTime('2026-01-05x', null, 'yyyy-MM-dd') => !was not valid
        parseDateTime('Tue 2026-01-05', null, 'ddd yyyy-MM-dd') => !was not valid
        parseDateTime('13:00', null, 'hh:mm') => !was not valid
        ",
    );
}

#[test]
fn arithmetic() {
    check(
        "
        addToTime('2026-01-31T00:00:00Z', 1, 'Month') => 2026-02-28T00:00:00.0000000Z
        addToTime('2024-02-29', 1, 'years', 'd') => 2/28/2025
        subtractFromTime('2026-01-15T10:30:00Z', 2, 'HOURS') => 2026-01-15T08:30:00.0000000Z
        addToTime('2026-01-31', 1, 'fortnight') => !time unit 'fortnight' was not valid
        addDays('2026-01-31', '1') => !expects its second parameter to be an integer
        addDays('9999-12-31', 1) => !outside of the years 1 to 9999
        addSeconds('0001-01-01', -1) => !outside of the years 1 to 9999
        addDays('2026-01-01', 9223372036854775807) => !outside of the years 1 to 9999
        addToTime('2026-01-01', 9223372036854775807, 'Year') => !outside of the years 1 to 9999
        subtractFromTime('2026-01-01', -9223372036854775808, 'Month') => !outside of the years 1 to 9999
        getPastTime(1, 'Year', 'MM-dd-yy') => 09-25-24
        getFutureTime(1, 'Week', 'MM-dd-yy') => 10-02-25
        dateDifference('2026-01-15T10:00:00Z', '2026-01-17T11:00:00Z') => 2.01:00:00
        dateDifference('2024-01-01T00:00:00.5Z', '2024-01-01') => -00:00:00.5000000
        ticks('2024-02-29T12:34:56.7890123Z') => 638448068967890123
        ticks('9999-12-31T23:59:59.9999999') => 3155378975999999999
        dayOfWeek('2026-11-22') => 0
        startOfMonth('2018-03-15T13:30:30Z', 'yyyy-MM-dd') => 2018-03-01
        ",
    );
}

#[test]
fn zones() {
    check(
        "
        convertFromUtc('2026-01-15T10:30:00Z', 'UTC') => 2026-01-15T10:30:00.0000000
        convertFromUtc('2026-01-15T10:30:00', 'etc/utc') => 2026-01-15T10:30:00.0000000
        convertTimeZone('2026-01-15T10:30:00Z', 'UTC', 'UTC') => 2026-01-15T10:30:00.0000000Z
        convertFromUtc('2026-01-15T10:30:00+02:00', 'W. Europe Standard Time') => 2026-01-15T09:30:00.0000000
        convertFromUtc('2026-07-15T10:30:00Z', 'w. europe standard time', 'HH:mm') => 12:30
        convertFromUtc('2026-07-15T10:30:00Z', 'India Standard Time', 'HH:mm') => 16:00
        convertFromUtc('2026-07-15T10:30:00Z', 'America/New_York', 'HH:mm') => 06:30
        convertFromUtc('2026-07-15T10:30:00Z', 'Mars') => !the value provided for the time zone id 'Mars' was not valid
        convertFromUtc('9999-12-31T23:00:00', 'Tokyo Standard Time') => !outside of the years 1 to 9999
        convertFromUtc('0001-01-01T00:00:00', 'Pacific Standard Time') => !outside of the years 1 to 9999
        convertToUtc('2026-07-15T10:30:00', 'Pacific Standard Time') => 2026-07-15T17:30:00.0000000Z
        convertToUtc('2026-07-15T10:30:00Z', 'UTC') => 2026-07-15T10:30:00.0000000Z
        convertToUtc('2026-07-15T10:30:00Z', 'Pacific Standard Time') => !a zone of its own
        convertToUtc('2026-03-29T02:30:00', 'W. Europe Standard Time') => !never show
        convertToUtc('2026-10-25T02:30:00', 'W. Europe Standard Time') => 2026-10-25T01:30:00.0000000Z
        convertTimeZone('2026-07-15T10:30:00Z', 'UTC', 'Tokyo Standard Time', 'HH:mm') => 19:30
        convertTimeZone('2026-07-15T10:30:00', 'Tokyo Standard Time', 'Romance Standard Time', 'HH:mm') => 03:30
        convertTimeZone('2026-07-15T10:30:00', 'Tokyo Standard Time', 'UTC') => 2026-07-15T01:30:00.0000000Z
        ",
    );
}

#[test]
fn time_spans() {
    check(
        r"
        formatTimeSpan('2.01:02:03.004') => 2.01:02:03.0040000
        formatTimeSpan('-1:30') => -01:30:00
        formatTimeSpan('3') => 3.00:00:00
        formatTimeSpan('PT90M') => 01:30:00
        formatTimeSpan('1.02:03:04', 'g') => 1:2:03:04
        formatTimeSpan('02:03:04.5', 'g') => 2:03:04.5
        formatTimeSpan('-02:03:04', 'G') => -0:02:03:04.0000000
        formatTimeSpan('1.02:03:04.05', 'd\.hh\:mm\:ss\.ff') => 1.02:03:04.05
        formatTimeSpan('1.02:03:04', '%h'' hours''') => 2 hours
        formatTimeSpan('1.02:03:04', 'ddd') => 001
        formatTimeSpan('1.02:03:04', 'hh:mm') => !time span format 'hh:mm' was not valid
        formatTimeSpan('1.02:03:04', 'hhh') => !was not valid
        formatTimeSpan('24:00:00') => !time span '24:00:00' was not valid
        formatTimeSpan('1:60') => !was not valid
        formatTimeSpan('a:10') => !was not valid
        formatTimeSpan('99999999999999999999') => !was not valid
        formatTimeSpan('99999999999.00:00') => !was not valid
        formatTimeSpan('1:00:00.') => !was not valid
        ",
    );
}

const LOCALES: &str = "
    cs-CZ da-DK de-AT de-CH de-DE en-AU en-CA en-GB en-IE en-IN
    en-NZ en-US es-ES es-MX fi-FI fr-BE fr-CA fr-CH fr-FR is-IS
    it-IT ja-JP ko-KR nb-NO nl-BE nl-NL pl-PL pt-BR pt-PT sv-SE
    zh-CN
";

#[test]
fn every_locale_reads_what_it_writes() {
    let formats = ["d", "D", "f", "F", "g", "G", "dd MMM yyyy", "dddd d MMMM yyyy HH:mm:ss"];
    let mut wrong = vec![];
    for culture in LOCALES.split_whitespace() {
        for month in 1..=12 {
            for format in formats {
                let date = format!("2026-{month:02}-05T13:04:00");
                let written =
                    value_of(&format!("formatDateTime('{date}', '{format}', '{culture}')"));
                let argument = written.replace('\'', "''");
                let free = format!("parseDateTime('{argument}', '{culture}')");
                let exact = format!("parseDateTime('{argument}', '{culture}', '{format}')");
                for read in [value_of(&free), value_of(&exact)] {
                    if !read.starts_with(date.get(..10).unwrap()) {
                        wrong.push(format!("{culture} {format}: {written} gives {read}"));
                    }
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

/// Whatever is put together: an answer or a failure, and what was read is read again.
#[test]
fn nothing_panics() {
    let dates =
        "2026 - 1 / 15 T 10 : 30 . 9999999999 Z +14:00 -0 PM jan thu GMT é 日 32768".split(' ');
    let dates: Vec<_> = dates.chain([" ", ""]).collect();
    let formats = "d dddd M MMMM yy yyyyy h H mm s fff FFFF tt g K zzz ' \" \\ % / : é".split(' ');
    let formats: Vec<_> = formats.collect();
    let today = "2025-09-25";
    for (a, b) in dates.iter().flat_map(|a| dates.iter().map(move |b| (a, b))) {
        for c in &dates {
            let read = value_of(&format!("formatDateTime('{a}{b}{c}')"));
            assert!(read.starts_with('!') || value_of(&format!("ticks('{read}')")) != "0");
        }
    }
    for (a, b) in formats.iter().flat_map(|a| formats.iter().map(move |b| (a, b))) {
        for c in &formats {
            let format = format!("{a}{b}{c}").replace('\'', "''");
            let written = value_of(&format!("formatDateTime('{today}', '{format}')"));
            let text = written.replace('\'', "''");
            let read = value_of(&format!("parseDateTime('{text}', null, '{format}')"));
            assert!(written.starts_with('!') || !read.is_empty());
        }
    }
    let long = "y".repeat(101);
    assert!(value_of(&format!("formatDateTime('{today}', '{long}')")).starts_with('!'));
}

/// Runs the outside cases when a folder of them is named, and prints what does not agree.
#[test]
#[allow(clippy::disallowed_methods, reason = "a test may ask where the cases are")]
#[allow(clippy::print_stdout, reason = "the rates are what this test is asked for")]
fn corpus() {
    let Ok(folder) = std::env::var("FLOWRIGHT_CORPUS") else { return };
    for (file, percent) in [("wdl-dotnet-format-cases", 97), ("wdl-timezone-cases", 99)] {
        let cases = std::fs::read_to_string(format!("{folder}/{file}.jsonl")).unwrap();
        let (mut agree, mut total) = (0, 0);
        for line in cases.lines() {
            let case: serde_json::Value = serde_json::from_str(line).unwrap();
            let expression = case["expression"].as_str().unwrap();
            let expected = &case["expected"];
            let expected = expected.as_str().map_or_else(|| expected.to_string(), str::to_owned);
            let value = value_of(expression);
            total += 1;
            if value == expected {
                agree += 1;
            } else {
                println!("{expression}\n  gives    {value}\n  expected {expected}");
            }
        }
        println!("{file}: {agree} of {total}");
        assert!(total * percent <= agree * 100, "{file}: {agree} of {total}");
    }
}
