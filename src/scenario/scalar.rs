//! Plain scalars: which text is a number, a truth value, nothing, or text.

use serde_yaml::Value;

/// The value of a plain scalar under the core schema of YAML 1.2.
pub fn plain(text: &str) -> Value {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Value::Null,
        "true" | "True" | "TRUE" => return Value::Bool(true),
        "false" | "False" | "FALSE" => return Value::Bool(false),
        // no quantity is one of these: as text, each says by itself that it is none
        ".nan" | ".NaN" | ".NAN" => return Value::String("NaN".to_owned()),
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => return Value::String("infinity".to_owned()),
        "-.inf" | "-.Inf" | "-.INF" => return Value::String("-infinity".to_owned()),
        _ => {}
    }
    let digits = text.trim_start_matches(['+', '-']);
    if text.len() - digits.len() > 1 || !digits.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
        return Value::String(text.to_owned());
    }
    let leading_zero =
        digits.len() > 1 && digits.starts_with('0') && digits[1..].starts_with(|c: char| c.is_ascii_digit());
    if leading_zero {
        return Value::String(text.to_owned()); // octal in YAML 1.1, decimal in 1.2: neither is what everybody reads
    }
    if digits.bytes().all(|b| b.is_ascii_digit()) {
        if let Ok(number) = text.trim_start_matches('+').parse::<u64>() {
            return Value::Number(number.into());
        }
        if let Ok(number) = text.parse::<i64>() {
            return Value::Number(number.into());
        }
    }
    let float = digits.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'e' | b'E' | b'+' | b'-'));
    match text.parse::<f64>() {
        Ok(number) if float => Value::Number(number.into()),
        _ => Value::String(text.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scalars_follow_the_core_schema() {
        assert_eq!(plain("042"), Value::String("042".into()));
        assert_eq!(plain("4_000"), Value::String("4_000".into()));
        assert_eq!(plain("no"), Value::String("no".into()));
        assert_eq!(plain("-3"), Value::Number((-3).into()));
        assert_eq!(plain("20e9"), Value::Number(20e9.into()));
        assert_eq!(plain("10.0.0.1"), Value::String("10.0.0.1".into()));
        assert_eq!(plain("1e"), Value::String("1e".into()));
    }
}
