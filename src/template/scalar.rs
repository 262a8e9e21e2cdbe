//! What a plain scalar of YAML 1.1 is, as PyYAML, which SAM reads templates with, has it.
//!
//! `yes` is a boolean, `0755` is octal, `12:30:45` counts sixties, `1e3` is text; timestamps are text because SAM takes
//! them so. Numbers keep the text that Python prints for them, which is what a function sees in its environment.

use super::node::Kind;

/// Resolves a plain scalar.
pub(super) fn resolve(text: &str) -> Kind {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Kind::Null,
        "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => Kind::Bool(true),
        "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => {
            Kind::Bool(false)
        }
        text => match number(text) {
            Some(number) => Kind::Number(number.into()),
            None => Kind::String(text.into()),
        },
    }
}

/// A number, whose first letter tells nearly every text from one.
fn number(text: &str) -> Option<String> {
    if !text.starts_with(|first: char| first.is_ascii_digit() || matches!(first, '+' | '-' | '.')) {
        return None;
    }
    integer(text).or_else(|| float(text))
}

/// Resolves a scalar with an explicit tag of YAML's own. None where the text does not fit the tag.
pub(super) fn resolve_tagged(tag: &str, text: &str) -> Option<Kind> {
    match tag {
        "str" => Some(Kind::String(text.into())),
        "null" => Some(Kind::Null),
        "int" => integer(text).map(|number| Kind::Number(number.into())),
        "float" => {
            let plain = || {
                text.replace('_', "")
                    .parse::<f64>()
                    .ok()
                    .filter(|value| value.is_finite())
                    .map(python_float)
            };
            float(text)
                .or_else(plain)
                .map(|number| Kind::Number(number.into()))
        }
        "bool" => match resolve(text) {
            Kind::Bool(value) => Some(Kind::Bool(value)),
            _ => None,
        },
        _ => Some(resolve(text)),
    }
}

fn split_sign(text: &str) -> (bool, &str) {
    match text.as_bytes().first() {
        Some(b'-') => (true, &text[1..]),
        Some(b'+') => (false, &text[1..]),
        _ => (false, text),
    }
}

fn only(text: &str, allowed: impl Fn(u8) -> bool) -> bool {
    !text.is_empty() && text.bytes().all(allowed)
}

fn digits(text: &str) -> bool {
    only(text, |byte| byte.is_ascii_digit() || byte == b'_')
}

/// An integer in decimal, where the text is one.
fn integer(text: &str) -> Option<String> {
    let (negative, rest) = split_sign(text);
    let value = if let Some(binary) = rest.strip_prefix("0b") {
        only(binary, |byte| matches!(byte, b'0' | b'1' | b'_')).then(|| decimal(binary, 2))?
    } else if let Some(hexadecimal) = rest.strip_prefix("0x") {
        only(hexadecimal, |byte| byte.is_ascii_hexdigit() || byte == b'_')
            .then(|| decimal(hexadecimal, 16))?
    } else if rest == "0" {
        "0".to_owned()
    } else if let Some(octal) = rest.strip_prefix('0') {
        only(octal, |byte| matches!(byte, b'0'..=b'7' | b'_')).then(|| decimal(octal, 8))?
    } else if !rest.starts_with(|first: char| first.is_ascii_digit()) {
        return None;
    } else if rest.contains(':') {
        sixties(rest)?.to_string()
    } else {
        digits(rest).then(|| decimal(rest, 10))?
    };
    Some(if negative && value != "0" {
        format!("-{value}")
    } else {
        value
    })
}

/// Digits of any base in decimal, however many they are.
fn decimal(text: &str, base: u32) -> String {
    // Little-endian groups of nine decimal digits.
    let mut groups: Vec<u64> = vec![0];
    for digit in text.chars().filter_map(|letter| letter.to_digit(base)) {
        let mut carry = u64::from(digit);
        for group in &mut groups {
            let value = *group * u64::from(base) + carry;
            (*group, carry) = (value % 1_000_000_000, value / 1_000_000_000);
        }
        if carry > 0 {
            groups.push(carry);
        }
    }
    let (last, rest) = groups.split_last().unwrap_or((&0, &[]));
    rest.iter().rev().fold(last.to_string(), |text, group| {
        text + &format!("{group:09}")
    })
}

/// `1:30` is 90: digits, then groups of one or two digits below sixty.
fn sixties(text: &str) -> Option<u64> {
    let mut parts = text.split(':');
    let head = parts.next().filter(|head| digits(head))?;
    let mut value: u64 = head.replace('_', "").parse().ok()?;
    for part in parts {
        let group: u64 = (part.len() <= 2 && only(part, |byte| byte.is_ascii_digit()))
            .then(|| part.parse().ok())??;
        value = (group < 60).then(|| value.checked_mul(60)?.checked_add(group))??;
    }
    Some(value)
}

/// A float as Python prints it, where the text is one.
fn float(text: &str) -> Option<String> {
    let (negative, rest) = split_sign(text);
    let (whole, fraction) = rest.split_once('.')?;
    let (fraction, exponent) = match fraction.find(['e', 'E']) {
        Some(at) => (&fraction[..at], Some(&fraction[at + 1..])),
        None => (fraction, None),
    };
    let fits = if whole.is_empty() {
        // A sign before a bare point makes it text.
        rest == text
            && fraction.starts_with(|first: char| first.is_ascii_digit())
            && digits(fraction)
    } else {
        whole.starts_with(|first: char| first.is_ascii_digit())
            && (fraction.is_empty() || digits(fraction))
    };
    // The sign of an exponent is not optional.
    let exponent_fits = exponent.is_none_or(|exponent| {
        exponent.starts_with(['-', '+']) && only(&exponent[1..], |byte| byte.is_ascii_digit())
    });
    if !fits || !exponent_fits {
        return None;
    }
    let value: f64 = if whole.contains(':') {
        let head = sixties(whole).filter(|_| exponent.is_none())?;
        let tail: f64 = format!("0.{}", fraction.replace('_', ""))
            .parse()
            .unwrap_or(0.0);
        // As Python adds it up; templates have no such number that is not exact.
        format!("{head}.0").parse::<f64>().ok()? + tail
    } else {
        digits(if whole.is_empty() { "0" } else { whole })
            .then(|| format!("0{}", rest.replace('_', "")).parse().ok())??
    };
    Some(python_float(if negative { -value } else { value }))
}

/// A float in the text that Python's `repr` gives it.
pub(super) fn python_float(value: f64) -> String {
    let scientific = format!("{value:e}");
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if (-4..16).contains(&exponent) {
        let plain = format!("{value}");
        return if plain.contains('.') {
            plain
        } else {
            format!("{plain}.0")
        };
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{mantissa}e{sign}{:02}", exponent.unsigned_abs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_python_s() {
        let number = |text: &str| match resolve(text) {
            Kind::Number(number) => number,
            other => panic!("{text} is {other:?}"),
        };
        for (text, expected) in [
            ("0755", "493"),
            ("012345670123", "1402433619"),
            ("0b101", "5"),
            ("0x1F", "31"),
            ("+1_000", "1000"),
            ("-0", "0"),
            ("12:30:45", "45045"),
            (
                "123456789012345678901234567890",
                "123456789012345678901234567890",
            ),
            ("1.50", "1.5"),
            ("1.", "1.0"),
            (".5", "0.5"),
            ("1.0e+3", "1000.0"),
            ("1.5e-7", "1.5e-07"),
            ("1.0e+20", "1e+20"),
            ("1:30.5", "90.5"),
        ] {
            assert_eq!(number(text), expected, "{text}");
        }
    }

    #[test]
    fn what_only_looks_like_a_number_is_text() {
        for text in [
            "1e3",
            "0o755",
            "012345678901",
            "1.0e3",
            "-.5",
            "1:60",
            "_1",
            "1.2.3",
            "2012-10-17",
            "0x",
            "y",
            "+",
        ] {
            assert_eq!(resolve(text), Kind::String(text.into()));
        }
    }
}
