//! The server itself, over a store of either kind.

use object_store::ObjectStore;
use object_store::memory::InMemory;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{AssertSqlSafe, Connection};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use voice_core::audio::EarshotVad;
use voice_core::provider::scripted::{LlmConfig, ScriptedLlm, ScriptedStt, ScriptedTts, SttConfig, TtsConfig};
use voice_core::session::{Agent, AgentConfig};
use voice_server::auth::{LocalIssuer, Verifier};
use voice_server::store::{AnyStore, SqliteStore};
use voice_server::{ServerConfig, ServerError, ServerLimits};

/// A server; it goes with this.
pub(crate) struct Serving {
    pub(crate) address: SocketAddr,
    pub(crate) issuer: LocalIssuer,
    pub(crate) store: Arc<dyn AnyStore>,
    pub(crate) recordings: Arc<dyn ObjectStore>,
    file: Option<File>,
    _stop: oneshot::Sender<()>,
    _running: JoinSet<Result<(), ServerError>>,
}

/// The embedded store's file.
struct File {
    store: SqliteStore,
    path: PathBuf,
    _folder: TempDir,
}

impl Serving {
    /// Over an empty embedded store.
    pub(crate) async fn sqlite() -> Self {
        Self::sqlite_with(patient()).await
    }

    /// Likewise, with other limits.
    pub(crate) async fn sqlite_with(limits: ServerLimits) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("voice.db");
        let store = SqliteStore::open(&path).await.unwrap();
        let serving = Self::over(Arc::new(store.clone()), limits).await;
        Self { file: Some(File { store, path, _folder: folder }), ..serving }
    }

    /// Over any store.
    pub(crate) async fn over(store: Arc<dyn AnyStore>, limits: ServerLimits) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let issuer = LocalIssuer::ephemeral().unwrap();
        let recordings: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
        let verifier = Verifier::default().with_local(&issuer);
        let mut config = ServerConfig::new(agent(), limits, verifier, Arc::clone(&store));
        config.recordings = Arc::clone(&recordings);
        let (stop, stopped) = oneshot::channel();
        let mut running = JoinSet::new();
        running.spawn(voice_server::run(listener, config, async {
            let _ = stopped.await;
        }));
        Self { address, issuer, store, recordings, file: None, _stop: stop, _running: running }
    }

    /// Ends every connection to the database.
    pub(crate) async fn close_store(&self) {
        self.file().store.close().await;
    }

    /// Does something to the database that no server does.
    pub(crate) async fn meddle(&self, sql: &str) {
        let mut connection = self.connect().await;
        sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(&mut connection).await.unwrap();
    }

    /// Keeps everybody else from writing until it is dropped.
    pub(crate) async fn lock(&self) -> SqliteConnection {
        let mut connection = self.connect().await;
        sqlx::raw_sql("BEGIN IMMEDIATE").execute(&mut connection).await.unwrap();
        connection
    }

    async fn connect(&self) -> SqliteConnection {
        let options = SqliteConnectOptions::new().filename(&self.file().path);
        SqliteConnection::connect_with(&options).await.unwrap()
    }

    fn file(&self) -> &File {
        self.file.as_ref().expect("the embedded store")
    }
}

/// Limits that no test here is about.
pub(crate) fn patient() -> ServerLimits {
    ServerLimits {
        api_ms: 60_000,
        user_requests_per_s: 10_000,
        tenant_requests: 10_000,
        tenant_requests_per_s: 10_000,
        ..ServerLimits::default()
    }
}

fn agent() -> Agent {
    Agent {
        stt: Arc::new(ScriptedStt::new(SttConfig::default())),
        llm: Arc::new(ScriptedLlm::new(LlmConfig::default(), vec![])),
        tts: Arc::new(ScriptedTts::new(TtsConfig::default())),
        vad: Arc::new(EarshotVad),
        tools: Vec::new(),
        config: AgentConfig::default(),
    }
}
