//! What of WebDriver (W3C) a test needs: a session, scripts, clicks and keys.
//!
//! The clients there are bring a second HTTP stack or change how JSON is kept in every test; this is a handful of requests.

use reqwest::Client;
use serde_json::{Value, json};
use std::path::Path;
use std::time::Duration;

/// Under this name an element's id is told (W3C WebDriver, 11).
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// What a browser in a test does without, and what is made up for it.
const FLAGS: [&str; 11] = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--autoplay-policy=no-user-gesture-required",
    "--use-fake-device-for-media-stream",
];

/// What chromedriver adds, and people's browsers do not have: pages behind others would be treated like those before them.
const NOT_THESE: [&str; 3] =
    ["disable-background-timer-throttling", "disable-renderer-backgrounding", "disable-backgrounding-occluded-windows"];

/// The longest that a script in a page may take, in milliseconds.
const SCRIPT_MS: u64 = 60_000;

/// Only what hangs takes so long.
const HANG: Duration = Duration::from_secs(120);

/// A browser's window.
pub(crate) struct Web {
    client: Client,
    session: String,
}

impl Web {
    /// A browser of the driver at `address`, with more flags and a profile folder of its own.
    pub(crate) async fn start(address: &str, profile: &Path, flags: Vec<String>) -> Self {
        let mut args: Vec<_> = FLAGS.iter().copied().map(str::to_owned).collect();
        args.push(format!("--user-data-dir={}", profile.display()));
        args.extend(flags);
        let wanted = json!({ "goog:chromeOptions": { "args": args, "excludeSwitches": NOT_THESE }, "timeouts": { "script": SCRIPT_MS } });
        let client = Client::builder().no_proxy().timeout(HANG).build().unwrap();
        let body = json!({ "capabilities": { "alwaysMatch": wanted } });
        let session = ask(client.post(format!("{address}/session")).json(&body)).await;
        let id = session["sessionId"].as_str().expect("a session");
        Self { client, session: format!("{address}/session/{id}") }
    }

    /// Opens a page, and waits until it is loaded.
    pub(crate) async fn open(&self, url: &str) {
        self.post("/url", json!({ "url": url })).await;
    }

    /// What the body of a function gives back.
    pub(crate) async fn run(&self, script: &str) -> Value {
        self.post("/execute/sync", json!({ "script": script, "args": [] })).await
    }

    /// What the body of an async function gives back.
    pub(crate) async fn run_async(&self, script: &str) -> Value {
        let script = format!(
            "const done = arguments[0]; (async () => {{ {script} }})().then((value) => done({{ value }}), \
             (error) => done({{ error: String(error.stack ?? error) }}));"
        );
        let answer = self.post("/execute/async", json!({ "script": script, "args": [] })).await;
        assert!(answer["error"].is_null(), "{}", answer["error"].as_str().unwrap_or_default());
        answer["value"].clone()
    }

    /// Clicks the first such element as a person would.
    pub(crate) async fn click(&self, selector: &str) {
        let element = self.element(selector).await;
        self.post(&format!("/element/{element}/click"), json!({})).await;
    }

    /// Types into the first such element; names of files where that is what it takes.
    pub(crate) async fn type_into(&self, selector: &str, text: &str) {
        let element = self.element(selector).await;
        self.post(&format!("/element/{element}/value"), json!({ "text": text })).await;
    }

    /// What a command of the browser's own protocol (DevTools) gives back.
    pub(crate) async fn command(&self, name: &str, parameters: Value) -> Value {
        self.post("/goog/cdp/execute", json!({ "cmd": name, "params": parameters })).await
    }

    /// Puts another tab before this one, which goes on being driven.
    pub(crate) async fn hide(&self) {
        let tab = self.post("/window/new", json!({ "type": "tab" })).await;
        self.command("Target.activateTarget", json!({ "targetId": tab["handle"] })).await;
    }

    /// Ends the browser.
    pub(crate) async fn quit(self) {
        ask(self.client.delete(&self.session)).await;
    }

    async fn element(&self, selector: &str) -> String {
        let found = self.post("/element", json!({ "using": "css selector", "value": selector })).await;
        found[ELEMENT].as_str().expect("an element").to_owned()
    }

    async fn post(&self, path: &str, body: Value) -> Value {
        ask(self.client.post(format!("{}{path}", self.session)).json(&body)).await
    }
}

async fn ask(request: reqwest::RequestBuilder) -> Value {
    let answer: Value = request.send().await.expect("the driver").json().await.expect("JSON");
    let value = &answer["value"];
    assert!(value["error"].is_null(), "{}: {}", value["error"], value["message"]);
    value.clone()
}
