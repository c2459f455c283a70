//! The nets of one family, those that there are, and the pictures that they were made for.

use super::{Coder, Generator, Judge, Tiles, Verdict, idx::Digits};
use anyhow::{Context, Result, bail};
use std::sync::Arc;

/// Which net draws.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// The plain autoencoder.
    Autoencoder,
    /// The autoencoder that was shown noisy pictures and asked for clean ones.
    Denoising,
    /// The variational autoencoder.
    Variational,
    /// The generator of the GAN.
    Gan,
    /// The generator that is asked for a class.
    Conditional,
}

impl Kind {
    /// Every kind, in the order in which the course has them.
    pub const ALL: [Kind; 5] = [Kind::Autoencoder, Kind::Denoising, Kind::Variational, Kind::Gan, Kind::Conditional];

    /// As the manifest's names have it.
    pub fn name(self) -> &'static str {
        ["ae", "dae", "vae", "gan", "cgan"][self as usize]
    }

    /// As a screen has it.
    pub fn title(self) -> &'static str {
        ["autoencoder", "denoising AE", "variational AE", "GAN", "conditional GAN"][self as usize]
    }
}

/// What the manifest has of one family. All that is missing is `None`.
#[derive(Default)]
pub struct Family {
    /// What its entries' names begin with: `digits`.
    pub name: String,
    /// Tells classes apart.
    pub classifier: Option<Judge>,
    /// Tells real from fake.
    pub discriminator: Option<Judge>,
    /// Of [`Kind::Autoencoder`], [`Kind::Denoising`] and [`Kind::Variational`].
    pub coders: [Option<Coder>; 3],
    /// Of [`Kind::Gan`] and [`Kind::Conditional`].
    pub generators: [Option<Generator>; 2],
    /// Real pictures with their classes.
    pub known: Option<Arc<Digits>>,
}

impl Family {
    /// An encoder with its decoder.
    ///
    /// # Errors
    /// Where the family has none of that kind, or a GAN is asked, which has no encoder.
    pub fn coder(&mut self, kind: Kind) -> Result<&mut Coder> {
        let Some(place) = self.coders.get_mut(kind as usize) else {
            bail!("a GAN has no encoder: ask ae, dae or vae about a picture");
        };
        place.as_mut().with_context(|| missing(&self.name, kind))
    }

    /// What makes pictures of latent vectors: a decoder, or a GAN's generator.
    ///
    /// # Errors
    /// Where the family has none of that kind.
    pub fn generator(&mut self, kind: Kind) -> Result<&mut Generator> {
        let found = match kind {
            Kind::Gan | Kind::Conditional => self.generators[kind as usize - Kind::Gan as usize].as_mut(),
            _ => self.coders[kind as usize].as_mut().map(|coder| &mut coder.decoder),
        };
        found.with_context(|| missing(&self.name, kind))
    }

    /// What the classifier takes each picture for; `None` without a classifier.
    pub fn verdicts(&mut self, pictures: &Tiles) -> Result<Option<Vec<Verdict>>> {
        self.classifier.as_mut().map(|judge| judge.classify(pictures)).transpose()
    }

    /// Whether it can draw with that kind.
    pub fn has(&self, kind: Kind) -> bool {
        match kind {
            Kind::Gan | Kind::Conditional => self.generators[kind as usize - Kind::Gan as usize].is_some(),
            _ => self.coders[kind as usize].is_some(),
        }
    }

    /// Whether there is any net of it.
    pub fn is_empty(&self) -> bool {
        self.classifier.is_none() && self.discriminator.is_none() && Kind::ALL.iter().all(|&kind| !self.has(kind))
    }

    /// Real pictures.
    ///
    /// # Errors
    /// Where there are none on this device.
    pub fn known(&self) -> Result<&Arc<Digits>> {
        self.known.as_ref().with_context(|| {
            format!("there are no real {0} beside the models ({0}/{0}-images.idx3): run `make models`", self.name)
        })
    }
}

fn missing(family: &str, kind: Kind) -> String {
    let name = format!("{family}-{}", kind.name());
    let lacks = match kind {
        Kind::Gan | Kind::Conditional => format!("`{name}-generator`"),
        _ => format!("`{name}-encoder` with its `{name}-decoder`"),
    };
    let advice = if family == OURS { "run `make models`" } else { "add it, as README.md says under Own networks" };
    format!("the manifest has no {lacks}: {advice}")
}

/// The family that the set-up brings.
const OURS: &str = "digits";

#[cfg(test)]
mod tests {
    use super::super::{Shape, nets::fakes};
    use super::*;

    #[test]
    fn what_is_missing_is_named() {
        let mut family = Family { name: "digits".into(), ..Family::default() };
        let complaint = |error: anyhow::Error| error.to_string();
        assert!(family.is_empty());
        assert!(complaint(family.generator(Kind::Gan).err().unwrap()).contains("`digits-gan-generator`: run `make models`"));
        assert!(complaint(family.coder(Kind::Variational).err().unwrap()).contains("`digits-vae-encoder`"));
        assert!(complaint(family.coder(Kind::Gan).err().unwrap()).contains("no encoder"));
        assert!(complaint(family.known().unwrap_err()).contains("digits/digits-images.idx3"));
        let mut family = Family { name: "cats".into(), ..Family::default() };
        assert!(complaint(family.generator(Kind::Gan).err().unwrap()).contains("`cats-gan-generator`: add it"));
    }

    #[test]
    fn a_decoder_draws_like_a_generator() {
        let shape = Shape { channels: 1, height: 1, width: 2 };
        let mut family = Family { coders: [None, None, Some(fakes::coder(shape, true))], ..Family::default() };
        assert!(family.has(Kind::Variational) && !family.has(Kind::Gan) && !family.is_empty());
        assert_eq!(family.generator(Kind::Variational).unwrap().draw(&[0.5, 1.0], |_| 0).unwrap().values, [0.5, 1.0]);
    }
}
