//! The data of LOC records (RFC 1876): where something is on earth, as people write it and as it is sent.

/// Bytes of the data.
const LENGTH: usize = 16;

/// The equator and the first meridian, in thousandths of a second of arc.
const ZERO: i64 = 1 << 31;

/// Centimetres from the zero of altitudes down to where they are counted from.
const BASE: i64 = 10_000_000;

/// Thousandths of a second of arc in a degree.
const DEGREE: i64 = 3_600_000;

/// The size, and the horizontal and the vertical precision, where they are not said, in centimetres.
const DEFAULTS: [i64; 3] = [100, 1_000_000, 1000];

/// Reads a place: `52 14 5 N 0 8 50 E 10m`, then size and precisions, if not left out.
pub(crate) fn parse(text: &str) -> Result<[u8; LENGTH], String> {
    let mut words = text.split_ascii_whitespace().collect::<Vec<_>>().into_iter().peekable();
    let latitude = angle(&mut words, ["N", "S"], 90)?;
    let longitude = angle(&mut words, ["E", "W"], 180)?;
    let altitude = metres(words.next().ok_or("the altitude is missing, such as 10m")?)?;
    let above = u32::try_from(altitude + BASE).map_err(|_| "the altitude is not from -100000m to 42849672.95m")?;
    let mut lengths = [0; 3];
    for (length, default) in lengths.iter_mut().zip(DEFAULTS) {
        *length = words.next().map_or(Ok(default), metres).and_then(one_digit)?;
    }
    if let Some(word) = words.next() {
        return Err(format!("{word:?} comes after the last part, the vertical precision"));
    }
    let [size, horizontal, vertical] = lengths;
    let mut data = [0; LENGTH];
    data[1..4].copy_from_slice(&[size, horizontal, vertical]);
    for (at, part) in [latitude, longitude, above].into_iter().enumerate() {
        data[4 + 4 * at..][..4].copy_from_slice(&part.to_be_bytes());
    }
    Ok(data)
}

/// Degrees, minutes and seconds up to a direction, of which the first one is positive.
fn angle<'a>(words: &mut impl Iterator<Item = &'a str>, directions: [&str; 2], most: i64) -> Result<u32, String> {
    let [positive, negative] = directions;
    let mut thousandths = 0;
    for (unit, limit) in [(DEGREE, most + 1), (DEGREE / 60, 60), (DEGREE / 3600, 60), (0, 0)] {
        let word = words.next().ok_or_else(|| format!("{positive} or {negative} is missing"))?;
        if directions.contains(&word) {
            let sign = if word == positive { 1 } else { -1 };
            let is_on_earth = thousandths <= most * DEGREE && unit != DEGREE;
            let angle = u32::try_from(ZERO + sign * thousandths).ok().filter(|_| is_on_earth);
            return angle.ok_or_else(|| format!("there is no {most} degrees and more, or no degrees, before {word}"));
        }
        // Seconds alone have fractions.
        let number = if unit == 1000 { decimal(word, 3) } else { decimal(word, 0).map(|whole| whole * 1000) };
        let number = number.filter(|number| *number < limit * 1000);
        thousandths +=
            number.ok_or_else(|| format!("{word:?} is no part of an angle before {positive} or {negative}"))? * unit
                / 1000;
    }
    Err(format!("{positive} or {negative} is missing"))
}

/// Metres, with the unit or without, in centimetres.
fn metres(text: &str) -> Result<i64, String> {
    let bare = text.strip_suffix('m').unwrap_or(text);
    let (sign, digits) = bare.strip_prefix('-').map_or((1, bare), |digits| (-1, digits));
    let centimetres = decimal(digits, 2).map(|centimetres| sign * centimetres);
    centimetres.ok_or_else(|| format!("{text:?} is not a number of metres, such as 10m or -24.05m"))
}

/// A number with at most so many digits behind the point, as a whole number of the last of them.
fn decimal(text: &str, places: usize) -> Option<i64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let are_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || whole.len() > 9 || fraction.len() > places || !are_digits(whole) || !are_digits(fraction) {
        return None;
    }
    format!("{whole}{fraction:0<places$}").parse().ok()
}

/// A length as it is sent: a digit, and how many zeros follow.
fn one_digit(centimetres: i64) -> Result<u8, String> {
    let (mut digit, mut zeros) = (centimetres, 0);
    while digit > 9 && digit % 10 == 0 {
        (digit, zeros) = (digit / 10, zeros + 1);
    }
    let sent = u8::try_from(digit).ok().filter(|digit| *digit <= 9 && zeros <= 9);
    sent.map(|digit| digit << 4 | zeros)
        .ok_or_else(|| format!("{} has more than one digit that is not zero", shown_metres(centimetres)))
}

/// The text of what was sent; `None` where it is of another version.
pub(crate) fn text(data: &[u8]) -> Option<String> {
    let [0, size, horizontal, vertical, numbers @ ..] = data else { return None };
    let numbers: &[u8; 12] = numbers.try_into().ok()?;
    let part = |at: usize| {
        let bytes = [numbers[at], numbers[at + 1], numbers[at + 2], numbers[at + 3]];
        i64::from(u32::from_be_bytes(bytes))
    };
    let (latitude, longitude) = (shown_angle(part(0) - ZERO, ["N", "S"]), shown_angle(part(4) - ZERO, ["E", "W"]));
    let length = |sent: &u8| shown_metres(i64::from(sent >> 4) * 10_i64.pow(u32::from(sent & 15)));
    let lengths = [size, horizontal, vertical].map(length).join(" ");
    Some(format!("{latitude} {longitude} {} {lengths}", shown_metres(part(8) - BASE)))
}

fn shown_angle(thousandths: i64, directions: [&str; 2]) -> String {
    let [positive, negative] = directions;
    let direction = if thousandths < 0 { negative } else { positive };
    let all = thousandths.abs();
    let (degrees, minutes, seconds) = (all / DEGREE, all / 60_000 % 60, all % 60_000);
    format!("{degrees} {minutes} {}.{:03} {direction}", seconds / 1000, seconds % 1000)
}

fn shown_metres(centimetres: i64) -> String {
    let sign = if centimetres < 0 { "-" } else { "" };
    format!("{sign}{}.{:02}m", centimetres.abs() / 100, centimetres.abs() % 100)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_sent_as_bind_sends_them() {
        // By named-checkzone and dig of BIND 9.18.
        let data = parse("52 14 05 N 00 08 50 E 10m").expect("a place");
        assert_eq!(data, *b"\x00\x12\x16\x13\x8b\x35\x56\xc8\x80\x08\x16\x50\x00\x98\x9a\x68");
        assert_eq!(text(&data).as_deref(), Some("52 14 5.000 N 0 8 50.000 E 10.00m 1.00m 10000.00m 10.00m"));
    }

    #[test]
    fn places_are_read_as_they_are_written() {
        for place in [
            "32 7 19.000 S 116 2 25.000 E 10.00m 0.00m 0.00m 0.00m",
            "42 21 28.764 N 71 0 51.617 W -44.00m 2000.00m 0.00m 0.00m",
            "90 0 0.000 S 180 0 0.000 W -100000.00m 0.01m 9000000.00m 90000000.00m",
        ] {
            assert_eq!(text(&parse(place).expect(place)).as_deref(), Some(place));
        }
        assert_eq!(parse("1 N 2 W 3"), parse("1 0 0 N 2 0 0.0 W 3.00m 1m 10000m 10m"));
    }

    #[test]
    fn what_is_no_place_is_told() {
        for (place, why) in [
            ("", "missing"),
            ("N 1 E 1m", "no degrees"),
            ("91 N 1 E 1m", "part of an angle"),
            ("90 0 1 N 1 E 1m", "90 degrees and more"),
            ("1 60 N 1 E 1m", "part of an angle"),
            ("1 1.5 N 1 E 1m", "part of an angle"),
            ("1 1 1 1 N 1 E 1m", "part of an angle"),
            ("1 N 181 E 1m", "part of an angle"),
            ("1 N 1 1m", "part of an angle"),
            ("1 N 1 E", "altitude is missing"),
            ("1 N 1 E 99999999999999999999m", "number of metres"),
            ("1 N 1 E -100000.01m", "altitude is not"),
            ("1 N 1 E 1m 15m", "more than one digit"),
            ("1 N 1 E 1m -1m", "more than one digit"),
            ("1 N 1 E 1m 1m 1m 1m 1m", "after the last"),
        ] {
            let problem = parse(place).expect_err(place);
            assert!(problem.contains(why), "{place}: {problem}");
        }
    }
}
