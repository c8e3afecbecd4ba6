//! The one request there is: GET of the configured address.
//!
//! Invariant: bounded in time and size; TLS, except to this machine; goes nowhere else, whatever the answer says.

use crate::auth::MAX_KEY_SET_BYTES;
use crate::auth::error::{FetchError, KeyError};
use crate::this_machine::is_this_machine;
use reqwest::{Client, Response, redirect};
use std::time::Duration;
use url::Url;

/// For the whole request.
const DEADLINE: Duration = Duration::from_secs(5);

pub(super) struct Fetch {
    client: Client,
    url: Url,
}

impl Fetch {
    pub(super) fn new(url: Url) -> Result<Self, KeyError> {
        let builder = Client::builder().redirect(redirect::Policy::none()).no_proxy().timeout(DEADLINE);
        let builder = match url.scheme() {
            "https" => builder.https_only(true),
            // It needs no certificates then, and a machine without any can do.
            "http" if url.host_str().is_some_and(is_this_machine) => builder.tls_certs_only([]),
            "http" => {
                return Err(KeyError::Url {
                    problem: "is http, and anybody on the way could put in keys of their own",
                });
            }
            _ => return Err(KeyError::Url { problem: "is no address of the web" }),
        };
        let client = builder.build().map_err(|_| KeyError::Url {
            problem: "needs certificates to judge its server by, and this machine has none: install ca-certificates",
        })?;
        Ok(Self { client, url })
    }

    pub(super) async fn get(&self) -> Result<Vec<u8>, FetchError> {
        let answer = self.client.get(self.url.clone()).send().await.map_err(broken)?;
        match answer.status().as_u16() {
            200 => read(answer).await,
            status => Err(FetchError::Status(status)),
        }
    }
}

async fn read(mut answer: Response) -> Result<Vec<u8>, FetchError> {
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(broken)? {
        if body.len() + chunk.len() > MAX_KEY_SET_BYTES {
            return Err(FetchError::TooLong);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

fn broken(error: reqwest::Error) -> FetchError {
    FetchError::Request(if error.is_timeout() { format!("within {} s", DEADLINE.as_secs()) } else { error.to_string() })
}
