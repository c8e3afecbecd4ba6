//! What is typed after `voice-server call`.
//!
//! Invariant: everything here is checked without touching a file or a socket, and every refusal shows the right form.

use secrecy::SecretString;
use std::convert::Infallible;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;
use voice_core::transport::native::{AudioFormat, Encoding};
use voice_core::units::SampleRate;

/// The longest offset that `FILE@+MS` takes, in milliseconds: ten minutes.
const MAX_OFFSET_MS: u64 = 600_000;

/// Places a dummy call: plays WAV files to an agent in real time, as its caller, and reports on what it did.
#[derive(Clone, Debug, clap::Args)]
pub struct CallArgs {
    /// What the caller says, in this order. FILE.wav is played once the agent has finished speaking; FILE.wav@+900
    /// starts 900 ms after the audio of the agent's reply began, which makes it an interruption or a cough.
    #[arg(required = true, value_name = "FILE.wav[@+MS]")]
    pub files: Vec<FileArg>,

    /// The server to call, as ws://HOST:PORT. Without it one is started in this process, with the default agent.
    #[arg(long, value_name = "URL")]
    pub server: Option<ServerUrl>,

    /// The configuration of the server that is started in this process.
    #[arg(long, value_name = "FILE", env = "VOICE_CONFIG")]
    pub config: Option<PathBuf>,

    /// The folder of the local models for the server that is started in this process. Default .models.
    #[arg(long, value_name = "DIR", env = "VOICE_MODELS_DIR")]
    pub models: Option<PathBuf>,

    /// The folder of what the server that is started in this process keeps, and of the key that signs a token where none
    /// is given. Default .data.
    #[arg(long, value_name = "DIR", env = "VOICE_DATA_DIR")]
    pub data: Option<PathBuf>,

    /// The token to show the server. Without it one is signed with the key of the data folder, in development.
    #[arg(long, value_name = "TOKEN", env = "VOICE_TOKEN", hide_env_values = true, value_parser = parse_token)]
    pub token: Option<SecretString>,

    /// Writes the call as a stereo WAV on one clock: left the caller as sent, right the agent as played.
    #[arg(long, value_name = "OUT.wav")]
    pub record: Option<PathBuf>,

    /// Writes the report as JSON.
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,

    /// Samples per second on the line: 8000, 16000, 24000 or 48000.
    #[arg(long, value_name = "HZ", default_value = "16000", value_parser = parse_rate)]
    pub rate: SampleRate,

    /// How audio is encoded on the line.
    #[arg(long, value_enum, default_value_t = EncodingArg::Pcm16)]
    pub encoding: EncodingArg,

    /// How long the call may last before the caller hangs up.
    #[arg(long, value_name = "MS", default_value_t = 600_000, value_parser = clap::value_parser!(u64).range(1_000..=3_600_000))]
    pub max_ms: u64,

    /// How long the caller waits for the agent to say something before giving up.
    #[arg(long, value_name = "MS", default_value_t = 15_000, value_parser = clap::value_parser!(u64).range(100..=600_000))]
    pub answer_ms: u64,

    /// How long the caller waits for a greeting before speaking first.
    #[arg(long, value_name = "MS", default_value_t = 3_000, value_parser = clap::value_parser!(u64).range(0..=600_000))]
    pub greeting_ms: u64,

    /// How long the caller is silent between the agent's last sample and its own next file.
    #[arg(long, value_name = "MS", default_value_t = 400, value_parser = clap::value_parser!(u64).range(0..=60_000))]
    pub pause_ms: u64,

    /// The longest file that is played, in seconds.
    #[arg(long, value_name = "S", default_value_t = 600, value_parser = clap::value_parser!(u64).range(1..=3_600))]
    pub max_file_s: u64,
}

impl CallArgs {
    /// The audio asked of the server, or why that pair of encoding and rate does not exist.
    ///
    /// # Errors
    /// [`ArgError::MulawRate`].
    pub fn format(&self) -> Result<AudioFormat, ArgError> {
        if self.encoding == EncodingArg::Mulaw && self.rate != SampleRate::Hz8000 {
            return Err(ArgError::MulawRate { rate: self.rate.hz() });
        }
        Ok(AudioFormat { encoding: self.encoding.into(), rate: self.rate.hz() })
    }

    /// The longest file that is played.
    pub(super) fn max_file(&self) -> Duration {
        Duration::from_secs(self.max_file_s)
    }
}

/// Why an argument was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ArgError {
    /// Nothing before the `@`, or nothing at all.
    #[error("no file name in `{given}`; write FILE.wav or FILE.wav@+900")]
    NoFile {
        /// What was typed.
        given: String,
    },
    /// What follows the `@` is not `+` and a number.
    #[error("`{given}`: after @ comes + and whole milliseconds, as in {file}@+900")]
    BadOffset {
        /// What was typed.
        given: String,
        /// The file's part of it.
        file: String,
    },
    /// The offset is beyond ten minutes.
    #[error("`{given}`: no reply lasts {ms} ms; the offset is at most {MAX_OFFSET_MS}")]
    OffsetTooLong {
        /// What was typed.
        given: String,
        /// The offset.
        ms: u64,
    },
    /// Not a WebSocket address.
    #[error("`{given}` is not a WebSocket address; write ws://HOST:PORT, as in ws://127.0.0.1:8080")]
    BadUrl {
        /// What was typed.
        given: String,
    },
    /// TLS is not built in.
    #[error("`{given}`: this caller speaks no TLS; call the server behind the proxy, as ws://HOST:PORT")]
    Tls {
        /// What was typed.
        given: String,
    },
    /// Not a rate of the line.
    #[error("`{given}` is not a rate of the line; choose 8000, 16000, 24000 or 48000")]
    BadRate {
        /// What was typed.
        given: String,
    },
    /// µ-law is telephony's.
    #[error("mulaw exists at 8000 Hz only, not at {rate}; add --rate 8000")]
    MulawRate {
        /// What was typed.
        rate: u32,
    },
}

/// When a file is played.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cue {
    /// Once the agent has finished speaking.
    AfterAgent,
    /// So long after the audio of a reply began.
    AfterAudioBegan {
        /// Milliseconds on the caller's clock.
        ms: u64,
    },
}

/// One `FILE.wav[@+MS]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileArg {
    /// The file.
    pub path: PathBuf,
    /// When it is played.
    pub cue: Cue,
}

impl FromStr for FileArg {
    type Err = ArgError;

    fn from_str(given: &str) -> Result<Self, ArgError> {
        let (file, cue) = match given.rsplit_once('@') {
            Some((file, offset)) if !is_wav_name(offset) => (file, parse_offset(given, file, offset)?),
            _ => (given, Cue::AfterAgent),
        };
        if file.is_empty() {
            return Err(ArgError::NoFile { given: given.to_owned() });
        }
        Ok(Self { path: PathBuf::from(file), cue })
    }
}

/// A name such as `me@home.wav` holds an `@` that starts no offset.
fn is_wav_name(text: &str) -> bool {
    text.to_ascii_lowercase().ends_with(".wav")
}

fn parse_offset(given: &str, file: &str, offset: &str) -> Result<Cue, ArgError> {
    let bad = || ArgError::BadOffset { given: given.to_owned(), file: file.to_owned() };
    let digits = offset.strip_prefix('+').ok_or_else(bad)?;
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Err(bad());
    }
    match digits.parse() {
        Ok(ms) if ms <= MAX_OFFSET_MS => Ok(Cue::AfterAudioBegan { ms }),
        Ok(ms) => Err(ArgError::OffsetTooLong { given: given.to_owned(), ms }),
        Err(_) => Err(ArgError::OffsetTooLong { given: given.to_owned(), ms: u64::MAX }),
    }
}

fn parse_token(given: &str) -> Result<SecretString, Infallible> {
    Ok(given.trim().into())
}

fn parse_rate(given: &str) -> Result<SampleRate, ArgError> {
    let rate = given.parse().ok().and_then(SampleRate::from_hz);
    rate.ok_or_else(|| ArgError::BadRate { given: given.to_owned() })
}

/// How audio is encoded on the line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum EncodingArg {
    /// Plain 16-bit samples.
    Pcm16,
    /// G.711 µ-law, 8 kHz only.
    Mulaw,
    /// Opus.
    Opus,
}

impl From<EncodingArg> for Encoding {
    fn from(arg: EncodingArg) -> Self {
        match arg {
            EncodingArg::Pcm16 => Self::Pcm16,
            EncodingArg::Mulaw => Self::Mulaw,
            EncodingArg::Opus => Self::Opus,
        }
    }
}

/// The address of a server's call endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerUrl(String);

impl ServerUrl {
    /// The endpoint of a server that listens there.
    pub(super) fn of(address: std::net::SocketAddr) -> Self {
        Self(format!("ws://{address}/v1/call"))
    }

    /// The address, with its path.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ServerUrl {
    type Err = ArgError;

    fn from_str(given: &str) -> Result<Self, ArgError> {
        if given.starts_with("wss://") || given.starts_with("https://") {
            return Err(ArgError::Tls { given: given.to_owned() });
        }
        let rest = given.strip_prefix("ws://").unwrap_or_default();
        let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
        if host.is_empty() || rest.contains(char::is_whitespace) {
            return Err(ArgError::BadUrl { given: given.to_owned() });
        }
        let path = if path.is_empty() { "v1/call" } else { path };
        Ok(Self(format!("ws://{host}/{path}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_with_and_without_an_offset() {
        let after = |ms| Cue::AfterAudioBegan { ms };
        for (given, path, cue) in [
            ("hi.wav", "hi.wav", Cue::AfterAgent),
            ("dir/hi.wav@+900", "dir/hi.wav", after(900)),
            ("hi.wav@+0", "hi.wav", after(0)),
            ("me@home.wav", "me@home.wav", Cue::AfterAgent),
            ("me@home.wav@+5", "me@home.wav", after(5)),
            ("take@2.WAV", "take@2.WAV", Cue::AfterAgent),
        ] {
            assert_eq!(given.parse(), Ok(FileArg { path: path.into(), cue }), "{given}");
        }
    }

    #[test]
    fn a_bad_offset_is_answered_with_the_right_form() {
        for given in ["a.wav@900", "a.wav@", "a.wav@+", "a.wav@-5", "a.wav@+9s", "a.wav@+ 9", "a.wav@++9"] {
            let error = given.parse::<FileArg>().unwrap_err().to_string();
            assert!(error.contains(given) && error.ends_with("a.wav@+900"), "{error}");
        }
        assert_eq!("@+900".parse::<FileArg>(), Err(ArgError::NoFile { given: "@+900".into() }));
        assert!(matches!("a.wav@+600001".parse::<FileArg>(), Err(ArgError::OffsetTooLong { ms: 600_001, .. })));
        let endless = "a.wav@+99999999999999999999999".parse::<FileArg>();
        assert!(matches!(endless, Err(ArgError::OffsetTooLong { .. })));
    }

    #[test]
    fn server_addresses() {
        for (given, url) in [
            ("ws://127.0.0.1:8080", "ws://127.0.0.1:8080/v1/call"),
            ("ws://host/", "ws://host/v1/call"),
            ("ws://host:1/other?x=1", "ws://host:1/other?x=1"),
        ] {
            assert_eq!(given.parse::<ServerUrl>().unwrap().as_str(), url);
        }
        for given in ["localhost:8080", "http://h", "ws://", "ws:///v1", "ws://a b", ""] {
            assert_eq!(given.parse::<ServerUrl>(), Err(ArgError::BadUrl { given: given.into() }));
        }
        assert!(matches!("wss://h".parse::<ServerUrl>(), Err(ArgError::Tls { .. })));
    }

    #[derive(Debug, clap::Parser)]
    struct Line {
        #[command(flatten)]
        call: CallArgs,
    }

    fn parse(words: &[&str]) -> Result<CallArgs, clap::Error> {
        let line = std::iter::once("call").chain(words.iter().copied());
        <Line as clap::Parser>::try_parse_from(line).map(|line| line.call)
    }

    #[test]
    fn a_whole_command_line() {
        let args =
            parse(&["a.wav", "b.wav@+900", "--rate", "8000", "--encoding", "mulaw", "--json", "r.json"]).unwrap();
        assert_eq!(args.files.len(), 2);
        assert_eq!(args.format(), Ok(AudioFormat { encoding: Encoding::Mulaw, rate: 8_000 }));
        assert_eq!(parse(&["a.wav"]).unwrap().format(), Ok(AudioFormat::default()));
    }

    #[test]
    fn a_wrong_command_line_says_what_is_wrong() {
        for (words, part) in [
            (&["a.wav", "--rate", "44100"][..], "8000, 16000, 24000 or 48000"),
            (&["a.wav@1"], "a.wav@+900"),
            (&["a.wav", "--server", "h:1"], "ws://HOST:PORT"),
            (&["a.wav", "--max-ms", "0"], "1000"),
            (&[], "FILE.wav"),
        ] {
            let error = parse(words).unwrap_err().to_string();
            assert!(error.contains(part), "{error}");
        }
        let mulaw = parse(&["a.wav", "--encoding", "mulaw"]).unwrap().format();
        assert_eq!(mulaw, Err(ArgError::MulawRate { rate: 16_000 }));
    }
}
