//! Bounds of what can be written through the API.
//!
//! Invariant: what passes here the database takes; its own constraints stand behind. Control characters, NUL first of
//! all, are in no text.

use crate::problem::Problem;

/// Something that a client sent and that has bounds.
pub(crate) trait Bounded {
    /// # Errors
    /// A problem that names the first field that is out of its bounds.
    fn check(&self) -> Result<(), Problem>;
}

/// The longest name, in characters.
pub(crate) const MAX_NAME_CHARS: usize = 200;

/// The longest notes, in characters.
pub(crate) const MAX_NOTES_CHARS: usize = 4_000;

/// The longest address, in bytes.
const MAX_EMAIL_BYTES: usize = 320;

/// A name: 1 to 200 characters on one line.
pub(crate) fn name(field: &str, value: &str) -> Result<(), Problem> {
    let is_blank = value.trim().is_empty();
    if is_blank || value.chars().count() > MAX_NAME_CHARS || value.chars().any(char::is_control) {
        return Err(Problem::invalid(format!("{field} must have 1 to {MAX_NAME_CHARS} characters, on one line")));
    }
    Ok(())
}

/// A text of at most `max_chars`, line breaks and tabs among them.
pub(crate) fn text(field: &str, value: &str, max_chars: usize) -> Result<(), Problem> {
    let is_forbidden = |char: char| char.is_control() && !matches!(char, '\n' | '\r' | '\t');
    if value.chars().count() > max_chars || value.chars().any(is_forbidden) {
        let problem = format!("{field} must have at most {max_chars} characters and no control characters");
        return Err(Problem::invalid(problem));
    }
    Ok(())
}

/// A number in E.164 form: a plus sign and 2 to 15 digits, the first of them not 0.
pub(crate) fn phone(field: &str, value: &str) -> Result<(), Problem> {
    let digits = value.strip_prefix('+').unwrap_or_default();
    let is_e164 = (2..=15).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
    if !is_e164 || digits.starts_with('0') {
        return Err(Problem::invalid(format!("{field} must be a number in E.164 form, as in +4930123456")));
    }
    Ok(())
}

/// An address with an `@` between two parts: whether it exists only a letter to it can tell.
pub(crate) fn email(field: &str, value: &str) -> Result<(), Problem> {
    let parts = value.rsplit_once('@');
    let has_parts = parts.is_some_and(|(local, domain)| !local.is_empty() && !domain.is_empty());
    if !has_parts
        || value.len() > MAX_EMAIL_BYTES
        || value.chars().any(|char| char.is_control() || char.is_whitespace())
    {
        let problem = format!("{field} must be an address of at most {MAX_EMAIL_BYTES} bytes, as in ann@example.com");
        return Err(Problem::invalid(problem));
    }
    Ok(())
}

/// An origin as browsers send it.
pub(crate) fn origin(field: &str, value: &str) -> Result<(), Problem> {
    let host = value.strip_prefix("https://").or_else(|| value.strip_prefix("http://")).unwrap_or_default();
    let is_host = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b':' | b'[' | b']');
    if host.is_empty() || value.len() > 255 || !host.bytes().all(is_host) {
        return Err(Problem::invalid(format!("{field} must be origins without a path, as in https://app.example")));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_line_of_1_to_200_characters() {
        assert!(name("name", "Ann").is_ok());
        assert!(name("name", &"ä".repeat(200)).is_ok());
        for wrong in ["", "  ", "A\nB", "A\0", &"a".repeat(201)] {
            assert!(name("name", wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn a_text_may_have_lines_but_no_nul() {
        assert!(text("notes", "one\n\ttwo\r\n", 40).is_ok());
        assert!(text("notes", "one\0two", 40).is_err());
        assert!(text("notes", "four!", 4).is_err());
    }

    #[test]
    fn a_number_is_e164() {
        assert!(phone("phone", "+4930123456").is_ok());
        for wrong in ["", "+", "030123456", "+0301234567", "+49 30 123456", "+1", "+1234567890123456", "+٤٩٣٠١٢٣٤"]
        {
            assert!(phone("phone", wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn an_address_has_two_parts() {
        assert!(email("email", "ann@example.com").is_ok());
        let of_length = |bytes: usize| format!("{}@example.com", "a".repeat(bytes - "@example.com".len()));
        assert!(email("email", &of_length(MAX_EMAIL_BYTES)).is_ok());
        let refused = email("email", &of_length(MAX_EMAIL_BYTES + 1)).unwrap_err();
        assert!(format!("{refused:?}").contains("at most 320 bytes"), "{refused:?}");
        for wrong in ["", "ann", "@example.com", "ann@", "a nn@example.com", "ann@exa\nmple.com"] {
            assert!(email("email", wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn an_origin_has_no_path_and_is_no_wildcard() {
        assert!(origin("allowed_origins", "https://app.example").is_ok());
        assert!(origin("allowed_origins", "http://[::1]:8080").is_ok());
        for wrong in ["", "*", "null", "app.example", "https://", "https://app.example/x", "https://a b", "ftp://x"] {
            assert!(origin("allowed_origins", wrong).is_err(), "{wrong:?}");
        }
    }
}
