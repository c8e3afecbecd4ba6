//! The files of the page, as they are in the folder `assets`.
//!
//! Invariant: they are in the binary, so that the page is always the one of this server and works without a network. A
//! test compares this list with the folder.

use crc32fast::hash;

/// Files by their paths in the folder, served under `/page/`.
macro_rules! assets {
    ($($path:literal),* $(,)?) => {
        &[
            Asset { path: "/", bytes: include_bytes!("assets/index.html") },
            $(Asset { path: concat!("/page/", $path), bytes: include_bytes!(concat!("assets/", $path)) }),*
        ]
    };
}

/// A file of the page.
pub(super) struct Asset {
    path: &'static str,
    pub(super) bytes: &'static [u8],
}

/// The files of the page; the first is the page itself.
pub(super) const ALL: &[Asset] = assets![
    "api/api.js",
    "api/sign-in.js",
    "audio/codec.js",
    "audio/conceal.js",
    "audio/engine.js",
    "audio/frame-clock.js",
    "audio/jitter.js",
    "audio/mic-worklet.js",
    "audio/microphone.js",
    "audio/opus-codec.js",
    "audio/opus-decoder.js",
    "audio/opus-encoder.js",
    "audio/opus-failures.js",
    "audio/opus-format.js",
    "audio/opus-line.js",
    "audio/opus-reply.js",
    "audio/opus-worker.js",
    "audio/pcm-codec.js",
    "audio/playback-worklet.js",
    "audio/playout.js",
    "audio/recorder.js",
    "audio/rendered.js",
    "audio/reply-queue.js",
    "audio/sinc.js",
    "audio/stall-watch.js",
    "audio/wav-caller.js",
    "call/call.js",
    "call/farewell.js",
    "call/heartbeat.js",
    "call/live.js",
    "call/log.js",
    "call/outbox.js",
    "call/reconnect.js",
    "call/socket.js",
    "call/traffic.js",
    "call/uplink.js",
    "call/wire.js",
    "call/words.js",
    "icon.svg",
    "main.js",
    "model/floor.js",
    "model/measure.js",
    "past/calls.js",
    "past/detail.js",
    "past/format.js",
    "past/log-lines.js",
    "past/log-view.js",
    "past/replay.js",
    "style/base.css",
    "style/call.css",
    "style/figures.css",
    "style/layout.css",
    "style/past.css",
    "style/transcript.css",
    "view/after.js",
    "view/barge-ins.js",
    "view/call-view.js",
    "view/counters.js",
    "view/desk.js",
    "view/dom.js",
    "view/notices.js",
    "view/settings.js",
    "view/sign-in.js",
    "view/tabs.js",
    "view/timeline.js",
    "view/transcript.js",
    "view/waterfall.js",
];

impl Asset {
    /// Where it is served.
    pub(super) fn path(&self) -> &'static str {
        self.path
    }

    /// What tells its versions apart.
    pub(super) fn tag(&self) -> String {
        format!("\"{:08x}-{:x}\"", hash(self.bytes), self.bytes.len())
    }

    /// What it is.
    pub(super) fn media_type(&self) -> &'static str {
        match self.path.rsplit_once('.').map(|(_, ending)| ending) {
            Some("js") => "text/javascript; charset=utf-8",
            Some("css") => "text/css; charset=utf-8",
            Some("svg") => "image/svg+xml",
            _ => "text/html; charset=utf-8",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;
    use std::fs;
    use std::path::Path;

    fn files(folder: &Path, found: &mut BTreeSet<String>, root: &Path) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                files(&path, found, root);
            } else {
                found.insert(format!("/page/{}", path.strip_prefix(root).unwrap().to_str().unwrap()));
            }
        }
    }

    #[test]
    fn every_file_of_the_folder_is_served() {
        let root = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/src/page/assets"));
        let mut found = BTreeSet::new();
        files(root, &mut found, root);
        assert!(found.remove("/page/index.html"), "the page itself is served as /");
        let served: BTreeSet<_> = ALL.iter().map(|asset| asset.path().to_owned()).filter(|path| path != "/").collect();
        assert_eq!(served, found);
    }
}
