//! What the booth shows: one file per mode, drawn on a canvas. No hardware here.

mod bars;
mod card;
mod compact;
mod compare;
pub mod dream;
mod engineer;
#[cfg(test)]
pub(crate) mod golden;
mod headline;
pub mod live;
pub mod message;
mod overlay;
mod theme;

/// What the booth shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Mode {
    /// Whom each face resembles, large: for visitors.
    #[default]
    Visitor,
    /// What the networks see, and how long it takes: for engineers.
    Engineer,
    /// MT-CNN and a Haar cascade on the same frame.
    #[value(alias = "haar")]
    Compare,
    /// A walk through the latent space without end.
    #[value(alias = "dream-walk")]
    Walk,
    /// Samples of an autoencoder and of a variational one side by side.
    Sample,
    /// A digit, what an encoder says of it, and what comes back.
    Reconstruct,
    /// A finger between digits.
    #[value(alias = "interpolate")]
    Blend,
    /// A digit drawn by hand.
    Draw,
    /// A GAN that learns.
    Train,
    /// Faces or digits as points.
    Map,
}

impl Mode {
    /// Every mode, in the order in which they follow each other.
    pub const ALL: [Mode; 10] = [
        Mode::Visitor,
        Mode::Engineer,
        Mode::Compare,
        Mode::Walk,
        Mode::Sample,
        Mode::Reconstruct,
        Mode::Blend,
        Mode::Draw,
        Mode::Train,
        Mode::Map,
    ];

    /// The one after it; after the last, the first. Those without their nets or their cascade are passed over.
    pub fn next(self, has_nets: bool, has_cascade: bool) -> Self {
        let is_there = |mode: &Self| match mode {
            Mode::Compare => has_cascade,
            mode => has_nets || !mode.is_generative(),
        };
        let others = Self::ALL.into_iter().cycle().skip(self as usize + 1);
        others.take(Self::ALL.len()).find(is_there).unwrap_or_default()
    }

    /// Whether it is one of the generative modes.
    pub fn is_generative(self) -> bool {
        !matches!(self, Mode::Visitor | Mode::Engineer | Mode::Compare)
    }

    /// Whether it shows what is recognised in the camera's picture.
    pub fn needs_faces(self) -> bool {
        matches!(self, Mode::Visitor | Mode::Engineer | Mode::Compare | Mode::Map)
    }

    /// Its name in the log.
    pub fn name(self) -> &'static str {
        ["visitor", "engineer", "compare", "walk", "sample", "reconstruct", "blend", "draw", "train", "map"][self as usize]
    }

    /// Its name for people who are asked to go there.
    pub fn title(self) -> &'static str {
        [
            "visitors' view",
            "engineers' view",
            "Haar beside MT-CNN",
            "dreams",
            "two autoencoders",
            "reconstruction",
            "blending",
            "drawing",
            "a GAN learns",
            "the map",
        ][self as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_mode_comes_once_and_then_the_first_again() {
        let mut seen = vec![Mode::Visitor];
        while seen.len() < 10 {
            seen.push(seen[seen.len() - 1].next(true, true));
        }
        assert_eq!(seen, Mode::ALL);
        assert_eq!(Mode::Map.next(true, true), Mode::Visitor);
        assert_eq!((Mode::Visitor.next(false, false), Mode::Engineer.next(false, false)), (Mode::Engineer, Mode::Visitor));
        assert_eq!((Mode::Engineer.next(false, true), Mode::Compare.next(false, true)), (Mode::Compare, Mode::Visitor));
        assert_eq!(Mode::Engineer.next(true, false), Mode::Walk);
    }
}
