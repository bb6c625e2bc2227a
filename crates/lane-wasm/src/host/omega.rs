//! The contract's own interfaces: log, artifacts, datasets.
//!
//! What never happens here: an answer made up. What a broker says is passed on, as its WIT variant.

use std::sync::Arc;

use omega_contract::ports::{BrokerError, GuestLogLevel};
use wasmtime::Result;

use crate::bindings::omega::plugin::{artifacts, broker, datasets, log, types};
use crate::guest::Guest;

impl types::Host for Guest {}

impl broker::Host for Guest {}

impl log::Host for Guest {
    fn write(&mut self, level: log::Level, message: String) -> Result<()> {
        self.host_calls.check()?;
        let level = match level {
            log::Level::Debug => GuestLogLevel::Debug,
            log::Level::Info => GuestLogLevel::Info,
            log::Level::Warn => GuestLogLevel::Warn,
            log::Level::Error => GuestLogLevel::Error,
        };
        if self.text.log(level, &message) {
            self.host.log(level, &message);
        }
        Ok(())
    }
}

impl artifacts::Host for Guest {
    async fn size(&mut self, artifact_id: String) -> Result<Result<u64, broker::BrokerError>> {
        self.host_calls.check()?;
        let host = Arc::clone(&self.host);
        Ok(host.artifact_size(&artifact_id).await.map_err(shown))
    }

    async fn read(
        &mut self,
        artifact_id: String,
        offset: u64,
        length: u32,
    ) -> Result<Result<Vec<u8>, broker::BrokerError>> {
        self.host_calls.check()?;
        // It could not hold them: no need to have them read.
        let bytes_max = self.memory.bytes_max();
        if u64::from(length) > bytes_max {
            return Ok(Err(broker::BrokerError::LimitExceeded(format!(
                "{length} bytes asked for, {bytes_max} bytes of memory"
            ))));
        }
        let host = Arc::clone(&self.host);
        Ok(host.artifact_read(&artifact_id, offset, length).await.map_err(shown))
    }
}

impl datasets::Host for Guest {
    async fn count(&mut self) -> Result<Result<u64, broker::BrokerError>> {
        self.host_calls.check()?;
        let host = Arc::clone(&self.host);
        Ok(host.dataset_count().await.map_err(shown))
    }

    async fn read(&mut self, first: u64, max_rows: u32) -> Result<Result<Vec<String>, broker::BrokerError>> {
        self.host_calls.check()?;
        let host = Arc::clone(&self.host);
        Ok(host.dataset_read(first, max_rows).await.map_err(shown))
    }
}

fn shown(error: BrokerError) -> broker::BrokerError {
    match error {
        BrokerError::Denied(text) => broker::BrokerError::Denied(text),
        BrokerError::Unknown(text) => broker::BrokerError::Unknown(text),
        BrokerError::HashMismatch(text) => broker::BrokerError::HashMismatch(text),
        BrokerError::LimitExceeded(text) => broker::BrokerError::LimitExceeded(text),
        BrokerError::Failed(text) => broker::BrokerError::Failed(text),
    }
}
