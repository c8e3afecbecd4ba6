//! What both drivers make of a server with TLS that nobody vouches for.

use super::super::{ApiKey, HttpClient, HttpLimits, SocketRequest, connect};
use super::*;
use crate::stage::Fault;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

/// Serves with a certificate of its own making until the client hangs up, as often as it is asked.
async fn serve(listener: TcpListener) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = rustls::pki_types::PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let config = config.with_no_client_auth().with_single_cert(vec![made.cert.der().clone()], key).unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        assert!(acceptor.accept(stream).await.is_err(), "it was trusted");
    }
}

#[tokio::test]
async fn a_server_that_nobody_vouches_for_is_a_matter_of_configuration() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("localhost:{}", listener.local_addr().unwrap().port());
    let vendor = Vendor { name: "Groq", key: Some(ApiKey::new("gsk-1", "GROQ_API_KEY")), url_setting: "GROQ_URL" };
    let deadline = Duration::from_secs(10);
    let ask = async {
        let client = HttpClient::new(vendor.clone(), HttpLimits { connect_deadline: deadline }).unwrap();
        let refused = client.get(&format!("https://{address}/"), deadline).await.unwrap_err().error;
        let url = format!("wss://{address}/");
        let request = SocketRequest { url, headers: vec![], connect_deadline: deadline, max_message_bytes: 1_024 };
        [refused, connect(&vendor, request).await.err().unwrap()]
    };
    let errors = tokio::select! {
        () = serve(listener) => unreachable!("it serves for ever"),
        errors = ask => errors,
    };
    for error in errors {
        assert_eq!(error.fault(), Fault::Configuration, "{error}");
        assert!(error.to_string().contains("certificate") && error.to_string().contains("GROQ_URL"), "{error}");
    }
}
