//! What the files of a training on pictures are called, and what a manifest says of them. They are written as those of digits are.

use super::Kind;
use crate::files;
use crate::learning::int8::{int8_path, role};
use crate::setup::Entries;
use anyhow::{Context, Result};
use lookalike::manifest::{Entry, Precision};
use lookalike_learn::Net;
use std::path::{Path, PathBuf};

pub use crate::digits::export::write;

/// What a kind's files begin with: the family, `pictures-32`, and the kind, as `lookalike dream --nets` puts names together.
pub fn prefix(kind: Kind, size: usize) -> String {
    format!("pictures-{size}-{}", kind.name())
}

/// Writes `entries.toml` beside nets that were written as `paths`, and their int8 files where there are: appended to the manifest of
/// a folder that the nets were copied into, it makes them known to the booth. Returns its path.
pub fn write_entries(kind: Kind, nets: &[(&'static str, Net)], paths: &[PathBuf], folder: &Path) -> Result<PathBuf> {
    let entries = |((part, net), path): (&(&'static str, Net), &PathBuf)| -> Result<Vec<Entry>> {
        let name = path.file_stem().context("it has no name")?.to_string_lossy().into_owned();
        let float = Entry {
            role: role(part),
            precision: Precision::Float32,
            file: format!("{name}.onnx"),
            sha256: files::sha256_of(path)?.context("it is gone")?,
            input: net.input[..].try_into().unwrap_or([net.input[0], 1, 1]),
            mean: [0.0; 3],
            scale: 1.0,
            embedding: None,
            licence: "as that of its pictures allows".into(),
            source: format!("trained by `lookalike-models train pictures {}`", kind.name()),
            name,
        };
        let int8 = files::sha256_of(&int8_path(path))?;
        let file = int8_path(Path::new(&float.file)).to_string_lossy().into_owned();
        let int8 = int8.map(|sha256| Entry { precision: Precision::Int8, file, sha256, ..float.clone() });
        Ok([Some(float), int8].into_iter().flatten().collect())
    };
    let model = nets.iter().zip(paths).map(entries).collect::<Result<Vec<_>>>()?.concat();
    let path = folder.join("entries.toml");
    files::write(&path, toml::to_string(&Entries { model })?.as_bytes())?;
    Ok(path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pictures::net;
    use lookalike::manifest::{Manifest, Precision, VERSION};
    use lookalike_learn::Learner;

    #[test]
    fn entries_appended_to_a_manifest_make_a_family() {
        let folder = tempfile::tempdir().unwrap();
        let mut all = format!("version = {VERSION}\n");
        for kind in [Kind::Vae, Kind::Gan] {
            let nets = net::new(kind, 32, 1, 1.0, 1, 1).nets();
            let written = write(&prefix(kind, 32), &nets, folder.path()).unwrap();
            let paths: Vec<PathBuf> = written.into_iter().map(|(path, _)| path).collect();
            let entries = write_entries(kind, &nets, &paths, folder.path()).unwrap();
            all += &std::fs::read_to_string(entries).unwrap();
        }
        std::fs::write(folder.path().join("manifest.toml"), all).unwrap();
        let manifest = Manifest::read(folder.path()).unwrap();
        let mut family = lookalike::setup::family(&manifest, "pictures-32", Precision::Int8).unwrap();
        for kind in [lookalike::generate::Kind::Variational, lookalike::generate::Kind::Gan] {
            let generator = family.generator(kind).unwrap();
            let noise = vec![0.5; generator.length()];
            assert_eq!(generator.draw(&noise, |_| 0).unwrap().shape.to_string(), "32x32 colour");
        }
        assert!(family.discriminator.is_some());
    }
}
