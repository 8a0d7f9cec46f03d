//! Functions on dates and times.
//!
//! It is over 400 lines because its functions have many records and little code of their own.

use base::Timestamp;
use jiff::civil;

use super::{
    Answer, Arguments, Eval, Function, Origin, Param,
    culture::{Culture, asked, invalid},
    date_format::Pattern,
    date_parse::{self, Kind, Moment, TICKS_PER_SECOND},
    optional, required,
    time_span::TimeSpan,
    time_zone::Zone,
};
use crate::{context::Context, error::EvalError, types::Type};

const FAMILY: &str = "Date and time";
const TIMESTAMP: Param = required("timestamp", Type::Timestamp);
const INTERVAL: Param = required("interval", Type::Integer);
const TIME_UNIT: Param = required("timeUnit", Type::String);
const FORMAT: Param = optional("format", Type::String);
const LOCALE: Param = optional("locale", Type::String);

pub(super) const ADD_DAYS: Function = Function {
    name: "addDays",
    family: FAMILY,
    origin: Origin::Microsoft,
    summary: "A timestamp that many days later.",
    params: &[TIMESTAMP, required("days", Type::Integer), FORMAT],
    returns: Type::String,
    eval: Eval::Context(|ctx, args| add(ctx, args, Unit::Day)),
    examples: &[
        ("addDays('2018-03-15T00:00:00Z', 10)", "\"2018-03-25T00:00:00.0000000Z\""),
        ("addDays('2024-03-01', -1, 'd MMM')", "\"29 Feb\""),
    ],
};

pub(super) const ADD_HOURS: Function = Function {
    name: "addHours",
    family: FAMILY,
    origin: Origin::Microsoft,
    summary: "A timestamp that many hours later.",
    params: &[TIMESTAMP, required("hours", Type::Integer), FORMAT],
    returns: Type::String,
    eval: Eval::Context(|ctx, args| add(ctx, args, Unit::Hour)),
    examples: &[
        ("addHours('2018-03-15T15:00:00Z', 10)", "\"2018-03-16T01:00:00.0000000Z\""),
        ("addHours('2018-03-15T15:00:00Z', -5, 'HH:mm')", "\"10:00\""),
    ],
};

pub(super) const ADD_MINUTES: Function = Function {
    name: "addMinutes",
    family: FAMILY,
    origin: Origin::Microsoft,
    summary: "A timestamp that many minutes later.",
    params: &[TIMESTAMP, required("minutes", Type::Integer), FORMAT],
    returns: Type::String,
    eval: Eval::Context(|ctx, args| add(ctx, args, Unit::Minute)),
    examples: &[
        ("addMinutes('2018-03-15T00:10:00Z', 10)", "\"2018-03-15T00:20:00.0000000Z\""),
        ("addMinutes('2018-03-15T00:20:00Z', -30, 'g')", "\"3/14/2018 11:50 PM\""),
    ],
};

pub(super) const ADD_SECONDS: Function = Function {
    name: "addSeconds",
    family: FAMILY,
    origin: Origin::Microsoft,
    summary: "A timestamp that many seconds later.",
    params: &[TIMESTAMP, required("seconds", Type::Integer), FORMAT],
    returns: Type::String,
    eval: Eval::Context(|ctx, args| add(ctx, args, Unit::Second)),
    examples: &[
        ("addSeconds('2018-03-15T00:00:00Z', 10)", "\"2018-03-15T00:00:10.0000000Z\""),
        ("addSeconds('2018-03-15T00:00:30Z', -5, 'ss')", "\"25\""),
    ],
};

pub(super) const ADD_TO_TIME: Function = Function {
    name: "addToTime",
    family: FAMILY,
    origin: Origin::Microsoft,
    summary: "A timestamp later by a number of time units; month ends hold.",
    params: &[TIMESTAMP, INTERVAL, TIME_UNIT, FORMAT],
    returns: Type::String,
    eval: Eval::Context(|ctx, args| shift(ctx, args, 1)),
    examples: &[
        ("addToTime('2018-01-01T00:00:00Z', 1, 'Day')", "\"2018-01-02T00:00:00.0000000Z\""),
        ("addToTime('2026-01-31', 1, 'Month', 'yyyy-MM-dd')", "\"2026-02-28\""),
    ],
};

pub(super) const CONVERT_FROM_UTC: Function = Function {
    name: "convertFromUtc",
    family: FAMILY,
    origin: Origin::Microsoft,
    summary: "A time of UTC as clocks of a time zone show it.",
    params: &[TIMESTAMP, required("destinationTimeZone", Type::String), FORMAT],
    returns: Type::String,
    eval: Eval::Context(convert_from_utc),
    examples: &[
        (
            "convertFromUtc('2018-01-01T08:00:00Z', 'Pacific Standard Time')",
            "\"2018-01-01T00:00:00.0000000\"",
        ),
        ("convertFromUtc('2026-07-15T10:30:00Z', 'Europe/Berlin', 'HH:mm')", "\"12:30\""),
        ("convertFromUtc('2026-07-15T10:30:00Z', 'UTC')", "\"2026-07-15T10:30:00.0000000\""),
    ],
};

pub(super) const CONVERT_TIME_ZONE: Function = Function {
    name: "convertTimeZone",
    family: FAMILY,
    origin: Origin::Microsoft,
    summary: "A time of one zone as clocks of another show it.",
    params: &[
        TIMESTAMP,
        required("sourceTimeZone", Type::String),
        required("destinationTimeZone", Type::String),
        FORMAT,
    ],
    returns: Type::String,
    eval: Eval::Context(convert_time_zone),
    examples: &[
        (
            "convertTimeZone('2018-01-01T08:00:00Z', 'UTC', 'Pacific Standard Time')",
            "\"2018-01-01T00:00:00.0000000\"",
        ),
        (
            "convertTimeZone('2026-01-15T09:00', 'Tokyo Standard Time', 'UTC', 'u')",
            "\"2026-01-15 00:00:00Z\"",
        ),
    ],
};

pub(super) const CONVERT_TO_UTC: Function = Function {
    name: "convertToUtc",
    family: FAMILY,
    origin: Origin::Microsoft,
    summary: "A time of a time zone in UTC.",
    params: &[TIMESTAMP, required("sourceTimeZone", Type::String), FORMAT],
    returns: Type::String,
    eval: Eval::Context(convert_to_utc),
    examples: &[
        (
            "convertToUtc('01/01/2018 00:00:00', 'Pacific Standard Time')",
            "\"2018-01-01T08:00:00.0000000Z\"",
        ),
        ("convertToUtc('2018-07-01', 'Pacific Standard Time', 'HH:mm')", "\"07:00\""),
    ],
};

pub(super) const DATE_DIFFERENCE: Function = Function {
    name: "dateDifference",
    family: FAMILY,
    origin: Origin::Microsoft,
    summary: "The length of time from one timestamp to another.",
    params: &[required("startDate", Type::Timestamp), required("endDate", Type::Timestamp)],
    returns: Type::String,
    eval: Eval::Context(date_difference),
    examples: &[
        ("dateDifference('2015-02-08', '2018-07-30')", "\"1268.00:00:00\""),
        ("dateDifference('2026-01-15T11:00:00Z', '2026-01-15T10:30:00Z')", "\"-00:30:00\""),
    ],
};

pub(super) const DAY_OF_MONTH: Function = Function {
    name: "dayOfMonth",
    family: FAMILY,
    origin: Origin::Microsoft,
    summary: "The day of the month of a timestamp.",
    params: &[TIMESTAMP],
    returns: Type::Integer,
    eval: Eval::Context(|ctx, args| day(ctx, args, |date| i64::from(date.day()))),
    examples: &[("dayOfMonth('2018-03-15T13:27:36Z')", "15"), ("dayOfMonth('2024-02-29')", "29")],
};

pub(super) const DAY_OF_WEEK: Function = Function {
    name: "dayOfWeek",
    family: FAMILY,
    origin: Origin::Microsoft,
    summary: "The day of the week of a timestamp; Sunday is 0.",
    params: &[TIMESTAMP],
    returns: Type::Integer,
    eval: Eval::Context(|ctx, args| {
        day(ctx, args, |date| date.weekday().to_sunday_zero_offset().into())
    }),
    examples: &[("dayOfWeek('2018-03-15T13:27:36Z')", "4"), ("dayOfWeek('2026-11-22')", "0")],
};

pub(super) const DAY_OF_YEAR: Function = Function {
    name: "dayOfYear",
    family: FAMILY,
    origin: Origin::Microsoft,
    summary: "The day of the year of a timestamp.",
    params: &[TIMESTAMP],
    returns: Type::Integer,
    eval: Eval::Context(|ctx, args| day(ctx, args, |date| date.day_of_year().into())),
    examples: &[("dayOfYear('2018-03-15T13:27:36Z')", "74"), ("dayOfYear('2024-12-31')", "366")],
};

pub(super) const FORMAT_DATE_TIME: Function = Function {
    name: "formatDateTime",
    family: FAMILY,
    origin: Origin::Microsoft,
    summary: "A timestamp as a .NET date format and a locale write it.",
    params: &[TIMESTAMP, FORMAT, LOCALE],
    returns: Type::String,
    eval: Eval::Context(format_date_time),
    examples: &[
        ("formatDateTime('03/15/2018')", "\"2018-03-15T00:00:00.0000000\""),
        ("formatDateTime('01/31/2016', 'dddd MMMM d', 'fr-FR')", "\"dimanche janvier 31\""),
    ],
};

pub(super) const FORMAT_TIME_SPAN: Function = Function {
    name: "formatTimeSpan",
    family: FAMILY,
    origin: Origin::Microsoft,
    summary: "A length of time as a .NET time span format writes it.",
    params: &[required("timeSpan", Type::String), FORMAT, optional("culture", Type::String)],
    returns: Type::String,
    eval: Eval::Pure(format_time_span),
    examples: &[
        ("formatTimeSpan('PT36H30M')", "\"1.12:30:00\""),
        ("formatTimeSpan('2.01:00:00', 'd\\ hh')", "\"2 01\""),
        ("formatTimeSpan('1:00:00.5', 'g', 'de-DE')", "\"1:00:00,5\""),
    ],
};

pub(super) const GET_FUTURE_TIME: Function = Function {
    name: "getFutureTime",
    family: FAMILY,
    origin: Origin::Microsoft,
    summary: "The time later than now by a number of time units.",
    params: &[INTERVAL, TIME_UNIT, FORMAT],
    returns: Type::String,
    eval: Eval::Context(|ctx, args| from_now(ctx, args, 1)),
    examples: &[
        ("equals(getFutureTime(1, 'Week'), addDays(utcNow(), 7))", "true"),
        ("length(getFutureTime(5, 'Days', 'yyyy-MM-dd'))", "10"),
    ],
};

pub(super) const GET_PAST_TIME: Function = Function {
    name: "getPastTime",
    family: FAMILY,
    origin: Origin::Microsoft,
    summary: "The time earlier than now by a number of time units.",
    params: &[INTERVAL, TIME_UNIT, FORMAT],
    returns: Type::String,
    eval: Eval::Context(|ctx, args| from_now(ctx, args, -1)),
    examples: &[
        ("equals(getPastTime(2, 'Hours'), addHours(utcNow(), -2))", "true"),
        ("length(getPastTime(5, 'Days', 'yyyy-MM-dd'))", "10"),
    ],
};

pub(super) const PARSE_DATE_TIME: Function = Function {
    name: "parseDateTime",
    family: FAMILY,
    origin: Origin::Microsoft,
    summary: "A timestamp from a text in a locale, or exactly in a .NET date format.",
    params: &[required("timestamp", Type::String), LOCALE, FORMAT],
    returns: Type::String,
    eval: Eval::Context(parse_date_time),
    examples: &[
        ("parseDateTime('15.01.2026', 'de-DE')", "\"2026-01-15T00:00:00.0000000\""),
        ("parseDateTime('21052019', 'fr-FR', 'ddMMyyyy')", "\"2019-05-21T00:00:00.0000000\""),
    ],
};

pub(super) const START_OF_DAY: Function = Function {
    name: "startOfDay",
    family: FAMILY,
    origin: Origin::Microsoft,
    summary: "The beginning of a timestamp's day.",
    params: &[TIMESTAMP, FORMAT],
    returns: Type::String,
    eval: Eval::Context(|ctx, args| start(ctx, args, Unit::Day)),
    examples: &[
        ("startOfDay('2018-03-15T13:30:30Z')", "\"2018-03-15T00:00:00.0000000Z\""),
        ("startOfDay('2018-03-15T13:30:30Z', 't')", "\"12:00 AM\""),
    ],
};

pub(super) const START_OF_HOUR: Function = Function {
    name: "startOfHour",
    family: FAMILY,
    origin: Origin::Microsoft,
    summary: "The beginning of a timestamp's hour.",
    params: &[TIMESTAMP, FORMAT],
    returns: Type::String,
    eval: Eval::Context(|ctx, args| start(ctx, args, Unit::Hour)),
    examples: &[
        ("startOfHour('2018-03-15T13:30:30Z')", "\"2018-03-15T13:00:00.0000000Z\""),
        ("startOfHour('2018-03-15T13:30:30Z', 'T')", "\"1:00:00 PM\""),
    ],
};

pub(super) const START_OF_MONTH: Function = Function {
    name: "startOfMonth",
    family: FAMILY,
    origin: Origin::Microsoft,
    summary: "The beginning of a timestamp's month.",
    params: &[TIMESTAMP, FORMAT],
    returns: Type::String,
    eval: Eval::Context(|ctx, args| start(ctx, args, Unit::Month)),
    examples: &[
        ("startOfMonth('2018-03-15T13:30:30Z')", "\"2018-03-01T00:00:00.0000000Z\""),
        ("startOfMonth('2018-03-15T13:30:30Z', 'yyyy-MM-dd')", "\"2018-03-01\""),
    ],
};

pub(super) const SUBTRACT_FROM_TIME: Function = Function {
    name: "subtractFromTime",
    family: FAMILY,
    origin: Origin::Microsoft,
    summary: "A timestamp earlier by a number of time units; month ends hold.",
    params: &[TIMESTAMP, INTERVAL, TIME_UNIT, FORMAT],
    returns: Type::String,
    eval: Eval::Context(|ctx, args| shift(ctx, args, -1)),
    examples: &[
        ("subtractFromTime('2018-01-02T00:00:00Z', 1, 'Day')", "\"2018-01-01T00:00:00.0000000Z\""),
        ("subtractFromTime('2026-03-31', 1, 'Month', 'yyyy-MM-dd')", "\"2026-02-28\""),
    ],
};

pub(super) const TICKS: Function = Function {
    name: "ticks",
    family: FAMILY,
    origin: Origin::Microsoft,
    summary: "A timestamp as the number of 100 nanoseconds since the year 1.",
    params: &[TIMESTAMP],
    returns: Type::Integer,
    eval: Eval::Context(ticks),
    examples: &[
        ("ticks('1970-01-01T00:00:00Z')", "621355968000000000"),
        ("ticks('0001-01-01')", "0"),
    ],
};

pub(super) const UTC_NOW: Function = Function {
    name: "utcNow",
    family: FAMILY,
    origin: Origin::Microsoft,
    summary: "The present time in UTC.",
    params: &[FORMAT],
    returns: Type::String,
    eval: Eval::Context(utc_now),
    examples: &[("length(utcNow())", "28"), ("equals(utcNow('o'), utcNow())", "true")],
};

/// A length that calendars name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unit {
    Second,
    Minute,
    Hour,
    Day,
    Week,
    Month,
    Year,
}

impl Unit {
    /// The unit of that name, in singular or plural, without regard to case.
    fn of(name: &str) -> Option<Self> {
        let name = name.to_ascii_lowercase();
        Some(match name.strip_suffix('s').unwrap_or(&name) {
            "second" => Self::Second,
            "minute" => Self::Minute,
            "hour" => Self::Hour,
            "day" => Self::Day,
            "week" => Self::Week,
            "month" => Self::Month,
            "year" => Self::Year,
            _ => return None,
        })
    }

    /// A moment so many units later; `None` outside the years 1 to 9999.
    fn after(self, moment: Moment, count: i64) -> Option<Moment> {
        let seconds = match self {
            Self::Second => 1,
            Self::Minute => 60,
            Self::Hour => 3600,
            Self::Day => 86_400,
            Self::Week => 7 * 86_400,
            Self::Month => return moment.plus_months(count),
            Self::Year => return moment.plus_months(count.checked_mul(12)?),
        };
        moment.plus_ticks(count.checked_mul(seconds * TICKS_PER_SECOND)?)
    }
}

/// Reads the timestamp at an index.
fn moment(ctx: &dyn Context, args: &mut Arguments<'_>, index: usize) -> Result<Moment, EvalError> {
    let text = args.text(index)?;
    let read = date_parse::parse(&text, Culture::DEFAULT, today(ctx.now()));
    read.ok_or_else(|| not_a_date(args, &text))
}

/// What texts mean that name a time, but no day.
fn today(now: Timestamp) -> civil::Date {
    Moment::at(now).map_or(civil::Date::constant(1, 1, 1), |moment| moment.clock.date())
}

fn now(ctx: &dyn Context, args: &Arguments<'_>) -> Result<Moment, EvalError> {
    Moment::at(ctx.now()).ok_or_else(|| out_of_range(args))
}

/// Writes a moment by the format at an index, if there is one.
fn show<'a>(args: &mut Arguments<'a>, moment: Moment, format_index: usize) -> Answer<'a> {
    let format = args.optional_text(format_index)?;
    let format = format.as_deref().unwrap_or("o");
    Ok(pattern(args, format, Culture::DEFAULT)?.format(moment).into())
}

fn pattern(
    args: &Arguments<'_>,
    format: &str,
    culture: &'static Culture,
) -> Result<Pattern, EvalError> {
    Pattern::new(format, culture).ok_or_else(|| invalid(args, "date time format", format))
}

fn zone(args: &mut Arguments<'_>, index: usize) -> Result<Zone, EvalError> {
    let name = args.text(index)?;
    Zone::find(&name).ok_or_else(|| {
        EvalError::template(format!(
            "In the template language function '{}', the value provided for the time zone id \
             '{name}' was not valid.",
            args.function()
        ))
    })
}

fn not_a_date(args: &Arguments<'_>, text: &str) -> EvalError {
    let mut error = invalid(args, "date time string", text);
    error.message += " The datetime string must match ISO 8601 format.";
    error
}

fn out_of_range(args: &Arguments<'_>) -> EvalError {
    args.failure("has a result outside of the years 1 to 9999")
}

fn add<'a>(ctx: &dyn Context, args: &mut Arguments<'a>, unit: Unit) -> Answer<'a> {
    let (start, count) = (moment(ctx, args, 0)?, args.integer(1)?);
    let later = unit.after(start, count).ok_or_else(|| out_of_range(args))?;
    show(args, later, 2)
}

fn shift<'a>(ctx: &dyn Context, args: &mut Arguments<'a>, sign: i64) -> Answer<'a> {
    let start = moment(ctx, args, 0)?;
    let later = units_after(args, start, (1, sign))?;
    show(args, later, 3)
}

fn from_now<'a>(ctx: &dyn Context, args: &mut Arguments<'a>, sign: i64) -> Answer<'a> {
    let start = now(ctx, args)?;
    let later = units_after(args, start, (0, sign))?;
    show(args, later, 2)
}

/// A moment later by the interval and unit at an index and the next; earlier if the sign is -1.
fn units_after(
    args: &mut Arguments<'_>,
    start: Moment,
    (index, sign): (usize, i64),
) -> Result<Moment, EvalError> {
    let count = args.integer(index)?;
    let name = args.text(index + 1)?;
    let unit = Unit::of(&name).ok_or_else(|| invalid(args, "time unit", &name))?;
    let later = count.checked_mul(sign).and_then(|count| unit.after(start, count));
    later.ok_or_else(|| out_of_range(args))
}

fn start<'a>(ctx: &dyn Context, args: &mut Arguments<'a>, unit: Unit) -> Answer<'a> {
    let moment = moment(ctx, args, 0)?;
    let (date, hour) = (moment.clock.date(), moment.clock.hour());
    let clock = match unit {
        Unit::Hour => date.at(hour, 0, 0, 0),
        Unit::Month => date.first_of_month().at(0, 0, 0, 0),
        _ => date.at(0, 0, 0, 0),
    };
    show(args, Moment { clock, ..moment }, 1)
}

fn day<'a>(ctx: &dyn Context, args: &mut Arguments<'a>, of: fn(civil::Date) -> i64) -> Answer<'a> {
    Ok(of(moment(ctx, args, 0)?.clock.date()).into())
}

fn ticks<'a>(ctx: &'a dyn Context, args: &mut Arguments<'a>) -> Answer<'a> {
    Ok(moment(ctx, args, 0)?.ticks().into())
}

fn utc_now<'a>(ctx: &'a dyn Context, args: &mut Arguments<'a>) -> Answer<'a> {
    let now = now(ctx, args)?;
    show(args, now, 0)
}

fn date_difference<'a>(ctx: &'a dyn Context, args: &mut Arguments<'a>) -> Answer<'a> {
    let (start, end) = (moment(ctx, args, 0)?, moment(ctx, args, 1)?);
    Ok(TimeSpan(end.ticks() - start.ticks()).to_string().into())
}

fn format_date_time<'a>(ctx: &'a dyn Context, args: &mut Arguments<'a>) -> Answer<'a> {
    let moment = moment(ctx, args, 0)?;
    let culture = asked(args, 2)?;
    let format = args.optional_text(1)?;
    Ok(pattern(args, format.as_deref().unwrap_or("o"), culture)?.format(moment).into())
}

fn format_time_span<'a>(args: &mut Arguments<'a>) -> Answer<'a> {
    let text = args.text(0)?;
    let span = TimeSpan::parse(&text).ok_or_else(|| invalid(args, "time span", &text))?;
    let format = args.optional_text(1)?;
    let format = format.as_deref().unwrap_or("c");
    let shown = span.format(format).ok_or_else(|| invalid(args, "time span format", format))?;
    // The two formats that follow a culture take its point, and have no other one.
    let point = asked(args, 2)?.numbers.point;
    Ok(if matches!(format, "g" | "G") { shown.replace('.', point) } else { shown }.into())
}

fn parse_date_time<'a>(ctx: &'a dyn Context, args: &mut Arguments<'a>) -> Answer<'a> {
    let text = args.text(0)?;
    let culture = asked(args, 1)?;
    let today = today(ctx.now());
    let read = match args.optional_text(2)? {
        None => date_parse::parse(&text, culture, today),
        Some(format) => date_parse::parse_exact(&text, &pattern(args, &format, culture)?, today),
    };
    let moment = read.ok_or_else(|| not_a_date(args, &text))?;
    Ok(pattern(args, "o", culture)?.format(moment).into())
}

fn convert_from_utc<'a>(ctx: &'a dyn Context, args: &mut Arguments<'a>) -> Answer<'a> {
    let utc = moment(ctx, args, 0)?;
    let zone = zone(args, 1)?;
    let local = in_zone(args, utc, &zone)?;
    // A time on somebody's clock has no suffix, whoever's clock it is.
    show(args, Moment { kind: Kind::Unspecified, ..local }, 2)
}

fn convert_to_utc<'a>(ctx: &'a dyn Context, args: &mut Arguments<'a>) -> Answer<'a> {
    let local = moment(ctx, args, 0)?;
    let zone = zone(args, 1)?;
    let utc = in_utc(args, local, &zone)?;
    show(args, utc, 2)
}

fn convert_time_zone<'a>(ctx: &'a dyn Context, args: &mut Arguments<'a>) -> Answer<'a> {
    let local = moment(ctx, args, 0)?;
    let (source, destination) = (zone(args, 1)?, zone(args, 2)?);
    let utc = in_utc(args, local, &source)?;
    let there = in_zone(args, utc, &destination)?;
    show(args, there, 3)
}

fn in_zone(args: &Arguments<'_>, utc: Moment, zone: &Zone) -> Result<Moment, EvalError> {
    let kind = if zone.is_utc() { Kind::Utc } else { Kind::Unspecified };
    let local = zone.local(utc.clock).and_then(|clock| Moment { kind, ..utc }.with(clock));
    local.ok_or_else(|| out_of_range(args))
}

/// A text that says which zone it is of cannot be taken for a time of another.
fn in_utc(args: &Arguments<'_>, local: Moment, zone: &Zone) -> Result<Moment, EvalError> {
    let utc = Moment { kind: Kind::Utc, ..local };
    if local.kind != Kind::Unspecified {
        let refusal = "cannot take a timestamp with a zone of its own for a time of another zone";
        return if zone.is_utc() { Ok(utc) } else { Err(args.failure(refusal)) };
    }
    let clock = zone.utc(local.clock).ok_or_else(|| {
        args.failure("was given a time that clocks of the source time zone never show")
    })?;
    utc.with(clock).ok_or_else(|| out_of_range(args))
}
