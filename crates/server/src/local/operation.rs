//! What can be asked through the local door.

use std::fmt;
use std::future::Future;
use std::io::{self, Read};

use omega_gateway::contract::ErrorCode;
use omega_gateway::{Gateway, GatewayError};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::wire::SMALL_BYTES_MAX;

/// One thing that is asked of a home's gateway.
///
/// The command line asks nothing in another way, with a server beside it or without: what it does is the same by
/// construction.
pub trait Operation: Serialize + DeserializeOwned + Send + 'static {
    /// What comes of it.
    type Reply: Serialize + DeserializeOwned + Send + 'static;
    /// Its name on the socket.
    const NAME: &'static str;
    /// Bytes of its JSON, its attachment not counted.
    const BYTES_MAX: u64 = SMALL_BYTES_MAX;

    /// Does it, on behalf of the gateway's caller. Dropping the future breaks it off.
    ///
    /// # Errors
    /// Those of the library's method that it stands for.
    fn perform(self, gateway: &Gateway) -> impl Future<Output = Result<Self::Reply, GatewayError>> + Send;

    /// The bytes that go with it beside its fields, where it has such.
    fn attachment(&mut self) -> Option<&mut Attachment> {
        None
    }

    /// Who hears how it goes on, where it tells that.
    fn listener(&mut self) -> Option<&mut dyn Listener> {
        None
    }
}

/// Bytes of any number that go with an operation: read as they are needed, never held as a whole.
#[derive(Default)]
pub struct Attachment(Option<Box<dyn Read + Send>>);

impl Attachment {
    /// What `source` gives.
    pub fn new(source: impl Read + Send + 'static) -> Self {
        Self(Some(Box::new(source)))
    }

    /// Takes the bytes out, and leaves none.
    pub(super) fn detach(&mut self) -> Self {
        Self(self.0.take())
    }
}

impl Read for Attachment {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.as_mut().map_or(Ok(0), |source| source.read(buffer))
    }
}

impl fmt::Debug for Attachment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Attachment(…)")
    }
}

/// Who hears how an operation goes on; by default nobody.
pub struct Told<T>(Box<dyn FnMut(T) + Send>);

impl<T> Told<T> {
    /// Hears of each as it is done.
    pub fn new(listener: impl FnMut(T) + Send + 'static) -> Self {
        Self(Box::new(listener))
    }

    /// Says one.
    pub(super) fn say(&mut self, one: T) {
        (self.0)(one);
    }
}

impl<T> Default for Told<T> {
    fn default() -> Self {
        Self(Box::new(|_| ()))
    }
}

impl<T> fmt::Debug for Told<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Told(…)")
    }
}

/// A [`Told`] whatever it hears of.
pub trait Listener: Send {
    /// Hears of one that came as JSON.
    ///
    /// # Errors
    /// Where it is not of the shape that this listener hears of.
    fn hear(&mut self, json: &[u8]) -> serde_json::Result<()>;

    /// Passes on as JSON whatever is heard from now on.
    fn pass_on(&mut self, to: Box<dyn FnMut(Vec<u8>) + Send>);
}

impl<T: Serialize + for<'de> Deserialize<'de> + Send + 'static> Listener for Told<T> {
    fn hear(&mut self, json: &[u8]) -> serde_json::Result<()> {
        serde_json::from_slice(json).map(|one| self.say(one))
    }

    fn pass_on(&mut self, mut to: Box<dyn FnMut(Vec<u8>) + Send>) {
        // What cannot be written as JSON is not passed on: the reply still says what came of everything.
        self.0 = Box::new(move |one| to(serde_json::to_vec(&one).unwrap_or_default()));
    }
}

/// Work that blocks on the disk, apart from the calls.
pub(super) async fn apart<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, GatewayError> + Send + 'static,
) -> Result<T, GatewayError> {
    let ended = |error| GatewayError::new(ErrorCode::Io, format!("it ended early: {error}"));
    tokio::task::spawn_blocking(work).await.map_err(ended)?
}

/// An operation that is nothing but a question to the library: its fields, what comes of it, how it is asked, and what it tells meanwhile.
macro_rules! operation {
    (
        $(#[$about:meta])*
        $name:ident $wire_name:literal {
            $($(#[$about_field:meta])* $field:ident: $of:ty),* $(,)?
        } -> $reply:ty,
        |$this:ident, $gateway:ident| $perform:expr
        $(, bytes_max: $bytes_max:expr)?
        $(, $(#[$about_told:meta])* told: $told:ty)?
    ) => {
        $(#[$about])*
        #[derive(Debug, ::serde::Serialize, ::serde::Deserialize)]
        #[serde(deny_unknown_fields)]
        pub struct $name {
            $($(#[$about_field])* pub $field: $of,)*
            $($(#[$about_told])* #[serde(skip)] pub told: $crate::local::Told<$told>,)?
        }

        impl $crate::local::Operation for $name {
            type Reply = $reply;
            const NAME: &'static str = $wire_name;
            $(const BYTES_MAX: u64 = $bytes_max;)?

            async fn perform(
                $this,
                $gateway: &::omega_gateway::Gateway,
            ) -> Result<Self::Reply, ::omega_gateway::GatewayError> {
                $perform
            }

            $(fn listener(&mut self) -> Option<&mut dyn $crate::local::operation::Listener> {
                let told: &mut $crate::local::Told<$told> = &mut self.told;
                Some(told)
            })?
        }
    };
}
pub(super) use operation;
