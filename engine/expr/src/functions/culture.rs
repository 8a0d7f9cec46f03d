//! Cultures: how languages and regions write dates and numbers. Data, and looking it up by name.
//!
//! It is over 400 lines because it is one table.

use super::Arguments;
use crate::error::EvalError;

/// How one language and region writes dates and numbers.
#[derive(Debug)]
pub(super) struct Culture {
    /// The name, as in `en-US`.
    pub(super) name: &'static str,
    pub(super) words: &'static Words,
    /// The pattern of `d`; the order of its fields is also how dates are read.
    pub(super) short_date: &'static str,
    pub(super) long_date: &'static str,
    pub(super) month_day: &'static str,
    pub(super) year_month: &'static str,
    pub(super) short_time: &'static str,
    pub(super) long_time: &'static str,
    /// What `/` stands for.
    pub(super) date_separator: &'static str,
    /// What `tt` stands for before noon, and after.
    pub(super) halves: [&'static str; 2],
    pub(super) numbers: Numbers,
}

/// How one region writes numbers. In patterns `n` is the number and `$` the currency.
#[derive(Debug)]
pub(super) struct Numbers {
    pub(super) point: &'static str,
    pub(super) group: &'static str,
    /// Point and group of amounts of money, where they differ.
    pub(super) money: Option<(&'static str, &'static str)>,
    /// Digits of the group before the point, and of those before it.
    pub(super) sizes: (usize, usize),
    pub(super) currency: &'static str,
    pub(super) currency_digits: usize,
    pub(super) amount: &'static str,
    pub(super) negative_amount: &'static str,
    pub(super) percent: &'static str,
}

/// The words of one language, each list separated by blanks, months from January, days from Sunday.
#[derive(Debug)]
pub(super) struct Words {
    pub(super) months: &'static str,
    pub(super) short_months: &'static str,
    /// The months as they stand beside a day, where the language makes a difference.
    pub(super) months_of_day: Option<&'static str>,
    pub(super) days: &'static str,
    pub(super) short_days: &'static str,
    /// Words in written dates that carry nothing, such as `de`.
    pub(super) fillers: &'static str,
    /// The letters that make a number before them a year, a month, a day.
    pub(super) units: &'static str,
}

const ENGLISH: Words = Words {
    months: "January February March April May June July August September October November December",
    short_months: "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec",
    months_of_day: None,
    days: "Sunday Monday Tuesday Wednesday Thursday Friday Saturday",
    short_days: "Sun Mon Tue Wed Thu Fri Sat",
    fillers: "",
    units: "",
};

const GERMAN: Words = Words {
    months: "Januar Februar März April Mai Juni Juli August September Oktober November Dezember",
    short_months: "Jan Feb Mär Apr Mai Jun Jul Aug Sep Okt Nov Dez",
    days: "Sonntag Montag Dienstag Mittwoch Donnerstag Freitag Samstag",
    short_days: "So Mo Di Mi Do Fr Sa",
    ..ENGLISH
};

const FRENCH: Words = Words {
    months: "janvier février mars avril mai juin juillet août septembre octobre novembre décembre",
    short_months: "janv. févr. mars avr. mai juin juil. août sept. oct. nov. déc.",
    days: "dimanche lundi mardi mercredi jeudi vendredi samedi",
    short_days: "dim. lun. mar. mer. jeu. ven. sam.",
    ..ENGLISH
};

const SPANISH: Words = Words {
    months: "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre \
             diciembre",
    short_months: "ene feb mar abr may jun jul ago sep oct nov dic",
    days: "domingo lunes martes miércoles jueves viernes sábado",
    short_days: "dom lun mar mié jue vie sáb",
    fillers: "de",
    ..ENGLISH
};

const ITALIAN: Words = Words {
    months: "gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre novembre \
             dicembre",
    short_months: "gen feb mar apr mag giu lug ago set ott nov dic",
    days: "domenica lunedì martedì mercoledì giovedì venerdì sabato",
    short_days: "dom lun mar mer gio ven sab",
    ..ENGLISH
};

const DUTCH: Words = Words {
    months: "januari februari maart april mei juni juli augustus september oktober november \
             december",
    short_months: "jan feb mrt apr mei jun jul aug sep okt nov dec",
    days: "zondag maandag dinsdag woensdag donderdag vrijdag zaterdag",
    short_days: "zo ma di wo do vr za",
    ..ENGLISH
};

const PORTUGUESE: Words = Words {
    months: "janeiro fevereiro março abril maio junho julho agosto setembro outubro novembro \
             dezembro",
    short_months: "jan fev mar abr mai jun jul ago set out nov dez",
    days: "domingo segunda-feira terça-feira quarta-feira quinta-feira sexta-feira sábado",
    short_days: "dom seg ter qua qui sex sáb",
    fillers: "de",
    ..ENGLISH
};

const DANISH: Words = Words {
    months: "januar februar marts april maj juni juli august september oktober november december",
    short_months: "jan feb mar apr maj jun jul aug sep okt nov dec",
    days: "søndag mandag tirsdag onsdag torsdag fredag lørdag",
    short_days: "sø ma ti on to fr lø",
    fillers: "den",
    ..ENGLISH
};

const SWEDISH: Words = Words {
    months: "januari februari mars april maj juni juli augusti september oktober november december",
    short_months: "jan feb mar apr maj jun jul aug sep okt nov dec",
    days: "söndag måndag tisdag onsdag torsdag fredag lördag",
    short_days: "sön mån tis ons tors fre lör",
    fillers: "den",
    ..ENGLISH
};

const NORWEGIAN: Words = Words {
    months: "januar februar mars april mai juni juli august september oktober november desember",
    short_months: "jan feb mar apr mai jun jul aug sep okt nov des",
    short_days: "søn man tir ons tor fre lør",
    ..DANISH
};

const FINNISH: Words = Words {
    months: "tammikuu helmikuu maaliskuu huhtikuu toukokuu kesäkuu heinäkuu elokuu syyskuu lokakuu \
             marraskuu joulukuu",
    short_months: "tammi helmi maalis huhti touko kesä heinä elo syys loka marras joulu",
    months_of_day: Some(
        "tammikuuta helmikuuta maaliskuuta huhtikuuta toukokuuta kesäkuuta heinäkuuta elokuuta \
         syyskuuta lokakuuta marraskuuta joulukuuta",
    ),
    days: "sunnuntai maanantai tiistai keskiviikko torstai perjantai lauantai",
    short_days: "su ma ti ke to pe la",
    ..ENGLISH
};

const ICELANDIC: Words = Words {
    months: "janúar febrúar mars apríl maí júní júlí ágúst september október nóvember desember",
    short_months: "jan. feb. mar. apr. maí jún. júl. ágú. sep. okt. nóv. des.",
    days: "sunnudagur mánudagur þriðjudagur miðvikudagur fimmtudagur föstudagur laugardagur",
    short_days: "sun. mán. þri. mið. fim. fös. lau.",
    ..ENGLISH
};

const POLISH: Words = Words {
    months: "styczeń luty marzec kwiecień maj czerwiec lipiec sierpień wrzesień październik \
             listopad grudzień",
    short_months: "sty lut mar kwi maj cze lip sie wrz paź lis gru",
    months_of_day: Some(
        "stycznia lutego marca kwietnia maja czerwca lipca sierpnia września października \
         listopada grudnia",
    ),
    days: "niedziela poniedziałek wtorek środa czwartek piątek sobota",
    short_days: "niedz. pon. wt. śr. czw. pt. sob.",
    ..ENGLISH
};

const CZECH: Words = Words {
    months: "leden únor březen duben květen červen červenec srpen září říjen listopad prosinec",
    short_months: "led úno bře dub kvě čvn čvc srp zář říj lis pro",
    months_of_day: Some(
        "ledna února března dubna května června července srpna září října listopadu prosince",
    ),
    days: "neděle pondělí úterý středa čtvrtek pátek sobota",
    short_days: "ne po út st čt pá so",
    ..ENGLISH
};

const JAPANESE: Words = Words {
    months: "1月 2月 3月 4月 5月 6月 7月 8月 9月 10月 11月 12月",
    short_months: "1月 2月 3月 4月 5月 6月 7月 8月 9月 10月 11月 12月",
    days: "日曜日 月曜日 火曜日 水曜日 木曜日 金曜日 土曜日",
    short_days: "日 月 火 水 木 金 土",
    units: "年月日",
    ..ENGLISH
};

const CHINESE: Words = Words {
    months: "一月 二月 三月 四月 五月 六月 七月 八月 九月 十月 十一月 十二月",
    days: "星期日 星期一 星期二 星期三 星期四 星期五 星期六",
    short_days: "周日 周一 周二 周三 周四 周五 周六",
    ..JAPANESE
};

const KOREAN: Words = Words {
    months: "1월 2월 3월 4월 5월 6월 7월 8월 9월 10월 11월 12월",
    short_months: "1월 2월 3월 4월 5월 6월 7월 8월 9월 10월 11월 12월",
    days: "일요일 월요일 화요일 수요일 목요일 금요일 토요일",
    short_days: "일 월 화 수 목 금 토",
    units: "년월일",
    ..ENGLISH
};

const DOLLARS: Numbers = Numbers {
    point: ".",
    group: ",",
    money: None,
    sizes: (3, 3),
    currency: "$",
    currency_digits: 2,
    amount: "$n",
    negative_amount: "-$n",
    percent: "n%",
};

const EUROS: Numbers = Numbers {
    point: ",",
    group: ".",
    currency: "€",
    amount: "n $",
    negative_amount: "-n $",
    percent: "n %",
    ..DOLLARS
};

/// As `EUROS`, with a blank that does not break between the groups.
const SPACED: Numbers = Numbers { group: "\u{a0}", ..EUROS };
/// As `SPACED`, with a narrow blank.
const NARROW: Numbers = Numbers { group: "\u{202f}", ..EUROS };
/// As `EUROS`, with the sign in front.
const LEADING: Numbers = Numbers { amount: "$ n", negative_amount: "$ -n", percent: "n%", ..EUROS };

const AMERICAN: Culture = Culture {
    name: "en-US",
    words: &ENGLISH,
    short_date: "M/d/yyyy",
    long_date: "dddd, MMMM d, yyyy",
    month_day: "MMMM d",
    year_month: "MMMM yyyy",
    short_time: "h:mm tt",
    long_time: "h:mm:ss tt",
    date_separator: "/",
    halves: ["AM", "PM"],
    numbers: DOLLARS,
};

const BRITISH: Culture = Culture {
    name: "en-GB",
    short_date: "dd/MM/yyyy",
    long_date: "dddd, d MMMM yyyy",
    month_day: "d MMMM",
    short_time: "HH:mm",
    long_time: "HH:mm:ss",
    halves: ["am", "pm"],
    numbers: Numbers { currency: "£", ..DOLLARS },
    ..AMERICAN
};

const GERMANY: Culture = Culture {
    name: "de-DE",
    words: &GERMAN,
    short_date: "dd.MM.yyyy",
    long_date: "dddd, d. MMMM yyyy",
    month_day: "d. MMMM",
    date_separator: ".",
    halves: ["AM", "PM"],
    numbers: EUROS,
    ..BRITISH
};

const FRANCE: Culture = Culture {
    name: "fr-FR",
    words: &FRENCH,
    long_date: "dddd d MMMM yyyy",
    halves: ["AM", "PM"],
    numbers: NARROW,
    ..BRITISH
};

const SPAIN: Culture = Culture {
    name: "es-ES",
    words: &SPANISH,
    short_date: "d/M/yyyy",
    long_date: "dddd, d 'de' MMMM 'de' yyyy",
    month_day: "d 'de' MMMM",
    year_month: "MMMM 'de' yyyy",
    short_time: "H:mm",
    long_time: "H:mm:ss",
    date_separator: "/",
    halves: ["a. m.", "p. m."],
    numbers: EUROS,
};

const PORTUGAL: Culture = Culture {
    name: "pt-PT",
    words: &PORTUGUESE,
    short_date: "dd/MM/yyyy",
    short_time: "HH:mm",
    long_time: "HH:mm:ss",
    halves: ["da manhã", "da tarde"],
    numbers: Numbers { percent: "n%", ..SPACED },
    ..SPAIN
};

const DENMARK: Culture = Culture {
    name: "da-DK",
    words: &DANISH,
    long_date: "dddd 'den' d. MMMM yyyy",
    short_time: "HH.mm",
    long_time: "HH.mm.ss",
    numbers: Numbers { currency: "kr.", ..EUROS },
    ..GERMANY
};

const JAPAN: Culture = Culture {
    name: "ja-JP",
    words: &JAPANESE,
    short_date: "yyyy/MM/dd",
    long_date: "yyyy年M月d日dddd",
    month_day: "M月d日",
    year_month: "yyyy年M月",
    short_time: "H:mm",
    long_time: "H:mm:ss",
    date_separator: "/",
    halves: ["午前", "午後"],
    numbers: Numbers { currency: "￥", currency_digits: 0, ..DOLLARS },
};

/// The cultures we know. The first of a language also answers to the language alone.
pub(super) const CULTURES: &[Culture] = &[
    AMERICAN,
    BRITISH,
    Culture {
        name: "en-AU",
        short_time: "h:mm tt",
        long_time: "h:mm:ss tt",
        numbers: DOLLARS,
        ..BRITISH
    },
    Culture {
        name: "en-CA",
        short_date: "yyyy-MM-dd",
        date_separator: "-",
        halves: ["a.m.", "p.m."],
        ..AMERICAN
    },
    Culture {
        name: "en-IE",
        long_date: "dddd d MMMM yyyy",
        numbers: Numbers { currency: "€", ..DOLLARS },
        ..BRITISH
    },
    Culture {
        name: "en-IN",
        short_time: "h:mm tt",
        long_time: "h:mm:ss tt",
        numbers: Numbers { currency: "₹", sizes: (3, 2), ..DOLLARS },
        ..BRITISH
    },
    Culture {
        name: "en-NZ",
        short_date: "d/MM/yyyy",
        short_time: "h:mm tt",
        long_time: "h:mm:ss tt",
        numbers: DOLLARS,
        ..BRITISH
    },
    GERMANY,
    Culture {
        name: "de-AT",
        numbers: Numbers {
            money: Some((",", ".")),
            amount: "$ n",
            negative_amount: "-$ n",
            ..SPACED
        },
        ..GERMANY
    },
    Culture {
        name: "de-CH",
        numbers: Numbers {
            point: ".",
            group: "’",
            currency: "CHF",
            amount: "$ n",
            negative_amount: "$-n",
            percent: "n%",
            ..EUROS
        },
        ..GERMANY
    },
    FRANCE,
    Culture { name: "fr-BE", short_date: "d/MM/yyyy", ..FRANCE },
    Culture {
        name: "fr-CA",
        short_date: "yyyy-MM-dd",
        date_separator: "-",
        numbers: Numbers { currency: "$", ..SPACED },
        ..FRANCE
    },
    Culture {
        name: "fr-CH",
        short_date: "dd.MM.yyyy",
        date_separator: ".",
        numbers: Numbers { money: Some((".", "\u{202f}")), currency: "CHF", ..NARROW },
        ..FRANCE
    },
    SPAIN,
    Culture {
        name: "es-MX",
        short_date: "dd/MM/yyyy",
        short_time: "HH:mm",
        long_time: "HH:mm:ss",
        numbers: DOLLARS,
        ..SPAIN
    },
    Culture {
        name: "it-IT",
        words: &ITALIAN,
        long_date: "dddd d MMMM yyyy",
        numbers: Numbers { percent: "n%", ..EUROS },
        ..FRANCE
    },
    Culture {
        name: "nl-NL",
        words: &DUTCH,
        short_date: "dd-MM-yyyy",
        date_separator: "-",
        numbers: LEADING,
        ..FRANCE
    },
    Culture { name: "nl-BE", words: &DUTCH, short_date: "d/MM/yyyy", numbers: LEADING, ..FRANCE },
    Culture {
        name: "pt-BR",
        halves: ["AM", "PM"],
        numbers: Numbers { currency: "R$", negative_amount: "-$ n", ..LEADING },
        ..PORTUGAL
    },
    PORTUGAL,
    DENMARK,
    Culture {
        name: "sv-SE",
        words: &SWEDISH,
        short_date: "yyyy-MM-dd",
        long_date: "'den' d MMMM yyyy",
        date_separator: "-",
        halves: ["fm", "em"],
        numbers: Numbers { currency: "kr", ..SPACED },
        ..FRANCE
    },
    Culture {
        name: "nb-NO",
        words: &NORWEGIAN,
        long_date: "dddd d. MMMM yyyy",
        halves: ["a.m.", "p.m."],
        numbers: Numbers { currency: "kr", ..SPACED },
        ..GERMANY
    },
    Culture {
        name: "fi-FI",
        words: &FINNISH,
        short_date: "d.M.yyyy",
        long_date: "dddd d. MMMM yyyy",
        short_time: "H.mm",
        long_time: "H.mm.ss",
        halves: ["ap.", "ip."],
        numbers: SPACED,
        ..GERMANY
    },
    Culture {
        name: "is-IS",
        words: &ICELANDIC,
        short_date: "d.M.yyyy",
        halves: ["f.h.", "e.h."],
        numbers: Numbers { currency: "kr", currency_digits: 0, percent: "n%", ..EUROS },
        ..GERMANY
    },
    Culture {
        name: "pl-PL",
        words: &POLISH,
        long_date: "dddd, d MMMM yyyy",
        month_day: "d MMMM",
        numbers: Numbers { currency: "zł", percent: "n%", ..SPACED },
        ..GERMANY
    },
    Culture {
        name: "cs-CZ",
        words: &CZECH,
        long_date: "dddd d. MMMM yyyy",
        short_time: "H:mm",
        long_time: "H:mm:ss",
        halves: ["dop.", "odp."],
        numbers: Numbers { currency: "Kč", ..SPACED },
        ..GERMANY
    },
    JAPAN,
    Culture {
        name: "zh-CN",
        words: &CHINESE,
        short_date: "yyyy/M/d",
        short_time: "HH:mm",
        long_time: "HH:mm:ss",
        halves: ["上午", "下午"],
        numbers: Numbers { currency: "¥", ..DOLLARS },
        ..JAPAN
    },
    Culture {
        name: "ko-KR",
        words: &KOREAN,
        short_date: "yyyy-MM-dd",
        long_date: "yyyy년 M월 d일 dddd",
        month_day: "M월 d일",
        year_month: "yyyy년 M월",
        short_time: "tt h:mm",
        long_time: "tt h:mm:ss",
        date_separator: "-",
        halves: ["오전", "오후"],
        numbers: Numbers { currency: "₩", currency_digits: 0, ..DOLLARS },
    },
];

impl Culture {
    /// The culture that texts are read and written in when the flow names none.
    pub(super) const DEFAULT: &'static Self = &AMERICAN;

    /// The culture of that name without regard to case, or the first one of a bare language.
    pub(super) fn find(name: &str) -> Option<&'static Self> {
        CULTURES.iter().find(|it| {
            let language = it.name.split('-').next().unwrap_or(it.name);
            it.name.eq_ignore_ascii_case(name) || language.eq_ignore_ascii_case(name)
        })
    }
}

/// The culture that an argument names, if it is there.
pub(super) fn asked(args: &mut Arguments<'_>, index: usize) -> Result<&'static Culture, EvalError> {
    match args.optional_text(index)? {
        None => Ok(Culture::DEFAULT),
        Some(name) => Culture::find(&name).ok_or_else(|| invalid(args, "locale", &name)),
    }
}

/// Says which value a function cannot make sense of.
pub(super) fn invalid(args: &Arguments<'_>, what: &str, value: &str) -> EvalError {
    let function = args.function();
    EvalError::template(format!(
        "In function '{function}', the value provided for {what} '{value}' was not valid."
    ))
}

/// The word at a place of a list that is separated by blanks.
pub(super) fn word(list: &'static str, index: usize) -> &'static str {
    list.split(' ').nth(index).unwrap_or_default()
}
