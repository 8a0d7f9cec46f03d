//! Number formats, through expressions.

use super::dates::{check, value_of};

#[test]
fn standard_formats() {
    check(
        "
        formatNumber(1234.5, 'C') => $1,234.50
        formatNumber(-1234.5, 'C0') => -$1,235
        formatNumber(-7, 'D3') => -007
        formatNumber(0, 'D') => 0
        formatNumber(12345.6789, 'E2') => 1.23E+004
        formatNumber(0.00012, 'e1') => 1.2e-004
        formatNumber(1234.5, 'F') => 1234.50
        formatNumber(0.125, 'F2') => 0.13
        formatNumber(2.675, 'F2') => 2.67
        formatNumber(-0.5, 'F0') => -1
        formatNumber(-0.4, 'F0') => -0
        formatNumber(9.999, 'F2') => 10.00
        formatNumber(0.005, 'F1') => 0.0
        formatNumber(5e-324, 'F2') => 0.00
        formatNumber(1234567, 'N0') => 1,234,567
        formatNumber(123, 'N0') => 123
        formatNumber(-9223372036854775808, 'N0') => -9,223,372,036,854,775,808
        formatNumber(0.1234, 'P') => 12.34%
        formatNumber(0.5, 'P0', 'en-US') => 50%
        formatNumber(-0.5, 'p1', 'fr-FR') => -50,0 %
        formatNumber(0, 'P') => 0.00%
        formatNumber(255, 'X') => FF
        formatNumber(-1, 'x') => ffffffffffffffff
        formatNumber(0.1, 'R') => 0.1
        formatNumber(1e100, 'R') => 1E+100
        formatNumber(12345, 'G3') => 1.23E+04
        formatNumber(0.00001, 'G') => 1E-05
        formatNumber(0.0001, 'g') => 0.0001
        formatNumber(1e15, 'G') => 1E+15
        formatNumber(1e14, 'G') => 100000000000000
        formatNumber(1234567890123456.0, 'G') => 1234567890123456
        formatNumber(0, 'G') => 0
        formatNumber(5, '') => 5
        ",
    );
}

#[test]
fn custom_formats() {
    check(
        r#"
        formatNumber(1234.5, '#,##0.00') => 1,234.50
        formatNumber(7, '0,000') => 0,007
        formatNumber(1234567, '#,#') => 1,234,567
        formatNumber(1234567, '0,,.00') => 1.23
        formatNumber(1234567, '#,##0,') => 1,235
        formatNumber(0.256, '0.0‰') => 256.0‰
        formatNumber(0.256, '#%') => 26%
        formatNumber(-5, '0;(0)') => (5)
        formatNumber(-5, '0;;zero') => -5
        formatNumber(0, '0;(0);"none"') => none
        formatNumber(0.001, '0.0;(0);none') => none
        formatNumber(-0.001, '0.0') => 0.0
        formatNumber(1234, '00000') => 01234
        formatNumber(12.345, '#.#####') => 12.345
        formatNumber(12, '#.##') => 12
        formatNumber(12, '0.0#') => 12.0
        formatNumber(0.5, '.00') => .50
        formatNumber(12, '\#0 "kg" ''x''') => #12 kg x
        formatNumber(12345, '0.00e-0') => 1.23e4
        formatNumber(12345, '00.0E+00') => 12.3E+03
        formatNumber(0.00012, '0.0E+0') => 1.2E-4
        formatNumber(12, '0E') => 12E
        formatNumber(1234567890, '###-###-####') => 123-456-7890
        formatNumber(999.99, '0.0') => 1000.0
        formatNumber(1234.5, '#,##0.00', 'de-DE') => 1.234,50
        formatNumber(1234567.5, '#,##0.0', 'en-IN') => 12,34,567.5
        formatNumber(12, 'text') => text
        formatNumber(123456789012345678, '#,##0') => 123,456,789,012,345,678
        formatNumber(0.1, '0.00000000000000000000') => 0.10000000000000000000
        "#,
    );
}

#[test]
fn cultures() {
    check(
        "
        formatNumber(1234567.891, 'C', 'en-GB') => £1,234,567.89
        formatNumber(1234567.891, 'C', 'en-IN') => ₹12,34,567.89
        formatNumber(-1234.5, 'C', 'de-DE') => -1.234,50 €
        formatNumber(1234.5, 'N1', 'fr-FR') => 1\u{202f}234,5
        formatNumber(1234.5, 'C', 'de-CH') => CHF 1’234.50
        formatNumber(1234.5, 'C', 'de-AT') => € 1.234,50
        formatNumber(1234.5, 'N1', 'de-AT') => 1\u{a0}234,5
        formatNumber(-1234.5, 'C', 'nl') => € -1.234,50
        formatNumber(17.35, 'C2', 'is-IS') => 17,35 kr
        formatNumber(1234.5, 'C', 'ja-JP') => ￥1,235
        formatNumber(1234.5, 'C', 'pt-BR') => R$ 1.234,50
        ",
    );
}

#[test]
fn refusals() {
    check(
        "
        formatNumber('x', 'C') => !expects its first parameter to be a number. The provided value is of type 'String'
        formatNumber(1.5, 'D') => !In function 'formatNumber', the value provided for number format 'D' was not valid.
        formatNumber(1.5, 'X') => !was not valid
        formatNumber(5, 'R') => !was not valid
        formatNumber(5, 'Q') => !was not valid
        formatNumber(5, 'N1000') => !was not valid
        formatNumber(5, null) => !expects its second parameter
        formatNumber(5, 'C', 'xx') => !locale 'xx' was not valid
        ",
    );
}

/// Whatever is put together: an answer or a failure.
#[test]
fn nothing_panics() {
    let numbers = ["0", "1e308", "5e-324", "-9223372036854775808"];
    let formats = "C D3 F99 0 # . , % E+0 ; ' \\ 0000 é".split(' ');
    let formats: Vec<_> = formats.collect();
    for (a, b) in formats.iter().flat_map(|a| formats.iter().map(move |b| (a, b))) {
        for c in &formats {
            let format = format!("{a}{b}{c}").replace('\'', "''");
            for number in numbers {
                let text = value_of(&format!("formatNumber({number}, '{format}')"));
                assert!(text.chars().count() < 800, "{number} by {format} gives {text}");
            }
        }
    }
}
