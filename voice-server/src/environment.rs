//! The keys and addresses of vendors, whose tokens to trust, where to keep things: the one place where this crate reads the
//! process's environment, but for what clap reads for flags. Libraries read for themselves what is theirs by custom, and
//! only where it is not said here: the driver of Postgres what an address leaves out (`PGPASSWORD` and its like), the
//! bucket's client its proxies (`HTTPS_PROXY`), TLS where this machine's certificates are (`SSL_CERT_FILE`).
//!
//! Invariant: a value is checked once, here, and no error and no `Debug` shows it: any of them may hold a key.

use crate::auth::TrustedIssuers;
use crate::persist::BucketAccess;
use crate::store::StoreAddress;
use crate::this_machine::is_this_machine;
use std::collections::BTreeMap;
use std::fmt;
use url::Url;

/// Whose key or address it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Account {
    /// Flux and Nova.
    Deepgram,
    /// A language model.
    Groq,
    /// A language model and a voice, or a server that speaks as OpenAI does.
    OpenAi,
    /// A voice.
    Cartesia,
    /// A voice.
    ElevenLabs,
    /// A language model on a server of one's own.
    Vllm,
    /// A language model on a server of one's own.
    Ollama,
    /// A language model on a server of one's own.
    LlamaCpp,
}

impl Account {
    const ALL: [Self; 8] = [
        Self::Deepgram,
        Self::Groq,
        Self::OpenAi,
        Self::Cartesia,
        Self::ElevenLabs,
        Self::Vllm,
        Self::Ollama,
        Self::LlamaCpp,
    ];

    /// The variable of its key.
    pub const fn key_variable(self) -> &'static str {
        match self {
            Self::Deepgram => "DEEPGRAM_API_KEY",
            Self::Groq => "GROQ_API_KEY",
            Self::OpenAi => "OPENAI_API_KEY",
            Self::Cartesia => "CARTESIA_API_KEY",
            Self::ElevenLabs => "ELEVENLABS_API_KEY",
            Self::Vllm => "VLLM_API_KEY",
            Self::Ollama => "OLLAMA_API_KEY",
            Self::LlamaCpp => "LLAMA_CPP_API_KEY",
        }
    }

    /// The variable of its address.
    pub const fn url_variable(self) -> &'static str {
        match self {
            Self::Deepgram => "DEEPGRAM_URL",
            Self::Groq => "GROQ_URL",
            Self::OpenAi => "OPENAI_URL",
            Self::Cartesia => "CARTESIA_URL",
            Self::ElevenLabs => "ELEVENLABS_URL",
            Self::Vllm => "VLLM_URL",
            Self::Ollama => "OLLAMA_URL",
            Self::LlamaCpp => "LLAMA_CPP_URL",
        }
    }

    /// The variable of what it has no default for: a model, or a voice.
    pub const fn choice_variable(self) -> Option<&'static str> {
        match self {
            Self::Deepgram => None,
            Self::Groq => Some("GROQ_MODEL"),
            Self::OpenAi => Some("OPENAI_MODEL"),
            Self::Cartesia => Some("CARTESIA_VOICE"),
            Self::ElevenLabs => Some("ELEVENLABS_VOICE"),
            Self::Vllm => Some("VLLM_MODEL"),
            Self::Ollama => Some("OLLAMA_MODEL"),
            Self::LlamaCpp => Some("LLAMA_CPP_MODEL"),
        }
    }

    /// Whether its address ends in a version's path, as those of OpenAI's protocol do.
    #[cfg(feature = "vendors")]
    pub(crate) const fn is_openai_compatible(self) -> bool {
        !matches!(self, Self::Deepgram | Self::Cartesia | Self::ElevenLabs)
    }

    /// The variable without which it is not used: its key's, or for a server of one's own, which may do without a key,
    /// its address's.
    pub const fn needed_variable(self) -> &'static str {
        match self {
            Self::Vllm | Self::Ollama | Self::LlamaCpp => self.url_variable(),
            _ => self.key_variable(),
        }
    }

    /// The variables that each add an engine.
    pub fn needed_variables() -> impl Iterator<Item = &'static str> {
        Self::ALL.into_iter().map(Self::needed_variable)
    }
}

/// What the environment says of vendors and of who may call.
#[derive(Clone, Default)]
pub struct Environment {
    keys: BTreeMap<Account, String>,
    urls: BTreeMap<Account, String>,
    choices: BTreeMap<Account, String>,
    log_filter: Option<String>,
    issuers: TrustedIssuers,
    store: StoreAddress,
    bucket: BucketAccess,
}

/// The variable of [`Environment::log_filter`].
const LOG_VARIABLE: &str = "VOICE_LOG";

/// A variable that is of no use. The value is never shown.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EnvironmentError {
    /// A key that no vendor issues.
    #[error("{variable} {problem}: copy the key again, alone and on one line")]
    Key {
        /// Which variable.
        variable: &'static str,
        /// What is wrong.
        problem: &'static str,
    },
    /// An address that is none.
    #[error(
        "{variable} {problem}: write http://HOST, https://HOST, ws://HOST or wss://HOST, with :PORT and /PATH where needed"
    )]
    Url {
        /// Which variable.
        variable: &'static str,
        /// What is wrong.
        problem: &'static str,
    },
    /// Neither of the two things a server can be for.
    #[error("ENVIRONMENT is neither development nor production: write one of them, or nothing for development")]
    Deployment,
}

impl Environment {
    /// What the environment of this process says.
    ///
    /// # Errors
    /// [`EnvironmentError`].
    pub fn of_process() -> Result<Self, EnvironmentError> {
        // What is not UTF-8 shows as characters that no key and no address has, and is refused with its name.
        Self::read(|variable| std::env::var_os(variable).map(|value| value.to_string_lossy().into_owned()))
    }

    /// What `lookup` says, by the variables' names. A variable that is empty is as one that is not there.
    ///
    /// # Errors
    /// [`EnvironmentError`].
    pub fn read(lookup: impl Fn(&'static str) -> Option<String>) -> Result<Self, EnvironmentError> {
        let value = |variable| lookup(variable).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty());
        let issuers = TrustedIssuers::read(value).ok_or(EnvironmentError::Deployment)?;
        let mut environment = Self {
            log_filter: value(LOG_VARIABLE),
            issuers,
            store: StoreAddress::read(value),
            bucket: BucketAccess::read(value),
            ..Self::default()
        };
        for account in Account::ALL {
            let variable = account.key_variable();
            if let Some(key) = value(variable) {
                check_key(&key).map_err(|problem| EnvironmentError::Key { variable, problem })?;
                environment.keys.insert(account, key);
            }
            let variable = account.url_variable();
            if let Some(url) = value(variable) {
                check_url(&url).map_err(|problem| EnvironmentError::Url { variable, problem })?;
                environment.urls.insert(account, url);
            }
            if let Some(choice) = account.choice_variable().and_then(&value) {
                environment.choices.insert(account, choice);
            }
        }
        Ok(environment)
    }

    /// Whether there is what the account needs: its key, or for a server of one's own its address.
    pub fn has(&self, account: Account) -> bool {
        match account {
            Account::Vllm | Account::Ollama | Account::LlamaCpp => self.urls.contains_key(&account),
            _ => self.keys.contains_key(&account),
        }
    }

    /// The account's address, where the environment gives another than the vendor's.
    pub fn url(&self, account: Account) -> Option<&str> {
        self.urls.get(&account).map(String::as_str)
    }

    /// Whose keys travel unencrypted over a network.
    pub fn exposed(&self) -> impl Iterator<Item = Account> {
        let urls = self.urls.iter().filter(|(account, url)| self.keys.contains_key(account) && is_in_the_clear(url));
        urls.map(|(account, _)| *account)
    }

    /// The account's model or voice.
    pub fn choice(&self, account: Account) -> Option<&str> {
        self.choices.get(&account).map(String::as_str)
    }

    /// What the log shows, in the form of `tracing`'s filters.
    pub fn log_filter(&self) -> Option<&str> {
        self.log_filter.as_deref()
    }

    /// Whose tokens are trusted.
    pub fn issuers(&self) -> &TrustedIssuers {
        &self.issuers
    }

    /// Where everything is kept.
    pub fn store(&self) -> &StoreAddress {
        &self.store
    }

    /// Who opens the bucket of recordings.
    pub fn bucket(&self) -> &BucketAccess {
        &self.bucket
    }

    /// The account's key.
    #[cfg(feature = "vendors")]
    pub fn key(&self, account: Account) -> Option<voice_core::provider::ApiKey> {
        let key = self.keys.get(&account)?;
        Some(voice_core::provider::ApiKey::new(key, account.key_variable()))
    }
}

/// The names of what is there.
impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let keys = self.keys.keys().map(|account| account.key_variable());
        f.debug_set().entries(keys.chain(self.urls.keys().map(|account| account.url_variable()))).finish()
    }
}

/// Keys travel in headers of HTTP, which take visible ASCII and no space inside.
fn check_key(key: &str) -> Result<(), &'static str> {
    if key.chars().any(char::is_whitespace) {
        return Err("has a space or a line break inside");
    }
    if !key.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err("has characters that no key has");
    }
    Ok(())
}

fn check_url(url: &str) -> Result<(), &'static str> {
    let url = Url::parse(url).map_err(|_| "is not an address")?;
    if !matches!(url.scheme(), "http" | "https" | "ws" | "wss") || !url.has_host() {
        return Err("is not the address of a server");
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("has a user or a password in it");
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err("has a ? or a # in it");
    }
    Ok(())
}

/// Whether it is plain, and not of this machine.
fn is_in_the_clear(url: &str) -> bool {
    let Ok(url) = Url::parse(url) else { return false };
    matches!(url.scheme(), "http" | "ws") && !url.host_str().is_some_and(is_this_machine)
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;
    use std::collections::BTreeSet;

    fn environment(variables: &[(&str, &str)]) -> Result<Environment, EnvironmentError> {
        let find = |name: &str| variables.iter().find(|(variable, _)| *variable == name);
        Environment::read(|name| find(name).map(|(_, value)| (*value).to_owned()))
    }

    #[test]
    fn a_key_or_the_address_of_a_server_of_ones_own_is_enough() {
        let found = environment(&[("GROQ_API_KEY", " gsk-1\n"), ("OLLAMA_URL", "http://localhost:11434/v1")]).unwrap();
        assert!(found.has(Account::Groq) && found.has(Account::Ollama) && !found.has(Account::Deepgram));
        assert_eq!(found.url(Account::Ollama), Some("http://localhost:11434/v1"));
        let address_alone = environment(&[("GROQ_URL", "http://127.0.0.1:1/v1"), ("CARTESIA_API_KEY", "  ")]).unwrap();
        assert!(!address_alone.has(Account::Groq) && !address_alone.has(Account::Cartesia));
    }

    #[test]
    fn what_is_wrong_is_named_and_never_shown() {
        for (variable, value) in [
            ("DEEPGRAM_API_KEY", "secret one"),
            ("GROQ_API_KEY", "secret\nsecret"),
            ("CARTESIA_API_KEY", "s\u{e9}cret"),
            ("OPENAI_URL", "secret"),
            ("OPENAI_URL", "ftp://secret"),
            ("VLLM_URL", "http://user:secret@host/v1"),
            ("ELEVENLABS_URL", "https://host/?key=secret"),
            ("DEEPGRAM_URL", "https://"),
        ] {
            let said = environment(&[(variable, value)]).unwrap_err().to_string();
            assert!(said.starts_with(variable) && !said.contains("cret") && said.contains(": "), "{said}");
        }
    }

    #[test]
    fn a_key_in_the_clear_is_noticed() {
        let key = ("GROQ_API_KEY", "k");
        let exposed = |url| environment(&[key, ("GROQ_URL", url)]).unwrap().exposed().collect::<Vec<_>>();
        for url in ["https://a.example/v1", "http://127.0.0.1:1/v1", "http://localhost/v1", "ws://[::1]:2"] {
            assert_eq!(exposed(url), [], "{url}");
        }
        for url in ["http://a.example/v1", "ws://10.0.0.1"] {
            assert_eq!(exposed(url), [Account::Groq], "{url}");
        }
        assert_eq!(environment(&[("VLLM_URL", "http://a.example/v1")]).unwrap().exposed().count(), 0, "no key");
    }

    #[test]
    fn debug_shows_names_only() {
        let found = environment(&[("GROQ_API_KEY", "gsk-secret"), ("GROQ_URL", "http://secret")]).unwrap();
        assert_eq!(format!("{found:?}"), r#"{"GROQ_API_KEY", "GROQ_URL"}"#);
    }

    /// The variables of a text in the form of a shell's file, commented out or not.
    fn variables_of(text: &str) -> BTreeSet<&str> {
        let names = text.lines().filter_map(|line| line.trim_start_matches(['#', ' ']).split_once('='));
        let is_name = |name: &str| name.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_');
        names.map(|(name, _)| name).filter(|name| is_name(name)).collect()
    }

    /// The variables of the flags of a command and of all commands within it.
    fn flags_variables(command: &clap::Command) -> BTreeSet<String> {
        let flags = command.get_arguments().filter_map(|argument| argument.get_env());
        let mut all: BTreeSet<_> = flags.map(|name| name.to_string_lossy().into_owned()).collect();
        all.extend(command.get_subcommands().flat_map(flags_variables));
        all
    }

    #[test]
    fn the_example_lists_every_variable_each_with_a_comment() {
        let example = include_str!("../.env.example");
        let known = Account::ALL.into_iter().flat_map(|account| {
            [account.key_variable(), account.url_variable()].into_iter().chain(account.choice_variable())
        });
        let mut all: BTreeSet<_> = known
            .chain([LOG_VARIABLE])
            .chain(crate::auth::VARIABLES)
            .chain(crate::store::VARIABLES)
            .chain(crate::persist::VARIABLES)
            .map(str::to_owned)
            .collect();
        all.extend(flags_variables(&crate::Cli::command()));
        let listed: BTreeSet<_> = variables_of(example).into_iter().map(str::to_owned).collect();
        assert_eq!(listed, all);
        let lines: Vec<_> = example.lines().collect();
        for (n, line) in lines.iter().enumerate().filter(|(_, line)| line.contains('=') && !line.starts_with("# ")) {
            assert!(n > 0 && lines[n - 1].starts_with("# "), "{line} has no comment");
        }
    }
}
