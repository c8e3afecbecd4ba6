//! What the page's audio thread rendered, as `window.dummyCall` tells it, and what has to hold of it on any machine.
//!
//! All of it is in frames of the page's one AudioContext, so no load of the machine changes what is right.

use super::Page;
use serde::Deserialize;
use serde_json::json;

/// What the page sends and gets in PCM, in samples a second.
pub(crate) const LINE_HZ: u64 = 24_000;

/// Frames that are rendered at a time; a ramp is over with the first of them.
const QUANTUM: u64 = 128;

#[derive(Debug, Deserialize)]
pub(crate) struct Rendered {
    /// Frames a second.
    pub(crate) rate: u64,
    /// Samples a second.
    pub(crate) line_rate: u64,
    pub(crate) runs: Vec<Run>,
    pub(crate) controls: Vec<Control>,
}

/// Sound without a pause.
#[derive(Debug, Deserialize)]
pub(crate) struct Run {
    pub(crate) context_frame: u64,
    pub(crate) frames: u64,
    pub(crate) reply: u64,
    pub(crate) first_sample: u64,
    pub(crate) samples: u64,
}

/// A message about a reply.
#[derive(Debug, Deserialize)]
pub(crate) struct Control {
    #[serde(rename = "type")]
    pub(crate) kind: String,
    pub(crate) reply: u64,
    /// The context's time when it came to the page, in seconds.
    pub(crate) current_time: f64,
    /// The frame that the audio thread rendered next after taking it.
    pub(crate) taken_frame: Option<u64>,
    /// How much of the reply had been rendered then.
    pub(crate) taken_samples: Option<u64>,
}

impl Run {
    fn end(&self) -> u64 {
        self.context_frame + self.frames
    }
}

impl Rendered {
    pub(crate) async fn of(page: &Page) -> Self {
        serde_json::from_value(page.web.run("return window.dummyCall.renderedLog()").await).expect("a log")
    }

    fn runs_of(&self, reply: u64) -> impl DoubleEndedIterator<Item = &Run> {
        self.runs.iter().filter(move |run| run.reply == reply)
    }

    /// The controls of a kind, each with the next one of its reply.
    pub(crate) fn controls_of(&self, kind: &str) -> Vec<(&Control, Option<&Control>)> {
        let next = |at: usize, reply| self.controls[at + 1..].iter().find(|next| next.reply == reply);
        let all = self.controls.iter().enumerate().map(|(at, control)| (control, next(at, control.reply)));
        all.filter(|(control, _)| control.kind == kind).collect()
    }

    /// While a reply is paused, and once it is cleared, nothing of it is rendered but the ramp of one quantum; it goes on
    /// with the very sample; nothing is rendered twice.
    pub(crate) fn assert_obeyed(&self) {
        let last = self.runs.last().map(|run| run.reply);
        let lost = |control: &&Control| control.taken_frame.is_none() && last.is_some_and(|last| control.reply < last);
        assert!(
            self.controls.iter().find(lost).is_none(),
            "only a call's end is overtaken by its end: {:?}",
            self.controls
        );
        for (pause, next) in self.controls_of("pause") {
            self.assert_silent(pause, next.map_or(u64::MAX, Control::taken));
        }
        for (clear, _) in self.controls_of("clear") {
            self.assert_silent(clear, u64::MAX);
        }
        for (resume, _) in self.controls_of("resume") {
            self.assert_goes_on(resume);
        }
        for reply in self.replies() {
            let runs: Vec<_> = self.runs_of(reply).collect();
            assert!(
                runs.windows(2).all(|pair| pair[0].first_sample + pair[0].samples <= pair[1].first_sample),
                "said twice: {runs:?}"
            );
        }
    }

    fn assert_silent(&self, control: &Control, until: u64) {
        let from = control.taken().saturating_add(QUANTUM);
        let sounds = |run: &&Run| from < until && run.context_frame < until && run.end() > from;
        assert!(
            self.runs_of(control.reply).find(sounds).is_none(),
            "sound from {from} to {until}, after {control:?}: {self:?}"
        );
    }

    /// The first sound after a resume is where time puts it: silence within the reply counts, and nothing is left out.
    fn assert_goes_on(&self, resume: &Control) {
        if resume.taken_frame.is_none() {
            return;
        }
        let Some(run) = self.runs_of(resume.reply).find(|run| run.context_frame >= resume.taken()) else { return };
        let paused_at = resume.taken_samples.expect("a reply that was heard");
        let most = (run.context_frame - resume.taken()) * self.line_rate / self.rate + 1;
        let left_out = run.first_sample.checked_sub(paused_at).expect("nothing is said again");
        assert!(left_out <= most, "{left_out} samples of at most {most} are not there: {run:?} after {resume:?}");
    }

    /// The replies that were heard, in order.
    pub(crate) fn replies(&self) -> Vec<u64> {
        let mut replies: Vec<_> = self.runs.iter().map(|run| run.reply).collect();
        replies.dedup();
        replies
    }

    /// For every pause that came while the agent sounded: how long after its arrival in the page the last sound was
    /// rendered, in milliseconds.
    pub(crate) fn silences_ms(&self) -> Vec<f64> {
        let silence = |(pause, next): (&Control, Option<&Control>)| {
            let until = next.map_or(u64::MAX, Control::taken);
            let last = self.runs_of(pause.reply).rfind(|run| run.context_frame < until)?;
            let came = pause.current_time * self.rate as f64;
            (last.end() as f64 > came).then(|| (last.end() as f64 - came) * 1_000.0 / self.rate as f64)
        };
        self.controls_of("pause").into_iter().filter_map(silence).collect()
    }

    /// The sound that was captured agrees: it is there in the runs of every reply and nowhere else.
    pub(crate) async fn assert_is_what_sounded(&self, page: &Page) {
        let runs = json!(self.runs.iter().map(|run| [run.context_frame, run.end()]).collect::<Vec<_>>());
        let script = format!("const runs = {runs}; {LOUDNESS}");
        let found = page.web.run(&script).await;
        let loudest = |name: &str| found[name].as_f64().expect("a loudness");
        // -80 dB is what counts as silence; speech and tones are far above.
        assert!(loudest("outside") < 1e-4 && loudest("inside") > 0.05, "{found}");
        assert!(found["captured"].as_u64() > Some(self.rate), "{found}");
    }
}

impl Control {
    /// After everything, for one that came when the sound was closed.
    fn taken(&self) -> u64 {
        self.taken_frame.unwrap_or(u64::MAX)
    }
}

/// The loudest samples inside and outside of runs.
const LOUDNESS: &str = "\
    const { frame, samples } = window.dummyCall.capture(); \
    let [inside, outside, next] = [0, 0, 0]; \
    for (let i = 0; i < samples.length; i += 1) { \
      while (next < runs.length && runs[next][1] <= frame + i) next += 1; \
      const isInside = next < runs.length && runs[next][0] <= frame + i; \
      const loudness = Math.abs(samples[i]); \
      if (isInside) inside = Math.max(inside, loudness); \
      else outside = Math.max(outside, loudness); \
    } \
    return { inside, outside, captured: samples.length };";

/// The median and the greatest of what was measured.
pub(crate) fn median_and_most(values: &[f64]) -> (f64, f64) {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    (sorted[sorted.len() / 2], sorted[sorted.len() - 1])
}
