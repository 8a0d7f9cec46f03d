//! Queries of Salesforce from what `OData` asks for: meaning, quoting, and what is refused.

use serde_json::{Value, json};

use super::world::World;
use crate::Template;

fn eval(expression: &str, parameters: &Value) -> Result<String, String> {
    let world = World::new(json!({ "parameters": parameters }));
    let (template, errors) = Template::parse_expression(expression);
    assert!(errors.is_empty(), "{errors:?}");
    template.eval(&world).map(|it| crate::to_text(&it)).map_err(|it| it.message)
}

fn condition(filter: &str) -> Result<String, String> {
    let query = eval("soql('T', 'Id', parameters('filter'))", &json!({ "filter": filter }))?;
    Ok(query.strip_prefix("SELECT Id FROM T WHERE ").unwrap_or(&query).to_owned())
}

#[test]
fn filters_become_conditions() {
    let check = |filter: &str, expected: &str| {
        assert_eq!(condition(filter).as_deref(), Ok(expected), "{filter}");
    };
    check("Name eq 'Acme'", "Name = 'Acme'");
    check("Amount ne 5", "Amount != 5");
    check("Amount gt -5.25", "Amount > -5.25");
    check("Amount ge 5", "Amount >= 5");
    check("Amount lt 5M", "Amount < 5");
    check("Amount le 5.0d", "Amount <= 5.0");
    check("5 lt Amount", "Amount > 5");
    check("null ne Amount", "Amount != null");
    check("IsClosed eq false", "IsClosed = false");
    check("IsClosed", "IsClosed = true");
    check("not IsClosed", "NOT (IsClosed = true)");
    check("not not IsClosed", "IsClosed = true");
    check("Account/Owner/Name eq 'x'", "Account.Owner.Name = 'x'");
    check("Name EQ null AND Ext_Id__c NE null", "Name = null AND Ext_Id__c != null");
    // The service takes AND and OR together only in parentheses.
    check("a eq 1 and b eq 2 or c eq 3", "(a = 1 AND b = 2) OR c = 3");
    check("a eq 1 and (b eq 2 or c eq 3)", "a = 1 AND (b = 2 OR c = 3)");
    check("((a eq 1))", "a = 1");
    check("a eq 1 and b eq 2 and c eq 3", "a = 1 AND b = 2 AND c = 3");
    check("a eq 1 and (b eq 2 and c eq 3)", "a = 1 AND b = 2 AND c = 3");
    check("not (a eq 1 or b eq 2) and c eq 3", "(NOT (a = 1 OR b = 2)) AND c = 3");
    check("StageName in ('A', 'B''s')", "StageName IN ('A', 'B\\'s')");
    check("not (Size in (1,2))", "NOT (Size IN (1, 2))");
    check("contains(Name,'x')", "Name LIKE '%x%'");
    check("startswith(Name,'x') and endswith(Name,'y')", "Name LIKE 'x%' AND Name LIKE '%y'");
    check("substringof('x', Name)", "Name LIKE '%x%'");
    check("contains(tolower(Name), 'x') eq true", "Name LIKE '%x%'");
    check("contains(Name,'x') eq false", "NOT (Name LIKE '%x%')");
    check("contains(Name,'x') ne true or a eq 1", "(NOT (Name LIKE '%x%')) OR a = 1");
    check("year(CreatedDate) eq 2026", "CALENDAR_YEAR(CreatedDate) = 2026");
    check("date(CreatedDate) ge 2026-01-05", "DAY_ONLY(CreatedDate) >= 2026-01-05");
}

#[test]
fn dates_are_bare_and_texts_are_quoted() {
    let check = |filter: &str, expected: &str| {
        assert_eq!(condition(filter).as_deref(), Ok(expected), "{filter}");
    };
    check("CloseDate eq 2026-01-05", "CloseDate = 2026-01-05");
    check("CloseDate eq '2026-01-05'", "CloseDate = '2026-01-05'");
    check("a gt 2026-01-05T10:00:00Z", "a > 2026-01-05T10:00:00.000Z");
    check("a gt 2026-01-05T10:00:00.1234567Z", "a > 2026-01-05T10:00:00.123Z");
    check("a gt 2026-01-05T10:00:00+02:00", "a > 2026-01-05T08:00:00.000Z");
    check("a gt 2026-01-05T10:00:00.000+0000", "a > 2026-01-05T10:00:00.000Z");
    check("a gt datetime'2026-01-05T10:00:00'", "a > 2026-01-05T10:00:00.000Z");
    check("a eq guid'b1a2'", "a = 'b1a2'");
}

#[test]
fn texts_cannot_break_out() {
    let check = |filter: &str, expected: &str| {
        assert_eq!(condition(filter).as_deref(), Ok(expected), "{filter}");
    };
    check("Name eq 'x'' OR Name != '''", "Name = 'x\\' OR Name != \\''");
    check("Name eq 'x\\'", "Name = 'x\\\\'");
    check(
        "Name eq 'x\\'' OR Id != null OR Name = '''",
        "Name = 'x\\\\\\' OR Id != null OR Name = \\''",
    );
    check("Name eq 'a\nb\"c'", "Name = 'a\\nb\\\"c'");
    check("contains(Name, '50%_\\')", "Name LIKE '%50\\%\\_\\\\%'");
    check("contains(Name, '''')", "Name LIKE '%\\'%'");
    check("Name in ('a'') OR Id != null --')", "Name IN ('a\\') OR Id != null --')");
}

#[test]
fn what_has_no_meaning_is_refused_with_its_place() {
    let check = |filter: &str, expected: &str| {
        let message = condition(filter).unwrap_err();
        let cut = message.split("cannot read the filter at ").nth(1).unwrap_or(&message);
        assert_eq!(cut.split(". Please see").next(), Some(expected), "{filter}");
    };
    check("Name eq", "character 8: something is missing");
    check("Name eq 'x", "character 9: the text has no end");
    check("Name = 'x'", "character 6: `=` has no meaning here");
    check("Name eq 'x';", "character 12: `;` has no meaning here");
    check("Name eq 'x' LIMIT 1", "character 13: `LIMIT` is one too many");
    check("(a eq 1", "character 8: `)` is missing");
    check("a eq 1)", "character 7: `)` is one too many");
    check("a eq b", "character 1: two fields cannot be compared");
    check("1 eq 1", "character 1: a comparison needs a field");
    check("'a'", "character 4: a comparison such as `eq` is missing");
    check("a gt null", "character 1: only `eq` and `ne` compare with null");
    check("a in ()", "character 7: a field or a value is needed, not `)`");
    check("a in (null)", "character 7: a list holds texts, numbers or dates");
    check("a add 1 eq 2", "character 3: `add` is one too many");
    check("length(Name) gt 5", "character 1: `length` is no function that Salesforce knows");
    check("Tasks/any(t:t/x eq 1)", "character 12: `:` has no meaning here");
    check("contains(Name, Other)", "character 10: a field and a text are needed");
    check("contains('a', 'b')", "character 10: a field and a text are needed");
    check(
        "contains(Name, 'b') eq 5",
        "character 21: this function is true or false, and nothing else",
    );
    check("a eq 2026-13-05", "character 6: `2026-13-05` is no number, date or instant");
    check("a eq 1.2.3", "character 6: `1.2.3` is no number, date or instant");
    check("__x eq 1", "character 1: `__x` is no field");
    check("a//b eq 1", "character 1: `a//b` is no field");
    check("tolower(tolower(a)) eq 'x'", "character 16: `)` is needed, not `(`");
    let deep = format!("{}a eq 1{}", "(".repeat(60), ")".repeat(60));
    check(&deep, "character 51: it is more than 50 levels deep");
}

#[test]
fn all_parts_make_a_query() {
    let check = |arguments: &str, expected: Result<&str, &str>| {
        let made = eval(&format!("soql({arguments})"), &json!({}));
        let made = made.as_deref().map_err(|it| it.split(". Please see").next().unwrap());
        let expected = expected.map_err(|it| format!("The template language function 'soql' {it}"));
        assert_eq!(made, expected.as_deref().map_err(String::as_str), "{arguments}");
    };
    check("'Account'", Ok("SELECT FIELDS(STANDARD) FROM Account"));
    check("'Account', null, null, null, 200", Ok("SELECT FIELDS(ALL) FROM Account LIMIT 200"));
    check("'Account', '*', '', ' ', 201", Ok("SELECT FIELDS(STANDARD) FROM Account LIMIT 201"));
    check("'A__c', 'Id, Name,id,Owner/Name'", Ok("SELECT Id, Name, Owner.Name FROM A__c"));
    check(
        "'A', 'Id', null, 'Name asc, Owner/Name DESC,Id', '5', 10",
        Ok("SELECT Id FROM A ORDER BY Name ASC, Owner.Name DESC NULLS LAST, Id LIMIT 5 OFFSET 10"),
    );
    check("'A; B'", Err("expects its first parameter to name a table, not 'A; B'"));
    check(
        "'A', 'Id,(SELECT Id FROM B)'",
        Err("expects fields in its second parameter, not '(SELECT Id FROM B)'"),
    );
    check(
        "'A', 'Id', null, 'Name down'",
        Err("expects fields with 'asc' or 'desc' in its fourth parameter, not 'Name down'"),
    );
    check(
        "'A', 'Id', null, null, -1",
        Err(
            "expects its fifth parameter to be a whole number from 0 on. The provided value is of type 'Integer'",
        ),
    );
    check("'A', 'Id', null, null, null, 2001", Err("can skip 2000 records at most"));
    let long = format!("'A', 'Id', concat('Name eq ''', '{}', '''')", "x".repeat(60_000));
    assert!(eval(&format!("soql({long})"), &json!({})).is_ok());
    let filter = format!("Name in ({}'x')", "'yyyyyyyy',".repeat(12_000));
    let message = condition(&filter).unwrap_err();
    assert!(message.contains("a query of more than 100000 characters"), "{message}");
}

#[test]
fn values_take_the_place_of_names() {
    let check = |query: &str, values: Value, expected: Result<&str, &str>| {
        let parameters = json!({ "query": query, "values": values });
        let made = eval("soqlBind(parameters('query'), parameters('values'))", &parameters);
        let made = made.as_deref().map_err(|it| it.split(". Please see").next().unwrap());
        let expected =
            expected.map_err(|it| format!("The template language function 'soqlBind' {it}"));
        assert_eq!(made, expected.as_deref().map_err(String::as_str), "{query}");
    };
    check(
        "a = @a AND b IN @b",
        json!({ "a": "x' OR y", "b": [1, "z"] }),
        Ok("a = 'x\\' OR y' AND b IN (1, 'z')"),
    );
    check("a = @a_1 AND b = @b", json!({ "a_1": null, "b": true }), Ok("a = null AND b = true"));
    check("a = 'me@x.y\\' @a' AND b = @b", json!({ "b": 1 }), Ok("a = 'me@x.y\\' @a' AND b = 1"));
    check("a = @a", json!({}), Err("is given no value for '@a'"));
    // What takes a place is not looked through again.
    check("a = @a AND b = @b", json!({ "a": "@b", "b": 1 }), Ok("a = '@b' AND b = 1"));
}

#[test]
fn damaged_filters_never_panic() {
    let whole =
        "not (contains(Näme, 'a''b') eq false) and x/y in (1, 2026-01-05T10:00:00Z) or z ne null";
    for (at, c) in whole.char_indices() {
        let before = whole.get(..at).unwrap_or_default();
        let after = whole.get(at + c.len_utf8()..).unwrap_or_default();
        for middle in ["", "'", "(", ")", ",", " ", "€", "9", "not "] {
            drop(condition(&format!("{before}{middle}{after}")));
            drop(condition(&format!("{before}{middle}")));
        }
    }
}
