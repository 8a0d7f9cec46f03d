//! Functions of chance, drawn from the seed of the run so that a replay draws the same.

use super::{Answer, Arguments, Eval, Function, Origin, optional, required};
use crate::context::Context;
use crate::types::Type;

const FAMILY: &str = "Random";

pub(super) const GUID: Function = Function {
    name: "guid",
    family: FAMILY,
    origin: Origin::Microsoft,
    summary: "A new unique identifier, in one of the formats N, D, B, P, X.",
    params: &[optional("format", Type::String)],
    returns: Type::String,
    eval: Eval::Context(guid),
    examples: &[("length(guid())", "36"), ("length(guid('N'))", "32")],
};

pub(super) const RAND: Function = Function {
    name: "rand",
    family: FAMILY,
    origin: Origin::Microsoft,
    summary: "A whole number from the first up to, not including, the second.",
    params: &[required("minValue", Type::Integer), required("maxValue", Type::Integer)],
    returns: Type::Integer,
    eval: Eval::Context(rand),
    examples: &[("rand(1, 2)", "1"), ("rand(2, 3)", "2")],
};

fn guid<'a>(ctx: &'a dyn Context, args: &mut Arguments<'a>) -> Answer<'a> {
    let bits = (u128::from(ctx.random()) << 64) | u128::from(ctx.random());
    let id = uuid::Builder::from_random_bytes(bits.to_be_bytes()).into_uuid();
    let format = args.optional_text(0)?.unwrap_or("D".into());
    let text = match format.to_ascii_uppercase().as_str() {
        "" | "D" => id.hyphenated().to_string(),
        "N" => id.simple().to_string(),
        "B" => id.braced().to_string(),
        "P" => format!("({})", id.hyphenated()),
        "X" => {
            let (a, b, c, d) = id.as_fields();
            let d = d.map(|byte| format!("0x{byte:02x}")).join(",");
            format!("{{0x{a:08x},0x{b:04x},0x{c:04x},{{{d}}}}}")
        }
        _ => {
            return Err(args.failure(
                "expects its first parameter to be one of the formats 'N', 'D', 'B', 'P', 'X'",
            ));
        }
    };
    Ok(text.into())
}

fn rand<'a>(ctx: &'a dyn Context, args: &mut Arguments<'a>) -> Answer<'a> {
    let (least, end) = (args.integer(0)?, args.integer(1)?);
    let width = i128::from(end) - i128::from(least);
    let Ok(width @ 1..) = u128::try_from(width) else {
        return Err(args.failure("expects its first parameter to be less than its second"));
    };
    // Scaling, not the remainder: every value is as likely as another to 64 bits.
    let offset = (u128::from(ctx.random()) * width) >> 64;
    let offset = i128::try_from(offset).unwrap_or_default();
    let drawn = i64::try_from(i128::from(least) + offset);
    Ok(drawn.unwrap_or(least).into())
}
