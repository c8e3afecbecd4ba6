//! Whether the page does anything that its Content-Security-Policy forbids.

use super::Page;
use serde_json::{Value, json};

/// Runs before the page's own scripts, by the browser's hand and not the page's.
const WATCH: &str = "window.violations = []; \
    document.addEventListener('securitypolicyviolation', ({ effectiveDirective, blockedURI, sourceFile, lineNumber }) => \
      window.violations.push(`${effectiveDirective} ${blockedURI} ${sourceFile}:${lineNumber}`));";

impl Page {
    /// From the next page on, what its policy forbids is noted.
    pub(crate) async fn watch_policy(&self) {
        self.web.command("Page.addScriptToEvaluateOnNewDocument", json!({ "source": WATCH })).await;
    }

    /// Nothing was forbidden up to now, and something that is forbidden would have been noted. The page is changed by this.
    pub(crate) async fn kept_its_policy(&self) {
        let found = self.web.run("return window.violations").await;
        assert_eq!(found, json!([]), "the policy forbids what the page does");
        let forbidden = "return new Promise((resolve) => { \
            document.addEventListener('securitypolicyviolation', () => resolve(window.violations.length), { once: true }); \
            document.body.setAttribute('style', 'color: red'); })";
        assert_eq!(self.web.run_async(forbidden).await, Value::from(1), "what is forbidden is noted");
    }
}
