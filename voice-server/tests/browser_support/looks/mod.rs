//! How the page looks: in both colour schemes, on a phone and on a wide screen, and to a checker of accessibility.

use super::Page;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

const GEOMETRY: &str = include_str!("geometry.js");

/// Width and height of what is looked at, in CSS pixels.
const SIZES: [(u32, u32); 2] = [(360, 780), (1_600, 1_000)];

/// Colour schemes, and what is checked in each: the rules of WCAG 2.2 (and those before it) at the levels A and AA, of which
/// but one is about colours.
const SCHEMES: [(&str, &str); 2] = [
    ("light", "['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa']"),
    ("dark", "{ type: 'rule', values: ['color-contrast'] }"),
];

/// What of the page breaks `runOnly`.
const BROKEN: &str = "\
    const { violations } = await axe.run(document, { resultTypes: ['violations'], runOnly }); \
    return violations.flatMap(({ id, nodes }) => nodes.map(({ target, failureSummary }) => `${id}: ${target} ${failureSummary}`));";

/// Pale words that are cut, words beside the screen, and two buttons without names on each other.
const SPOIL: &str = "\
    const add = (name, style, words) => { \
      const element = document.createElement(name); \
      element.textContent = words; \
      for (const [property, value] of Object.entries(style)) element.style.setProperty(property, value); \
      document.body.append(element); \
    }; \
    add('p', { color: '#777', background: '#888', width: '40px', overflow: 'hidden', 'white-space': 'nowrap' }, 'pale and cut'); \
    add('p', { position: 'absolute', left: '3000px', top: '0' }, 'beside the screen'); \
    const place = { position: 'absolute', left: '0', top: '0', width: '50px', height: '50px' }; \
    add('button', place, ''); add('button', place, '');";

/// Until what was changed is drawn.
const DRAWN: &str =
    "await new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn))); return null";

/// Looks at pages, and keeps pictures of them in a folder.
pub(crate) struct Looks {
    axe: String,
    pictures: PathBuf,
    found: Vec<String>,
}

impl Looks {
    /// With the checker that is among the models.
    pub(crate) fn new(models: &Path) -> Self {
        let axe = std::fs::read_to_string(models.join("axe.min.js")).expect("make models brings axe.min.js");
        let pictures = Path::new(env!("CARGO_TARGET_TMPDIR")).join("screenshots");
        std::fs::create_dir_all(&pictures).unwrap();
        println!("pictures are in {}", pictures.display());
        Self { axe, pictures, found: Vec::new() }
    }

    /// Looks at the page as it is, in each size and scheme.
    pub(crate) async fn at(&mut self, page: &Page, what: &str) {
        page.web.run(&format!("if (!window.axe) {{ {} }}", self.axe)).await;
        for (width, height) in SIZES {
            let size = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false });
            page.web.command("Emulation.setDeviceMetricsOverride", size).await;
            self.note(&format!("{what}, {width} px"), page.web.run(GEOMETRY).await);
            for (scheme, rules) in SCHEMES {
                let media = json!({ "features": [{ "name": "prefers-color-scheme", "value": scheme }] });
                page.web.command("Emulation.setEmulatedMedia", media).await;
                page.web.run_async(DRAWN).await;
                let broken = page.web.run_async(&format!("const runOnly = {rules}; {BROKEN}")).await;
                self.note(&format!("{what}, {width} px, {scheme}"), broken);
                self.picture(page, width, &format!("{what}-{width}-{scheme}.png")).await;
            }
        }
    }

    fn note(&mut self, place: &str, found: Value) {
        let found: Vec<String> = serde_json::from_value(found).expect("sentences");
        self.found.extend(found.into_iter().map(|what| format!("{place}: {what}")));
    }

    /// The whole page, also what has to be scrolled to.
    async fn picture(&self, page: &Page, width: u32, name: &str) {
        let height = page.web.run("return document.scrollingElement.scrollHeight").await;
        let clip = json!({ "x": 0, "y": 0, "width": width, "height": height, "scale": 1 });
        let wanted = json!({ "format": "png", "captureBeyondViewport": true, "clip": clip });
        let picture = page.web.command("Page.captureScreenshot", wanted).await;
        let bytes = STANDARD.decode(picture["data"].as_str().expect("a picture")).unwrap();
        std::fs::write(self.pictures.join(name.replace(' ', "-")), bytes).unwrap();
    }

    /// What is put wrong on purpose is found, so that finding nothing means something. The page is spoilt by this.
    pub(crate) async fn would_find_faults(&self, page: &Page) {
        page.web.run(SPOIL).await;
        let spoilt = "const runOnly = { type: 'rule', values: ['color-contrast', 'button-name'] };";
        let broken = page.web.run_async(&format!("{spoilt} {BROKEN}")).await.to_string();
        let misplaced = page.web.run(GEOMETRY).await.to_string();
        assert!(broken.contains("color-contrast") && broken.contains("button-name"), "{broken}");
        for fault in ["px wide", "lies on", "is cut", "is outside"] {
            assert!(misplaced.contains(fault), "{fault}: {misplaced}");
        }
    }

    /// Nothing was found wrong.
    pub(crate) fn are_good(self) {
        assert!(self.found.is_empty(), "{} faults:\n{}", self.found.len(), self.found.join("\n"));
    }
}
