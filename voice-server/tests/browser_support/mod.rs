//! A real browser, the page in it, and a server with a scripted agent behind.
//!
//! One chromedriver a test binary, on a port that it chooses itself; browser and driver end with the test.
#![allow(dead_code, reason = "each test binary uses a part")]

#[path = "../serve_support/mod.rs"]
pub(crate) mod serve_support;

mod driver;
pub(crate) mod keeping;
pub(crate) mod link;
pub(crate) mod looks;
mod policy;
pub(crate) mod rendered;
pub(crate) mod shown;
pub(crate) mod talk;
mod web;

use driver::Driver;
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use serve_support::TestServer;
use serve_support::access_support::Access;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tempfile::TempDir;
use voice_core::session::Agent;
use voice_server::auth::LocalIssuer;
use voice_server::{ServerConfig, ServerLimits};
use web::Web;

/// Only what hangs gets here: a loaded machine is slow, and a call takes as long as it sounds.
const PATIENCE_MS: u32 = 55_000;

/// Whether the person at the browser lets the page have the microphone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Microphone {
    Allowed,
    Refused,
}

/// A browser with the page open.
pub(crate) struct Page {
    pub(crate) web: Web,
    _driver: Driver,
    _profile: TempDir,
}

/// A server that signs its page in.
pub(crate) async fn serve(agent: Agent) -> TestServer {
    serve_within(agent, ServerLimits::default()).await
}

/// Likewise, with other limits. It takes the tokens of its [`Access`] as well: both are of one issuer.
pub(crate) async fn serve_within(agent: Agent, limits: ServerLimits) -> TestServer {
    let key = tempfile::tempdir().unwrap();
    let issuer = || LocalIssuer::open(key.path()).unwrap();
    let access = Access { issuer: issuer(), ..Access::new().await };
    let config = access.config(agent, limits);
    TestServer::with(access, ServerConfig { local_issuer: Some(Arc::new(issuer())), ..config }).await
}

impl Page {
    /// The page of `server`, which signs it in. What the microphone hears is in `heard`, once and then silence.
    pub(crate) async fn open(server: &TestServer, microphone: Microphone, heard: Option<&Path>) -> Self {
        let page = Self::start(microphone, heard).await;
        page.visit(server, "/?capture=1").await;
        page.until("body[data-signed-in=true]").await;
        page
    }

    /// An empty page. Without a file, nobody speaks at the microphone: a browser's own would beep.
    pub(crate) async fn start(microphone: Microphone, heard: Option<&Path>) -> Self {
        let answer = match microphone {
            Microphone::Allowed => "--use-fake-ui-for-media-stream",
            Microphone::Refused => "--deny-permission-prompts",
        };
        Self::start_with(&[answer], heard).await
    }

    /// An empty page of a browser with these flags more.
    pub(crate) async fn start_with(flags: &[&str], heard: Option<&Path>) -> Self {
        let (driver, profile) = (Driver::start(), tempfile::tempdir().unwrap());
        let heard = heard.map_or_else(|| talk::sound(profile.path(), "silence.wav", 1_000, 0), Path::to_owned);
        let mut flags: Vec<_> = flags.iter().copied().map(str::to_owned).collect();
        flags.push(format!("--use-file-for-fake-audio-capture={}%noloop", heard.display()));
        let web = Web::start(&driver.address(), profile.path(), flags).await;
        // A browser's first sound takes as long as it likes on a busy machine; a page waits for it no more than a person.
        web.run_async("const context = new AudioContext(); await context.resume(); await context.close();").await;
        Self { web, _driver: driver, _profile: profile }
    }

    /// Goes to an address of `server`.
    pub(crate) async fn visit(&self, server: &TestServer, path: &str) {
        self.visit_at(server.address, path).await;
    }

    /// Likewise, by another way to it.
    pub(crate) async fn visit_at(&self, address: SocketAddr, path: &str) {
        self.web.open(&format!("http://{address}{path}")).await;
    }

    /// Goes to the page at `address`, whose `query` ends in `#token=`, with this token, and uses it.
    pub(crate) async fn sign_in(&self, address: SocketAddr, query: &str, token: &SecretString) {
        self.visit_at(address, &format!("/{query}{}", token.expose_secret())).await;
        self.click("#token-use").await;
        self.until("#token-offer[hidden]").await;
        self.until("body[data-signed-in=true]").await;
    }

    /// Waits until there is such an element.
    pub(crate) async fn until(&self, selector: &str) {
        self.until_true(selector, &format!("document.querySelector({}) !== null", quoted(selector))).await;
    }

    /// Waits until the call is in this state.
    pub(crate) async fn until_state(&self, state: &str) {
        self.until(&format!("body[data-state={state}]")).await;
    }

    /// Waits until some such element says `words`.
    pub(crate) async fn until_text(&self, selector: &str, words: &str) {
        let (all, words) = (format!("[...document.querySelectorAll({})]", quoted(selector)), quoted(words));
        let condition = format!("{all}.some((element) => element.textContent.includes({words}))");
        self.until_true(&format!("{selector} with {words}"), &condition).await;
    }

    /// Waits until this expression is true, and looks again whenever the page changes.
    pub(crate) async fn until_true(&self, what: &str, condition: &str) {
        let script = format!(
            "const isTrue = () => {condition}; \
             return isTrue() || new Promise((resolve) => {{ \
               const end = (value) => {{ watch.disconnect(); clearTimeout(timer); resolve(value); }}; \
               const watch = new MutationObserver(() => isTrue() && end(true)); \
               const timer = setTimeout(() => end(false), {PATIENCE_MS}); \
               watch.observe(document.documentElement, {{ attributes: true, childList: true, subtree: true, characterData: true }}); \
             }});"
        );
        if self.web.run_async(&script).await != true {
            panic!("{what} does not come; the page is at {}", self.describe().await);
        }
    }

    /// The attribute of the first such element.
    pub(crate) async fn attribute(&self, selector: &str, name: &str) -> Option<String> {
        let script = format!("return document.querySelector({})?.getAttribute({})", quoted(selector), quoted(name));
        self.web.run(&script).await.as_str().map(str::to_owned)
    }

    /// Clicks it once it can be.
    pub(crate) async fn click(&self, selector: &str) {
        let enabled = format!("{selector}:enabled");
        self.until(&enabled).await;
        self.web.click(&enabled).await;
    }

    /// These files are the caller, in this order.
    pub(crate) async fn choose_files(&self, files: &[PathBuf]) {
        self.web.run("document.getElementById('settings').open = true").await;
        let names: Vec<_> = files.iter().map(|file| file.display().to_string()).collect();
        self.web.type_into("#files", &names.join("\n")).await;
    }

    /// Ends the browser.
    pub(crate) async fn close(self) {
        self.web.quit().await;
    }

    async fn describe(&self) -> String {
        let script = "return [document.body.dataset.state, document.getElementById('status').textContent, \
            document.getElementById('reason').textContent, document.getElementById('transcript').innerText, \
            JSON.stringify(window.dummyCall?.events().filter(event => event.message.type !== 'played').slice(-12))].join(' | ')";
        self.web.run(script).await.as_str().unwrap_or_default().to_owned()
    }
}

/// As a literal of JavaScript.
fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}
