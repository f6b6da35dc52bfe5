//! Arithmetic.

use dashu_int::IBig;

use crate::number::Number;
use crate::types::Type;
use crate::value::Value;

use super::call::{Call, CallError};
use super::table::{Allows, Function};

pub(super) fn functions() -> Vec<Function> {
    use Type::Number;
    vec![
        Function::new("abs", "The number without its sign.").takes("num", Number).gives(Number).by(abs),
        Function::new("ceil", "The least whole number that is not below the number.")
            .takes("num", Number)
            .gives(Number)
            .by(ceil),
        Function::new("floor", "The greatest whole number that is not above the number.")
            .takes("num", Number)
            .gives(Number)
            .by(floor),
        Function::new("log", "The logarithm of a number to a base.")
            .takes("num", Number)
            .takes("base", Number)
            .gives(Number)
            .by(log),
        Function::new("max", "The greatest of the numbers.")
            .takes_more("numbers", Number, Allows::NOTHING)
            .gives(Number)
            .by(max),
        Function::new("min", "The least of the numbers.")
            .takes_more("numbers", Number, Allows::NOTHING)
            .gives(Number)
            .by(min),
        Function::new("parseint", "The whole number that a string spells in a base from 2 to 62.")
            .takes("number", Type::Any)
            .takes("base", Number)
            .gives_by(parseint_type)
            .by(parseint),
        Function::new("pow", "A number raised to a power.")
            .takes("num", Number)
            .takes("power", Number)
            .gives(Number)
            .by(pow),
        Function::new("signum", "-1, 0 or 1: the sign of a whole number.")
            .takes("num", Number)
            .gives(Number)
            .by(signum),
    ]
}

fn abs(call: &Call<'_>) -> Result<Value, CallError> {
    Ok(Value::number(call.number(0).abs()))
}

fn ceil(call: &Call<'_>) -> Result<Value, CallError> {
    Ok(Value::number(call.number(0).ceil()))
}

fn floor(call: &Call<'_>) -> Result<Value, CallError> {
    Ok(Value::number(call.number(0).floor()))
}

fn signum(call: &Call<'_>) -> Result<Value, CallError> {
    Ok(Value::number(call.whole(0)?.signum()))
}

fn machine_float(float: f64) -> Result<Value, CallError> {
    Number::from_machine(float)
        .map(Value::number)
        .ok_or_else(|| CallError::new("the result is not a number, or too large for one"))
}

fn log(call: &Call<'_>) -> Result<Value, CallError> {
    machine_float(call.number(0).to_f64().ln() / call.number(1).to_f64().ln())
}

fn pow(call: &Call<'_>) -> Result<Value, CallError> {
    machine_float(call.number(0).to_f64().powf(call.number(1).to_f64()))
}

fn max(call: &Call<'_>) -> Result<Value, CallError> {
    let greatest = call.arguments.iter().filter_map(Value::as_number).max();
    greatest.cloned().map(Value::number).ok_or_else(|| CallError::new("must pass at least one number"))
}

fn min(call: &Call<'_>) -> Result<Value, CallError> {
    let least = call.arguments.iter().filter_map(Value::as_number).min();
    least.cloned().map(Value::number).ok_or_else(|| CallError::new("must pass at least one number"))
}

fn parseint_type(arguments: &[Value]) -> Result<Type, CallError> {
    match arguments.first().map(Value::ty) {
        Some(Type::String) => Ok(Type::Number),
        Some(other) => Err(CallError::of(0, format!("must be a string, not {}", other.friendly_name()))),
        None => Ok(Type::Number),
    }
}

fn parseint(call: &Call<'_>) -> Result<Value, CallError> {
    let base = call
        .number(1)
        .to_u64()
        .and_then(|base| u32::try_from(base).ok())
        .filter(|base| (2..=62).contains(base))
        .ok_or_else(|| CallError::of(1, "must be a whole number between 2 and 62 inclusive"))?;
    let text = call.text(0);
    parse_integer(text, base)
        .and_then(Number::from_integer)
        .map(Value::number)
        .ok_or_else(|| CallError::of(0, format!("cannot parse {} as an integer in base {base}", call.shown(text))))
}

/// Up to base 36 the case of letters does not matter; above, small letters come first.
fn parse_integer(text: &str, base: u32) -> Option<IBig> {
    let (negative, digits) = match text.as_bytes() {
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] => (false, digits),
        digits => (false, digits),
    };
    // More digits than any number of 512 bits of precision needs would only cost time.
    if digits.is_empty() || digits.len() > 10_000 {
        return None;
    }
    let mut integer = IBig::ZERO;
    for digit in digits {
        let value = match digit {
            b'0'..=b'9' => digit - b'0',
            b'a'..=b'z' => digit - b'a' + 10,
            b'A'..=b'Z' if base <= 36 => digit - b'A' + 10,
            b'A'..=b'Z' => digit - b'A' + 36,
            _ => return None,
        };
        if u32::from(value) >= base {
            return None;
        }
        integer = integer * IBig::from(base) + IBig::from(value);
    }
    Some(if negative { -integer } else { integer })
}
