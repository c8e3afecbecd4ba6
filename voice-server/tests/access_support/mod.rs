//! Somebody who may call: a user in a store in memory, and an issuer that signs tokens for them.
#![allow(dead_code, reason = "each test binary uses a part")]

use secrecy::{ExposeSecret, SecretString};
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Once};
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use uuid::Uuid;
use voice_core::session::Agent;
use voice_server::auth::{LocalIssuer, Verifier};
use voice_server::store::{AnyStore, SqliteStore, SystemStore};
use voice_server::{Role, ServerConfig, ServerLimits, TenantId, UserId};

pub(crate) const TENANT: TenantId = TenantId(Uuid::from_u128(1));
pub(crate) const USER: UserId = UserId(Uuid::from_u128(2));

/// An hour: longer than any test.
const LIFE: Duration = Duration::from_secs(3_600);

pub(crate) struct Access {
    pub(crate) issuer: LocalIssuer,
    pub(crate) store: Arc<dyn AnyStore>,
}

impl Access {
    pub(crate) async fn new() -> Self {
        let store = SqliteStore::in_memory().await.unwrap();
        store.ensure_development(TENANT, USER, Role::Member).await.unwrap();
        Self { issuer: LocalIssuer::ephemeral().unwrap(), store: Arc::new(store) }
    }

    /// A server that takes the issuer's tokens.
    pub(crate) fn config(&self, agent: Agent, limits: ServerLimits) -> ServerConfig {
        ServerConfig::new(agent, limits, Verifier::default().with_local(&self.issuer), Arc::clone(&self.store))
    }

    /// A token of [`USER`].
    pub(crate) fn token(&self) -> SecretString {
        self.issuer.sign(USER, LIFE).unwrap()
    }

    /// The header with a token of [`USER`].
    pub(crate) fn bearer(&self) -> String {
        format!("Bearer {}", self.token().expose_secret())
    }

    /// The header with a token of a user of another tenant.
    pub(crate) async fn bearer_of_another_tenant(&self) -> String {
        let (tenant, user) = (TenantId(Uuid::from_u128(101)), UserId(Uuid::from_u128(102)));
        self.store.ensure_development(tenant, user, Role::Member).await.unwrap();
        format!("Bearer {}", self.issuer.sign(user, LIFE).unwrap().expose_secret())
    }
}

/// A line on which time stands still from the server's first word on. Until then the server looks up who calls, and the
/// store's threads would not be waited for on paused time.
pub(crate) struct PausedOnceAnswered<S>(S, Once);

impl<S> PausedOnceAnswered<S> {
    pub(crate) fn new(line: S) -> Self {
        Self(line, Once::new())
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for PausedOnceAnswered<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        ready!(Pin::new(&mut self.0).poll_read(cx, buf))?;
        self.1.call_once(tokio::time::pause);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for PausedOnceAnswered<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, buf)
    }
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}
