//! A stand-in for the calendar behind the appointment dialogue.

use crate::stage::{Tool, ToolError, ToolSpec};
use futures::FutureExt;
use futures::future::BoxFuture;
use serde::Deserialize;
use std::time::Duration;

/// Books an appointment in no calendar: every request with a day, a time and a name gets a reference, the same one
/// each time.
#[derive(Clone, Debug, Default)]
pub struct BookAppointment {
    takes: Duration,
}

impl BookAppointment {
    /// Answers after `takes`.
    pub fn new(takes: Duration) -> Self {
        Self { takes }
    }
}

#[derive(Deserialize)]
struct Booking {
    day: String,
    time: String,
    name: String,
}

impl Booking {
    /// Three digits that follow from the booking.
    fn reference(&self) -> u32 {
        let bytes = self.day.bytes().chain(self.time.bytes()).chain(self.name.bytes());
        bytes.fold(7u32, |sum, byte| sum.wrapping_mul(31).wrapping_add(u32::from(byte))) % 900 + 100
    }
}

impl Tool for BookAppointment {
    fn spec(&self) -> ToolSpec {
        let text = |description: &str| serde_json::json!({ "type": "string", "description": description });
        let parameters = serde_json::json!({
            "type": "object",
            "properties": {
                "day": text("The day as the caller said it, such as \"next Tuesday\"."),
                "time": text("The time of day, 24 hours, such as \"15:30\"."),
                "name": text("The caller's name."),
            },
            "required": ["day", "time", "name"],
            "additionalProperties": false,
        });
        ToolSpec {
            name: "book_appointment".into(),
            description: "Books an appointment for the caller and gives its reference.".into(),
            parameters_json: parameters.to_string(),
        }
    }

    fn call(&self, arguments_json: String) -> BoxFuture<'static, Result<String, ToolError>> {
        let takes = self.takes;
        async move {
            let booking: Booking = serde_json::from_str(&arguments_json)
                .map_err(|error| ToolError::Failed(format!("the arguments are not a booking: {error}")))?;
            if !takes.is_zero() {
                tokio::time::sleep(takes).await;
            }
            Ok(serde_json::json!({ "status": "booked", "reference": booking.reference().to_string() }).to_string())
        }
        .boxed()
    }
}
