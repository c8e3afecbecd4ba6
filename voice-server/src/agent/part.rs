//! An engine of a vendor, and how an operator learns whether it works.

use futures::future::BoxFuture;
use std::sync::Arc;

/// A vendor's engine as a stage uses it.
pub(super) struct Part<T: ?Sized> {
    pub(super) engine: Arc<T>,
    pub(super) check: VendorCheck,
}

/// One try of a vendor's engine. Nothing happens before `probe` is polled.
pub(crate) struct VendorCheck {
    /// Which stage it is for.
    pub(crate) stage: &'static str,
    /// The engine's name.
    pub(crate) engine: String,
    /// What works, or what to do; never a key.
    pub(crate) probe: BoxFuture<'static, Result<String, String>>,
}
