//! What a user names as an input: a picture file, the number of a real digit, or all digits of a class.

use anyhow::{Context, Result, ensure};
use lookalike::generate::{Family, Kind, Shape, Spread, Tiles};
use lookalike::picture;
use std::path::Path;

/// One input, as it was typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// The n-th of the real digits, from 0.
    Known(usize),
    /// The mean of the class: `all:7`.
    Class(u8),
    /// A picture file.
    File(String),
}

impl std::str::FromStr for Input {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Some(class) = text.strip_prefix("all:") {
            let class = class.parse().ok().filter(|c| *c < 10);
            return class.map(Input::Class).ok_or_else(|| format!("`{text}` is no class: all:0 to all:9"));
        }
        Ok(text.parse().map_or_else(|_| Input::File(text.to_string()), Input::Known))
    }
}

impl std::fmt::Display for Input {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        match self {
            Input::Known(number) => write!(f, "{number}"),
            Input::Class(class) => write!(f, "all:{class}"),
            Input::File(path) => f.write_str(path),
        }
    }
}

/// What is known of an input: its picture, or the mean picture of the class, and its class.
pub struct Found {
    pub picture: Tiles,
    pub label: Option<u8>,
}

impl Input {
    /// The picture, of the size that the nets take. Of a class, the mean of all its pictures.
    pub fn find(&self, family: &Family, shape: Shape) -> Result<Found> {
        match self {
            Input::File(path) => Ok(Found { picture: read(Path::new(path), shape)?, label: None }),
            Input::Known(number) => {
                let known = family.known()?;
                ensure!(
                    *number < known.count(),
                    "there is no real digit {number}: they go from 0 to {}",
                    known.count().saturating_sub(1)
                );
                let picture = Tiles::new(known.pictures.shape, known.pictures.get(*number).to_vec())?;
                Ok(Found { picture, label: Some(known.labels[*number]) })
            }
            Input::Class(class) => {
                let all = of_class(family, *class)?;
                let mut mean = vec![0.0; all.shape.length()];
                all.iter().for_each(|p| mean.iter_mut().zip(p).for_each(|(sum, v)| *sum += v / all.count() as f32));
                Ok(Found { picture: Tiles::new(all.shape, mean)?, label: Some(*class) })
            }
        }
    }

    /// Its latent vector: the encoder's mean; of a class, the mean of the means.
    pub fn latent(&self, family: &mut Family, kind: Kind) -> Result<Vec<f32>> {
        let shape = family.coder(kind)?.shape();
        let pictures = match self {
            Input::Class(class) => of_class(family, *class)?,
            _ => self.find(family, shape)?.picture,
        };
        let spreads = family.coder(kind)?.encode(&pictures).with_context(|| format!("{self}: the net does not take it"))?;
        let mut mean = vec![0.0; spreads.first().map_or(0, |s| s.mean.len())];
        for Spread { mean: one, .. } in &spreads {
            mean.iter_mut().zip(one).for_each(|(sum, v)| *sum += v / spreads.len() as f32);
        }
        Ok(mean)
    }
}

/// As many as tell a class's middle.
const CLASS_MOST: usize = 100;

fn of_class(family: &Family, class: u8) -> Result<Tiles> {
    let known = family.known()?;
    let mut all = Tiles::empty(known.pictures.shape);
    let places = (0..known.count()).filter(|&i| known.labels[i] == class).take(CLASS_MOST);
    places.for_each(|i| all.push(known.pictures.get(i)));
    ensure!(all.count() > 0, "there is no real digit of the class {class}");
    Ok(all)
}

/// A picture file of exactly the size and colour that the nets take.
fn read(path: &Path, shape: Shape) -> Result<Tiles> {
    let frame = picture::read(path)?;
    let name = path.display();
    let advice = "make it so, or let `lookalike dream draw` cut the digit out";
    ensure!(
        (frame.width as usize, frame.height as usize) == (shape.width, shape.height),
        "{name} has {}x{} pixels, the nets take {shape} pictures: {advice}",
        frame.width,
        frame.height
    );
    let is_grey = frame.pixels.chunks_exact(3).all(|p| p[0] == p[1] && p[1] == p[2]);
    ensure!(is_grey || shape.channels == 3, "{name} is in colour, the nets take {shape} pictures: {advice}");
    let plane = |channel: usize| frame.pixels.iter().skip(channel).step_by(3).map(|&byte| f32::from(byte) / 255.0);
    Tiles::new(shape, (0..shape.channels).flat_map(plane).collect())
}
