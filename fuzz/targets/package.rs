//! A package as a tar archive: whatever it holds, what comes out are plain files within the limits, and a verdict on them.
#![no_main]

use libfuzzer_sys::fuzz_target;
use omega_contract::Timestamp;
use omega_contract::limits::{PACKAGE_BYTES_MAX, PACKAGE_FILES_MAX, PACKAGE_PATH_BYTES_MAX};
use omega_contract::manifest::is_plain_path;
use omega_validator::{Unverified, check_package_unsigned, read_tar, verify_package};

fuzz_target!(|bytes: &[u8]| {
    let Ok(files) = read_tar(bytes) else { return };
    assert!(files.len() <= PACKAGE_FILES_MAX);
    assert!(files.iter().map(|(_, bytes)| bytes.len() as u64).sum::<u64>() <= PACKAGE_BYTES_MAX);
    for (path, content) in files.iter() {
        assert!(is_plain_path(path) && path.len() <= PACKAGE_PATH_BYTES_MAX, "{path:?} was taken");
        assert!(content.len() <= bytes.len(), "{path:?} has more bytes than the archive");
    }
    let _ = check_package_unsigned(&files, Timestamp::EPOCH);
    verify_package(Unverified(files), &[], Timestamp::EPOCH).expect_err("nobody is trusted");
});
