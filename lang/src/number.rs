//! Numbers without loss.
//!
//! A number is what Terraform computes with: a binary floating-point number with a
//! significand of 512 bits, rounded to nearest, ties to even. Integers that fit 64 bits,
//! which is nearly all of them, are kept and computed as such. There is no infinity and no
//! not-a-number: what would give one gives `None`, and so does what would give a number with
//! more than some 39,000 digits. What is as near to zero as that is zero.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;

use dashu_float::round::mode::HalfEven;
use dashu_float::{Context, FBig, Repr};
use dashu_int::IBig;

/// The bits of a significand.
pub const PRECISION: usize = 512;

/// The greatest power of ten that a literal may carry, and how many digits, so that a few
/// characters cannot ask for gigabytes of them, nor many for hours.
const MAX_EXPONENT: i64 = 20_000;
const MAX_DIGITS: usize = 100_000;

/// Numbers are smaller than two to this power, and greater than its inverse or zero.
const MAX_BITS: isize = 1 << 17;

type Float = FBig<HalfEven, 2>;

const CONTEXT: Context<HalfEven> = Context::new(PRECISION);

/// A number of arbitrary size with 512 bits of precision.
#[derive(Clone, PartialEq, Eq)]
pub struct Number(Form);

/// `Float` never holds what fits `Int`, so that equal numbers have equal forms.
#[derive(Clone, PartialEq, Eq)]
enum Form {
    Int(i64),
    Float(Box<Float>),
}

/// The text is not a decimal number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParseNumberError;

impl fmt::Display for ParseNumberError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number is required")
    }
}

impl std::error::Error for ParseNumberError {}

impl Number {
    /// The number zero.
    pub const ZERO: Number = Number(Form::Int(0));

    /// The number that a result is; `None` where it is too large for one.
    fn of(float: Float) -> Option<Number> {
        let repr = float.repr();
        let bits = repr.exponent().saturating_add(isize::try_from(repr.digits()).unwrap_or(isize::MAX));
        match bits {
            bits if bits > MAX_BITS => None,
            bits if bits < -MAX_BITS => Some(Number::ZERO),
            _ => Some(Number::within(float)),
        }
    }

    /// The number that a result is which is known to be neither too large nor too small.
    fn within(float: Float) -> Number {
        let float = float.with_precision(PRECISION).value();
        if *float.repr().significand() == IBig::ZERO {
            return Number::ZERO;
        }
        if float.repr().is_int()
            && float.repr().exponent() < 64
            && let Ok(int) = i64::try_from(float.to_int().value())
        {
            return Number(Form::Int(int));
        }
        Number(Form::Float(Box::new(float)))
    }

    fn float(&self) -> Float {
        match &self.0 {
            Form::Int(int) => Float::from_parts(IBig::from(*int), 0).with_precision(PRECISION).value(),
            Form::Float(float) => (**float).clone(),
        }
    }

    /// The number nearest to a machine float; `None` for infinities and not-a-number.
    pub fn from_f64(float: f64) -> Option<Number> {
        Float::try_from(float).ok().filter(|float| float.repr().is_finite()).and_then(Number::of)
    }

    /// The number that computing with machine floats gives: the one that the shortest digits
    /// telling `float` from its neighbours spell. `None` for infinities and not-a-number.
    ///
    /// Terraform keeps such a result with the precision of a machine float and shows these
    /// digits; numbers of one precision keep to what is shown.
    pub fn from_machine(float: f64) -> Option<Number> {
        let exact = Float::try_from(float).ok().filter(|float| float.repr().is_finite())?;
        if exact.repr().is_int() && float.abs() < 9_007_199_254_740_992.0 {
            return Number::of(exact);
        }
        shortest_decimal(&exact, f64::MANTISSA_DIGITS as usize, Bounds::Even).parse().ok()
    }

    /// The number that an integer is, rounded to 512 bits; `None` where it is too large.
    pub fn from_integer(integer: IBig) -> Option<Number> {
        Number::of(Float::from_parts(integer, 0))
    }

    /// About how many digits its text has, and not fewer, beyond those of small integers.
    pub(crate) fn digits(&self) -> usize {
        match &self.0 {
            Form::Int(_) => 0,
            // Three bits are not quite a digit.
            Form::Float(float) => (PRECISION + float.repr().exponent().unsigned_abs()) / 3,
        }
    }

    /// The machine float nearest to the number; infinite where it is too large.
    pub fn to_f64(&self) -> f64 {
        match &self.0 {
            Form::Int(int) => *int as f64,
            Form::Float(float) => float.to_f64().value(),
        }
    }

    /// The number as a 64-bit integer, if it is one.
    pub fn to_i64(&self) -> Option<i64> {
        match &self.0 {
            Form::Int(int) => Some(*int),
            Form::Float(_) => None,
        }
    }

    /// The number as an unsigned 64-bit integer, if it is one.
    pub fn to_u64(&self) -> Option<u64> {
        match &self.0 {
            Form::Int(int) => u64::try_from(*int).ok(),
            Form::Float(_) => self.to_integer().and_then(|int| u64::try_from(int).ok()),
        }
    }

    /// The number as an index or a count, if it is a whole number that is not negative.
    pub fn to_usize(&self) -> Option<usize> {
        self.to_i64().and_then(|int| usize::try_from(int).ok())
    }

    /// The number as an integer of any size, if it is whole.
    pub fn to_integer(&self) -> Option<IBig> {
        match &self.0 {
            Form::Int(int) => Some(IBig::from(*int)),
            Form::Float(float) => float.repr().is_int().then(|| float.to_int().value()),
        }
    }

    /// Whether the number is whole.
    pub fn is_integer(&self) -> bool {
        match &self.0 {
            Form::Int(_) => true,
            Form::Float(float) => float.repr().is_int(),
        }
    }

    /// Whether the number is below zero.
    pub fn is_negative(&self) -> bool {
        *self < Number::ZERO
    }

    /// Whether the number is zero.
    pub fn is_zero(&self) -> bool {
        self.0 == Form::Int(0)
    }

    fn combine(
        &self,
        other: &Number,
        exact: impl Fn(i64, i64) -> Option<i64>,
        rounded: impl Fn(&Repr<2>, &Repr<2>) -> Float,
    ) -> Option<Number> {
        if let (Form::Int(left), Form::Int(right)) = (&self.0, &other.0)
            && let Some(int) = exact(*left, *right)
        {
            return Some(Number(Form::Int(int)));
        }
        Number::of(rounded(self.float().repr(), other.float().repr()))
    }

    /// The sum; `None` where it is too large for a number.
    #[must_use]
    pub fn add(&self, other: &Number) -> Option<Number> {
        self.combine(other, i64::checked_add, |l, r| CONTEXT.add(l, r).map_or(Float::ZERO, |v| v.value()))
    }

    /// The difference; `None` where it is too large for a number.
    #[must_use]
    pub fn sub(&self, other: &Number) -> Option<Number> {
        self.combine(other, i64::checked_sub, |l, r| CONTEXT.sub(l, r).map_or(Float::ZERO, |v| v.value()))
    }

    /// The product; `None` where it is too large for a number.
    #[must_use]
    pub fn mul(&self, other: &Number) -> Option<Number> {
        self.combine(other, i64::checked_mul, |l, r| CONTEXT.mul(l, r).map_or(Float::ZERO, |v| v.value()))
    }

    /// The quotient; `None` when dividing by zero, and where it is too large for a number.
    #[must_use]
    pub fn div(&self, other: &Number) -> Option<Number> {
        if other.is_zero() {
            return None;
        }
        let whole = |l: i64, r: i64| if l.checked_rem(r) == Some(0) { l.checked_div(r) } else { None };
        self.combine(other, whole, |l, r| CONTEXT.div(l, r).map_or(Float::ZERO, |v| v.value()))
    }

    /// The remainder of the division that rounds towards zero, with the sign of `self`;
    /// `None` where there is no quotient.
    #[must_use]
    pub fn rem(&self, other: &Number) -> Option<Number> {
        if let (Form::Int(left), Form::Int(right)) = (&self.0, &other.0) {
            return left.checked_rem(*right).map(Number::from).or((*right == -1).then_some(Number::ZERO));
        }
        let quotient = self.div(other)?.trunc();
        self.sub(&other.mul(&quotient)?)
    }

    /// The number with the other sign.
    #[must_use]
    pub fn neg(&self) -> Number {
        match &self.0 {
            Form::Int(int) if *int != i64::MIN => Number(Form::Int(-int)),
            _ => Number::within(-self.float()),
        }
    }

    /// The number without its sign.
    #[must_use]
    pub fn abs(&self) -> Number {
        if self.is_negative() { self.neg() } else { self.clone() }
    }

    fn rounded(&self, round: impl Fn(&Float) -> Float) -> Number {
        match &self.0 {
            Form::Int(_) => self.clone(),
            Form::Float(float) => Number::within(round(float)),
        }
    }

    /// The whole number next to this one towards zero.
    #[must_use]
    pub fn trunc(&self) -> Number {
        self.rounded(|float| float.trunc())
    }

    /// The greatest whole number that is not above this one.
    #[must_use]
    pub fn floor(&self) -> Number {
        self.rounded(|float| float.floor())
    }

    /// The least whole number that is not below this one.
    #[must_use]
    pub fn ceil(&self) -> Number {
        self.rounded(|float| float.ceil())
    }
}

impl From<i64> for Number {
    fn from(int: i64) -> Self {
        Number(Form::Int(int))
    }
}

impl From<i32> for Number {
    fn from(int: i32) -> Self {
        Number(Form::Int(i64::from(int)))
    }
}

impl From<u32> for Number {
    fn from(int: u32) -> Self {
        Number(Form::Int(i64::from(int)))
    }
}

impl From<u64> for Number {
    fn from(int: u64) -> Self {
        i64::try_from(int).map_or_else(|_| Number::within(Float::from_parts(IBig::from(int), 0)), Number::from)
    }
}

impl From<usize> for Number {
    fn from(int: usize) -> Self {
        Number::from(int as u64)
    }
}

impl PartialOrd for Number {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Number {
    fn cmp(&self, other: &Self) -> Ordering {
        match (&self.0, &other.0) {
            (Form::Int(left), Form::Int(right)) => left.cmp(right),
            _ => self.float().cmp(&other.float()),
        }
    }
}

impl Hash for Number {
    fn hash<H: Hasher>(&self, state: &mut H) {
        match &self.0 {
            Form::Int(int) => int.hash(state),
            Form::Float(float) => {
                float.repr().significand().hash(state);
                float.repr().exponent().hash(state);
            }
        }
    }
}

impl FromStr for Number {
    type Err = ParseNumberError;

    /// Reads a decimal number: digits, a fraction, an exponent, a sign.
    fn from_str(text: &str) -> Result<Self, ParseNumberError> {
        if let Ok(int) = text.parse::<i64>()
            && !text.starts_with('+')
        {
            return Ok(Number(Form::Int(int)));
        }
        let (digits, exponent) = match text.find(['e', 'E']) {
            Some(at) => (&text[..at], parse_exponent(&text[at + 1..])?),
            None => (text, 0),
        };
        let (sign, digits) = match digits.strip_prefix('-') {
            Some(rest) => (-1, rest),
            None => (1, digits.strip_prefix('+').unwrap_or(digits)),
        };
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let all = format!("{whole}{fraction}");
        if all.is_empty() || all.len() > MAX_DIGITS || !all.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(ParseNumberError);
        }
        let fraction_digits = i64::try_from(fraction.len()).map_err(|_| ParseNumberError)?;
        let exponent = exponent - fraction_digits;
        let significand = IBig::from_str(&all).map_err(|_| ParseNumberError)? * IBig::from(sign);
        let power = IBig::from(10).pow(usize::try_from(exponent.unsigned_abs()).map_err(|_| ParseNumberError)?);
        let number = if exponent >= 0 {
            Number::from_integer(significand * power)
        } else {
            let (numerator, denominator) = (Repr::new(significand, 0), Repr::new(power, 0));
            Number::of(CONTEXT.div(&numerator, &denominator).map_err(|_| ParseNumberError)?.value())
        };
        number.ok_or(ParseNumberError)
    }
}

fn parse_exponent(text: &str) -> Result<i64, ParseNumberError> {
    let exponent: i64 = text.parse().map_err(|_| ParseNumberError)?;
    if exponent.abs() > MAX_EXPONENT { Err(ParseNumberError) } else { Ok(exponent) }
}

impl fmt::Display for Number {
    /// Plain decimal digits, never an exponent: the shortest that read back as this number.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Form::Int(int) => write!(f, "{int}"),
            Form::Float(float) => f.write_str(&shortest_decimal(float, PRECISION, Bounds::Exact)),
        }
    }
}

impl fmt::Debug for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Decimal digits with a place for the point: the value is 0.DIGITS times ten to the power
/// of `point`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Digits {
    /// Whether the number is below zero.
    pub(crate) negative: bool,
    /// ASCII digits without zeros at either end; none for zero.
    pub(crate) digits: Vec<u8>,
    /// How many of the digits stand before the decimal point; may lie outside of them.
    pub(crate) point: i64,
}

impl Number {
    /// All decimal digits of the number, none rounded.
    pub(crate) fn exact_digits(&self) -> Digits {
        let (significand, exponent) = self.float().repr().clone().into_parts();
        let (scaled, places) = if exponent >= 0 {
            (significand << exponent.unsigned_abs(), 0)
        } else {
            (significand * IBig::from(5).pow(exponent.unsigned_abs()), exponent.unsigned_abs())
        };
        Digits::of(&scaled.to_string(), places)
    }

    /// The decimal digits that [`Number`]'s text form shows.
    pub(crate) fn shortest_digits(&self) -> Digits {
        let text = self.to_string();
        let places = text.split_once('.').map_or(0, |(_, fraction)| fraction.len());
        Digits::of(&text.replace('.', ""), places)
    }
}

impl Digits {
    /// The digits of an integer, of which the last `places` stand behind the point.
    fn of(integer: &str, places: usize) -> Digits {
        let negative = integer.starts_with('-');
        let all = integer.trim_start_matches('-').trim_start_matches('0');
        let count = |length: usize| i64::try_from(length).unwrap_or(i64::MAX);
        let point = if all.is_empty() { 0 } else { count(all.len()) - count(places) };
        Digits { negative, digits: all.trim_end_matches('0').as_bytes().to_vec(), point }
    }
}

/// How far below a power of two its lower neighbour is taken to be.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Bounds {
    /// Where it is: half as far as the upper one, so that the digits always read back.
    Exact,
    /// As far as the upper one, as Go takes it.
    Even,
}

/// The shortest decimal digits that lie nearer to `float` than to its neighbours of
/// `precision` bits, found digit by digit between the two half-way points (Steele and White
/// 1990).
fn shortest_decimal(float: &Float, precision: usize, bounds: Bounds) -> String {
    let (significand, exponent) = float.repr().clone().into_parts();
    let negative = significand < IBig::ZERO;
    let magnitude = if negative { -significand } else { significand };
    let digits = float.repr().digits();
    // The significand at full width, and two more bits for the half-way points.
    let shift = precision.saturating_sub(digits) + 2;
    let exact = magnitude << shift;
    let exponent = exponent - isize::try_from(shift).unwrap_or(isize::MAX);
    let is_power_of_two = digits == 1;
    let half_as_far = is_power_of_two && bounds == Bounds::Exact;
    let lower = &exact - IBig::from(if half_as_far { 1 } else { 2 });
    let upper = &exact + IBig::from(2);
    let inclusive = (&exact >> 2usize) % IBig::from(2) == IBig::ZERO;
    // Decimal places enough to write all three exactly.
    let places = exponent.min(0).unsigned_abs();
    let scale = |value: IBig| -> String {
        let scaled = if exponent >= 0 { value << exponent.unsigned_abs() } else { value * IBig::from(5).pow(places) };
        scaled.to_string()
    };
    let upper = scale(upper);
    let width = upper.len().max(places + 1);
    let pad = |text: String| [b"0".repeat(width - text.len()), text.into_bytes()].concat();
    let (lower, exact, upper) = (pad(scale(lower)), pad(scale(exact)), pad(upper));
    let kept = choose_digits(&lower, &exact, &upper, inclusive);
    let text = String::from_utf8_lossy(&kept).into_owned();
    let (whole, fraction) = text.split_at(text.len() - places);
    let whole = whole.trim_start_matches('0');
    let fraction = fraction.trim_end_matches('0');
    let sign = if negative { "-" } else { "" };
    let whole = if whole.is_empty() { "0" } else { whole };
    if fraction.is_empty() { format!("{sign}{whole}") } else { format!("{sign}{whole}.{fraction}") }
}

/// Cuts `exact` after the first digit that tells it from both bounds; all three have the
/// same number of digits, and so has the answer, filled with zeros.
fn choose_digits(lower: &[u8], exact: &[u8], upper: &[u8], inclusive: bool) -> Vec<u8> {
    let significant = |digits: &[u8]| digits.iter().rposition(|d| *d != b'0').map_or(0, |at| at + 1);
    let (lower_len, upper_len) = (significant(lower), significant(upper));
    for (at, digit) in exact.iter().enumerate() {
        // Cutting is right if the lower bound differs by then, or is met exactly and belongs to us.
        let okdown = lower[at] != *digit || (inclusive && at + 1 == lower_len);
        // So is adding one if that stays below the upper bound, or meets it and it belongs to us.
        let okup = *digit != upper[at] && (inclusive || digit + 1 < upper[at] || at + 1 < upper_len);
        if okdown || okup {
            let rest = &exact[at + 1..];
            let up = if okdown && okup { round_half_even(*digit, rest) } else { okup };
            return cut(exact, at, up);
        }
    }
    exact.to_vec()
}

fn round_half_even(last: u8, rest: &[u8]) -> bool {
    match rest.first() {
        None => false,
        Some(b'5') if rest[1..].iter().all(|digit| *digit == b'0') => (last - b'0') % 2 == 1,
        Some(digit) => *digit >= b'5',
    }
}

fn cut(exact: &[u8], at: usize, up: bool) -> Vec<u8> {
    let mut digits = exact.to_vec();
    digits[at + 1..].fill(b'0');
    let mut place = at;
    if up {
        while digits[place] == b'9' && place > 0 {
            digits[place] = b'0';
            place -= 1;
        }
        digits[place] += 1;
    }
    digits
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn number(text: &str) -> Number {
        text.parse().expect("a number")
    }

    #[test]
    fn decimals_come_back_as_written() {
        for text in ["0", "-1", "0.1", "3.14159", "-0.000001", "9223372036854775808", "123456789012345678901234567890"]
        {
            assert_eq!(number(text).to_string(), text);
        }
        assert_eq!(number("1e3").to_string(), "1000");
        assert_eq!(number("1.50").to_string(), "1.5");
        assert_eq!(number("1e-7").to_string(), "0.0000001");
        assert!("1e999999999".parse::<Number>().is_err());
        assert!("".parse::<Number>().is_err());
        assert!("1.2.3".parse::<Number>().is_err());
    }

    #[test]
    fn division_keeps_512_bits() {
        let third = number("1").div(&number("3")).expect("not zero");
        assert!(third.to_string().starts_with(&format!("0.{}", "3".repeat(150))));
        assert_eq!(third.mul(&number("3")), Some(number("1")));
        assert_eq!(number("0.1").add(&number("0.2")), Some(number("0.3")));
        assert_eq!(number("7").rem(&number("-3")), Some(number("1")));
        assert_eq!(number("-7.5").rem(&number("2")), Some(number("-1.5")));
        assert_eq!(number("1").div(&Number::ZERO), None);
    }

    #[test]
    fn numbers_neither_grow_nor_shrink_for_ever() {
        let mut large = number("1e20000");
        let mut small = number("-1e-20000");
        while let Some(larger) = large.mul(&large) {
            large = larger;
        }
        assert!(large.to_string().len() <= large.digits(), "{}", large.digits());
        while let Some(larger) = large.add(&large) {
            large = larger;
        }
        assert_eq!(large.sub(&large.neg()), None);
        assert_eq!(large.add(&large.neg()), Some(Number::ZERO));
        assert_eq!(large.div(&small), None);
        assert_eq!(large.add(&small), Some(large.clone()));
        while !small.is_zero() {
            assert!(small.to_string().len() <= small.digits() + 3, "{}", small.digits());
            small = small.mul(&small).expect("smaller");
        }
        assert!("9".repeat(MAX_DIGITS + 1).parse::<Number>().is_err());
        assert!("1".repeat(50_000).parse::<Number>().is_err());
    }

    #[test]
    fn machine_floats_show_their_own_digits() {
        for (float, expected) in
            [(2_f64.powi(64), "18446744073709550000"), (0.1, "0.1"), (2_f64.sqrt(), "1.4142135623730951"), (8.0, "8")]
        {
            assert_eq!(Number::from_machine(float).map(|number| number.to_string()).as_deref(), Some(expected));
        }
        assert_eq!(Number::from_machine(f64::NAN), None);
    }

    #[test]
    fn digits_have_a_place_for_the_point() {
        let digits = |text: &str| number(text).exact_digits();
        assert_eq!(digits("-2.5"), Digits { negative: true, digits: b"25".to_vec(), point: 1 });
        assert_eq!(digits("1200"), Digits { negative: false, digits: b"12".to_vec(), point: 4 });
        assert_eq!(digits("0.125"), Digits { negative: false, digits: b"125".to_vec(), point: 0 });
        assert_eq!(number("0.001").shortest_digits(), Digits { negative: false, digits: b"1".to_vec(), point: -2 });
    }

    #[test]
    fn overflow_goes_over_to_large_numbers_and_back() {
        let large = Number::from(i64::MAX).add(&Number::from(1)).expect("a number");
        assert_eq!(large.to_string(), "9223372036854775808");
        assert_eq!(large.sub(&Number::from(1)).and_then(|number| number.to_i64()), Some(i64::MAX));
        assert_eq!(Number::from(i64::MIN).neg(), large);
        assert_eq!(Number::from(i64::MIN).rem(&Number::from(-1)), Some(Number::ZERO));
    }

    proptest! {
        #[test]
        fn every_machine_float_reads_back(float in any::<f64>()) {
            if let Some(number) = Number::from_f64(float) {
                prop_assert_eq!(number.to_string().parse::<Number>(), Ok(number));
            }
        }

        #[test]
        fn sums_agree_with_wide_integers(left in any::<i64>(), right in any::<i64>()) {
            let sum = i128::from(left) + i128::from(right);
            let found = Number::from(left).add(&Number::from(right)).map(|found| found.to_string());
            prop_assert_eq!(found, Some(sum.to_string()));
        }
    }
}
