//! TLS to the vendors, over `wss` and `https`: who shows a certificate that is trusted is spoken to, who does not is
//! refused as somebody that no further try will change.
//!
//! A process reads once whom it trusts. So each case is this binary again, with certificates of its own.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a panic is how a test fails")]

use base64::Engine;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use voice_core::provider::ApiKey;
use voice_core::provider::cartesia::{CartesiaConfig, CartesiaTts};
use voice_core::provider::deepgram::{FluxConfig, FluxStt};
use voice_core::provider::fakes::{Fakes, FakesConfig};
use voice_core::provider::openai::{ChatConfig, ChatLlm};
use voice_core::stage::StageError;

/// Where the vendors are, for the process of a case.
const VENDORS: &str = "VOICE_TEST_TLS_VENDORS";

/// An authority by the certificate that is to be trusted, and as whom it signs.
struct Authority {
    pem: String,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    fn new() -> Self {
        let (key, mut params) = (KeyPair::generate().unwrap(), CertificateParams::new(Vec::new()).unwrap());
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let der = params.self_signed(&key).unwrap().der().to_vec();
        let body = base64::engine::general_purpose::STANDARD.encode(der);
        let pem = format!("-----BEGIN CERTIFICATE-----\n{body}\n-----END CERTIFICATE-----\n");
        Self { pem, issuer: Issuer::new(params, key) }
    }

    /// A server that is called `localhost`.
    fn server(&self) -> TlsAcceptor {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let provider = Arc::new(aws_lc_rs::default_provider());
        let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let key = PrivateKeyDer::Pkcs8(key.serialize_der().into());
        let config = config.with_no_client_auth().with_single_cert(vec![certificate.der().clone()], key).unwrap();
        TlsAcceptor::from(Arc::new(config))
    }
}

/// Takes TLS off and passes on what is in it.
async fn terminate(listener: TcpListener, acceptor: TlsAcceptor, to: SocketAddr) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        let acceptor = acceptor.clone();
        connections.spawn(async move {
            // A client that does not trust us hangs up during the handshake.
            let Ok(mut near) = acceptor.accept(stream).await else { return };
            let mut far = TcpStream::connect(to).await.unwrap();
            let _ = copy_bidirectional(&mut near, &mut far).await;
        });
    }
}

/// What the engines say of vendors at `url`, a line each.
async fn tried(url: &str) -> Vec<String> {
    let key = |setting| Some(ApiKey::new("any", setting));
    let flux = FluxConfig { key: key("DEEPGRAM_API_KEY"), url: url.to_owned(), ..FluxConfig::default() };
    let groq = ChatConfig::groq(ApiKey::new("any", "GROQ_API_KEY"), "openai/gpt-oss-20b");
    let chat = ChatConfig { url: format!("{url}/v1"), ..groq };
    let voice = "a voice".to_owned();
    let cartesia =
        CartesiaConfig { key: key("CARTESIA_API_KEY"), url: url.to_owned(), voice, ..CartesiaConfig::default() };
    let say = |outcome: Result<_, StageError>| match outcome {
        Ok(_) => "it works".to_owned(),
        Err(error) => format!("{:?}: {error}", error.fault()),
    };
    vec![
        say(FluxStt::new(flux).unwrap().check().await),
        say(ChatLlm::new(chat).unwrap().check().await),
        say(CartesiaTts::new(cartesia).unwrap().check().await),
    ]
}

/// The same in a process that trusts the certificates of `roots`.
fn tried_trusting(roots: &Path, url: &str) -> Vec<String> {
    let name = "who_is_trusted_is_spoken_to_and_who_is_not_is_refused_for_good";
    let mut case = Command::new(std::env::current_exe().unwrap());
    case.args(["--exact", name, "--nocapture"]).env(VENDORS, url).env("SSL_CERT_FILE", roots);
    let output = case.env_remove("SSL_CERT_DIR").output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{said}");
    let told = said.lines().filter_map(|line| Some(line.split_once("tried: ")?.1.to_owned()));
    told.collect()
}

/// Blocks while a case runs: the servers run on the other threads.
#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn who_is_trusted_is_spoken_to_and_who_is_not_is_refused_for_good() {
    if let Ok(url) = std::env::var(VENDORS) {
        for said in tried(&url).await {
            println!("\ntried: {said}");
        }
        return;
    }
    let fakes = Fakes::start(FakesConfig::default()).await.unwrap();
    let (known, unknown) = (Authority::new(), Authority::new());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://localhost:{}", listener.local_addr().unwrap().port());
    let mut server = JoinSet::new();
    server.spawn(terminate(listener, known.server(), fakes.address()));
    let folder = tempfile::tempdir().unwrap();
    let roots = folder.path().join("roots.pem");

    std::fs::write(&roots, &known.pem).unwrap();
    assert_eq!(tried_trusting(&roots, &url), ["it works"; 3]);

    std::fs::write(&roots, &unknown.pem).unwrap();
    let refused = tried_trusting(&roots, &url);
    assert_eq!(refused.len(), 3, "{refused:?}");
    for (said, setting) in refused.iter().zip(["DEEPGRAM_URL", "GROQ_URL", "CARTESIA_URL"]) {
        assert!(said.starts_with("Configuration: ") && said.contains("certificate is not trusted"), "{said}");
        assert!(said.contains(setting), "{said}");
    }
}
