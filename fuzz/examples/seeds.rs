//! Writes the made seeds to `fuzz/seeds`.

use std::path::Path;

fn main() -> std::io::Result<()> {
    for seed in omega_fuzz::seeds::all() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("seeds").join(seed.target);
        std::fs::create_dir_all(&folder)?;
        std::fs::write(folder.join(seed.name), seed.bytes)?;
    }
    Ok(())
}
