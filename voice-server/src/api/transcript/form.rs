//! In which form a transcript is wanted.

use crate::problem::Problem;
use axum::http::{HeaderMap, StatusCode, header};
use serde::Deserialize;
use utoipa::ToSchema;

/// A form of a transcript.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Form {
    /// `application/json`
    Json,
    /// `text/plain`
    Text,
    /// `text/vtt`
    Vtt,
}

impl Form {
    /// Every form, the first where the client does not mind.
    const ALL: [Self; 3] = [Self::Json, Self::Text, Self::Vtt];

    fn media_type(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Text => "text/plain",
            Self::Vtt => "text/vtt",
        }
    }
}

/// The form that the `Accept` headers like best.
///
/// # Errors
/// 406 if they take none.
pub(super) fn accepted(headers: &HeaderMap) -> Result<Form, Problem> {
    let accept: Vec<_> = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok()).collect();
    if accept.is_empty() {
        return Ok(Form::Json);
    }
    best(&accept.join(","))
        .ok_or_else(|| Problem::new(StatusCode::NOT_ACCEPTABLE, "a transcript is JSON, text/plain or text/vtt"))
}

fn best(accept: &str) -> Option<Form> {
    // Of equals the last is taken, hence backwards.
    let rated = Form::ALL.into_iter().rev().map(|form| (form, quality(accept, form.media_type())));
    let (form, quality) = rated.max_by(|(_, one), (_, other)| one.total_cmp(other))?;
    (quality > 0.0).then_some(form)
}

/// How much `accept` wants `media_type`, 0 to 1: its most specific range decides.
fn quality(accept: &str, media_type: &str) -> f32 {
    let any_of_kind = format!("{}/*", media_type.split('/').next().unwrap_or_default());
    let rate = |range: &str| match range {
        _ if range.eq_ignore_ascii_case(media_type) => Some(3),
        _ if range.eq_ignore_ascii_case(&any_of_kind) => Some(2),
        "*/*" => Some(1),
        _ => None,
    };
    let ranges = accept.split(',').filter_map(|part| {
        let mut fields = part.split(';').map(str::trim);
        let specificity = rate(fields.next()?)?;
        let weight = fields.find_map(|field| field.strip_prefix("q=").or_else(|| field.strip_prefix("Q=")));
        Some((specificity, weight.map_or(1.0, |weight| weight.parse().unwrap_or(0.0))))
    });
    ranges.max_by_key(|(specificity, _)| *specificity).map_or(0.0, |(_, weight)| weight)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_form_that_is_liked_best_is_taken() {
        for (accept, form) in [
            ("*/*", Some(Form::Json)),
            ("application/json", Some(Form::Json)),
            ("text/vtt", Some(Form::Vtt)),
            ("TEXT/VTT", Some(Form::Vtt)),
            ("text/plain;q=0.5, text/vtt;q=0.9", Some(Form::Vtt)),
            ("text/*;q=0.5, application/json;q=0.4", Some(Form::Text)),
            ("text/*, text/plain;q=0", Some(Form::Vtt)),
            ("text/html, */*;q=0.1", Some(Form::Json)),
            ("*/*, application/json;q=0", Some(Form::Text)),
            ("text/html", None),
            ("*/*;q=0", None),
            ("text/plain;q=many", None),
            ("text/plain;q=NaN", None),
            (";;,,q=", None),
        ] {
            assert_eq!(best(accept), form, "{accept}");
        }
    }
}
