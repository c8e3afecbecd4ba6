//! What the caller says in each moment: the files, each at its cue, and silence in between.
//!
//! Invariant: a pure function of the loudspeaker's past. A frame is filled when its last sample is due, as a microphone
//! does, and a file begins at the very sample its cue names. It sends nothing and knows no socket.

use super::args::Cue;
use super::energy::Stretch;
use super::playback::Playback;
use super::track::Track;
use voice_core::units::SampleRate;

/// One file, ready to be said.
#[derive(Clone, Debug)]
pub(super) struct Utterance {
    /// What it is called in logs.
    pub(super) name: String,
    /// When it is said.
    pub(super) cue: Cue,
    /// Its audio at the line's rate.
    pub(super) samples: Vec<i16>,
    /// Where it is loud.
    pub(super) speech: Vec<Stretch>,
}

/// A file that was said, or is being said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Said {
    /// Which of the utterances.
    pub(super) index: usize,
    /// The position of its first sample.
    pub(super) begin: u64,
    /// The position just after its last sample.
    pub(super) end: u64,
    /// Where it is loud, in positions of the caller's audio.
    pub(super) speech: Vec<Stretch>,
}

impl Said {
    /// Just after its last loud sample, or its end where nothing is loud.
    fn speech_end(&self) -> u64 {
        self.speech.last().map_or(self.end, |stretch| stretch.end)
    }
}

/// How long the caller waits, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Patience {
    /// For a greeting before it speaks first.
    pub(super) greeting_ms: u64,
    /// After the agent's last sample before it says the next file.
    pub(super) pause_ms: u64,
    /// After the agent's last sample before it hangs up.
    pub(super) hang_up_ms: u64,
    /// For any sound of the agent.
    pub(super) answer_ms: u64,
}

impl Default for Patience {
    fn default() -> Self {
        Self { greeting_ms: 3_000, pause_ms: 400, hang_up_ms: 800, answer_ms: 15_000 }
    }
}

/// Where the script is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Progress {
    /// Something is still to be said or to be heard.
    Going,
    /// Everything was said and answered.
    Finished,
    /// The agent has made no sound for `answer_ms`.
    NoAnswer,
}

/// Says the utterances.
#[derive(Debug)]
pub(super) struct Script {
    utterances: Vec<Utterance>,
    patience: Patience,
    rate: SampleRate,
    said: Vec<Said>,
}

impl Script {
    /// A script of which nothing was said yet.
    pub(super) fn new(utterances: Vec<Utterance>, patience: Patience, rate: SampleRate) -> Self {
        Self { utterances, patience, rate, said: Vec::new() }
    }

    /// Fills the frame of the caller's audio that begins at `from`, once the loudspeaker has played up to its end.
    pub(super) fn fill(&mut self, from: u64, frame: &mut [i16], agent: &Playback) {
        frame.fill(0);
        let end = from + frame.len() as u64;
        self.begin_next(from, end, agent);
        let Some(said) = self.said.last() else { return };
        let Some(utterance) = self.utterances.get(said.index) else { return };
        let target = frame.iter_mut().skip(said.begin.saturating_sub(from) as usize);
        let source = utterance.samples.iter().skip(from.saturating_sub(said.begin) as usize);
        target.zip(source).for_each(|(to, from)| *to = *from);
    }

    /// Where the script is once the caller's audio was sent up to `now`.
    pub(super) fn progress(&self, now: u64, agent: &Playback) -> Progress {
        if self.is_speaking(now) {
            return Progress::Going;
        }
        let hang_up = self.agent_finished(agent).map(|at| at + self.ms(self.patience.hang_up_ms));
        if self.has_said_everything(now) && hang_up.is_some_and(|at| at <= now) {
            return Progress::Finished;
        }
        let last_sound = agent.tracks().filter_map(Track::last_played_at).max().unwrap_or(0);
        let waited = now.saturating_sub(last_sound.max(self.speaking_until()));
        if waited >= self.ms(self.patience.answer_ms) { Progress::NoAnswer } else { Progress::Going }
    }

    /// Whether the last file was said to its end.
    pub(super) fn has_said_everything(&self, now: u64) -> bool {
        self.said.len() == self.utterances.len() && !self.is_speaking(now)
    }

    /// Whether a file is being said.
    pub(super) fn is_speaking(&self, now: u64) -> bool {
        self.speaking_until() > now
    }

    /// What was said so far.
    pub(super) fn said(&self) -> &[Said] {
        &self.said
    }

    /// The utterances.
    pub(super) fn utterances(&self) -> &[Utterance] {
        &self.utterances
    }

    fn ms(&self, ms: u64) -> u64 {
        self.rate.samples_in_ms(ms)
    }

    fn speaking_until(&self) -> u64 {
        self.said.last().map_or(0, |said| said.end)
    }

    /// Begins the next utterance if its cue falls before `end`.
    fn begin_next(&mut self, from: u64, end: u64, agent: &Playback) {
        let earliest = self.speaking_until();
        let Some(next) = self.utterances.get(self.said.len()).filter(|_| earliest < end) else { return };
        let due = match next.cue {
            Cue::AfterAgent => self.after_agent(agent),
            Cue::AfterAudioBegan { ms } => self.after_audio_began(self.ms(ms), agent),
        };
        let Some(due) = due.filter(|&due| due < end) else { return };
        let begin = due.max(from).max(earliest);
        self.said.push(Said {
            index: self.said.len(),
            begin,
            end: begin + next.samples.len() as u64,
            speech: next.speech.iter().map(|stretch| stretch.shifted(begin)).collect(),
        });
    }

    fn after_agent(&self, agent: &Playback) -> Option<u64> {
        if self.said.is_empty() && agent.tracks().all(|track| track.began_at().is_none()) {
            return Some(self.ms(self.patience.greeting_ms));
        }
        self.agent_finished(agent).map(|at| at + self.ms(self.patience.pause_ms))
    }

    /// When the agent had finished what it said after the caller's last speech; `None` while it has not.
    fn agent_finished(&self, agent: &Playback) -> Option<u64> {
        let asked = self.said.last().map_or(0, Said::speech_end);
        let answered = agent.tracks().filter_map(Track::last_played_at).any(|at| at > asked);
        let all_over = agent.tracks().all(|track| track.is_over() || track.began_at().is_none());
        let last = agent.tracks().filter_map(Track::last_played_at).max();
        last.filter(|_| answered && all_over)
    }

    /// `offset` after the newest reply began, while it sounds and unless the caller was still speaking then.
    fn after_audio_began(&self, offset: u64, agent: &Playback) -> Option<u64> {
        let newest = agent.tracks().rfind(|track| track.began_at().is_some())?;
        let due = newest.began_at()? + offset;
        let is_there = !newest.held && newest.over_at().is_none_or(|over| over > due);
        (is_there && due >= self.speaking_until()).then_some(due)
    }
}

#[cfg(test)]
mod tests {
    use super::super::playback::PlaybackConfig;
    use super::*;

    const RATE: SampleRate = SampleRate::Hz8000;
    const FRAME: u64 = 160;

    fn utterance(cue: Cue, samples: usize) -> Utterance {
        let speech = vec![Stretch { begin: 0, end: samples as u64 }];
        Utterance { name: "test".into(), cue, samples: vec![5_000; samples], speech }
    }

    /// A call in simulated time: the agent's replies are given as (arrival, samples) and end by themselves.
    fn run(utterances: Vec<Utterance>, replies: &[(u64, u64)], until: u64) -> (Vec<(u64, u64)>, Progress, u64) {
        let mut script = Script::new(utterances, Patience::default(), RATE);
        let mut agent = Playback::new(RATE, PlaybackConfig::default());
        let mut sent = Vec::new();
        let mut now = 0;
        loop {
            for (&(at, samples), reply) in replies.iter().zip(1_u32..) {
                if (now..now + FRAME).contains(&at) {
                    agent.audio(at, reply, 0, &vec![900; samples as usize]).unwrap();
                    agent.end(at, reply, samples);
                }
            }
            agent.advance(now + FRAME);
            let mut frame = [0; FRAME as usize];
            script.fill(now, &mut frame, &agent);
            sent.extend_from_slice(&frame);
            now += FRAME;
            let progress = script.progress(now, &agent);
            if progress != Progress::Going || now >= until {
                let said = script.said().iter().map(|said| (said.begin, said.end)).collect();
                assert!(
                    script
                        .said()
                        .iter()
                        .all(|s| sent[s.begin as usize..s.end.min(now) as usize].iter().all(|&x| x != 0))
                );
                return (said, progress, now);
            }
        }
    }

    #[test]
    fn a_file_is_said_once_the_greeting_is_over_and_the_caller_hangs_up_after_the_answer() {
        let (said, progress, now) =
            run(vec![utterance(Cue::AfterAgent, 1_000)], &[(1_000, 4_000), (12_000, 800)], 99_999);
        let begin = 5_000 + RATE.samples_in_ms(400);
        assert_eq!((said.as_slice(), progress), (&[(begin, begin + 1_000)][..], Progress::Finished));
        let hang_up = 12_800 + RATE.samples_in_ms(800);
        assert!((hang_up..hang_up + FRAME).contains(&now), "{now}");
    }

    #[test]
    fn without_a_greeting_the_caller_speaks_first_and_gives_up_in_time() {
        let (said, progress, now) = run(vec![utterance(Cue::AfterAgent, 100)], &[], 999_999);
        assert_eq!((said.as_slice(), progress), (&[(24_000, 24_100)][..], Progress::NoAnswer));
        assert!(now - 24_100 - RATE.samples_in_ms(15_000) < FRAME);
    }

    #[test]
    fn an_interruption_begins_at_the_very_sample() {
        let interruption = utterance(Cue::AfterAudioBegan { ms: 500 }, 800);
        let (said, ..) = run(vec![interruption], &[(777, 20_000)], 9_000);
        assert_eq!(said, [(777 + 4_000, 777 + 4_800)]);
    }

    #[test]
    fn a_reply_shorter_than_the_offset_is_let_pass() {
        let interruption = utterance(Cue::AfterAudioBegan { ms: 500 }, 800);
        let (said, ..) = run(vec![interruption], &[(0, 2_000), (10_000, 9_000)], 20_000);
        assert_eq!(said, [(14_000, 14_800)]);
    }

    #[test]
    fn two_interruptions_of_one_reply() {
        let cue = |ms| Cue::AfterAudioBegan { ms };
        let both = vec![utterance(cue(100), 400), utterance(cue(500), 400)];
        assert_eq!(run(both, &[(0, 16_000)], 8_000).0, [(800, 1_200), (4_000, 4_400)]);
        let overlapping = vec![utterance(cue(100), 8_000), utterance(cue(500), 400)];
        assert_eq!(run(overlapping, &[(0, 16_000)], 20_000).0, [(800, 8_800)], "its moment had passed");
    }
}
