//! The projector: many vectors of one length in, a point in space for each out, and where a newcomer lies among them.
//!
//! `pca` comes at once; `tsne` takes its time and shows groups better. A newcomer is put in without fitting anything anew.

use super::latent;
use anyhow::{Result, ensure};

mod export;
mod pca;
mod tsne;

pub use export::{Export, Sprite};
pub use pca::Axes;

/// How vectors become points.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Method {
    /// Principal components: the three directions in which the vectors differ most (Pearson 1901).
    #[default]
    Pca,
    /// t-distributed stochastic neighbour embedding (van der Maaten and Hinton 2008): neighbours stay neighbours.
    Tsne,
}

impl Method {
    /// As people write it.
    pub fn name(self) -> &'static str {
        match self {
            Method::Pca => "PCA",
            Method::Tsne => "t-SNE",
        }
    }
}

/// Vectors and their places. Places are within -1 to 1 around the middle; a flat map has 0 as its third coordinate.
#[derive(Clone, Debug)]
pub struct Map {
    method: Method,
    /// Numbers in a vector.
    length: usize,
    vectors: Vec<f32>,
    places: Vec<[f32; 3]>,
    /// Of [`Method::Pca`]: the directions, and what places are multiplied by.
    axes: Option<(Axes, f32)>,
}

/// Fewer vectors have no shape worth a map.
pub const LEAST: usize = 2;

impl Map {
    /// The map of vectors of `length` numbers that lie one behind the other, by their principal components.
    ///
    /// # Errors
    /// Where there are fewer than [`LEAST`], or a number is not finite.
    pub fn pca(vectors: Vec<f32>, length: usize) -> Result<Self> {
        check(&vectors, length)?;
        let axes = Axes::of(&vectors, length);
        let raw: Vec<[f32; 3]> = vectors.chunks_exact(length).map(|v| axes.project(v)).collect();
        let scale = fitting(&raw);
        let places = raw.iter().map(|p| p.map(|v| v * scale)).collect();
        Ok(Self { method: Method::Pca, length, vectors, places, axes: Some((axes, scale)) })
    }

    /// The map by t-SNE, flat or in space. It takes seconds for a thousand vectors.
    ///
    /// # Errors
    /// As [`Map::pca`], where there are fewer than [`tsne::LEAST`], and where they are all the same.
    pub fn tsne(vectors: Vec<f32>, length: usize, flat: bool, seed: u64) -> Result<Self> {
        check(&vectors, length)?;
        let raw = tsne::places(&vectors, length, flat, seed)?;
        let scale = fitting(&raw);
        let places = raw.iter().map(|p| p.map(|v| v * scale)).collect();
        Ok(Self { method: Method::Tsne, length, vectors, places, axes: None })
    }

    /// How it was made.
    pub fn method(&self) -> Method {
        self.method
    }

    /// One place per vector.
    pub fn places(&self) -> &[[f32; 3]] {
        &self.places
    }

    /// The vectors, one behind the other.
    pub fn vectors(&self) -> &[f32] {
        &self.vectors
    }

    /// Numbers in a vector.
    pub fn length(&self) -> usize {
        self.length
    }

    /// Indices and distances of the `most` vectors nearest to `vector`, in the space of the vectors, nearest first.
    pub fn nearest(&self, vector: &[f32], most: usize) -> Vec<(usize, f32)> {
        if vector.len() == self.length { latent::nearest(&self.vectors, vector, most) } else { Vec::new() }
    }

    /// Where a vector lies that was not there when the map was made. PCA: by the same directions. t-SNE has none: between the
    /// places of the nearest vectors, the nearer the more. `None` for a vector of another length.
    pub fn place(&self, vector: &[f32]) -> Option<[f32; 3]> {
        if vector.len() != self.length || vector.iter().any(|v| !v.is_finite()) {
            return None;
        }
        if let Some((axes, scale)) = &self.axes {
            // Somebody unlike all others stays on the map, at its edge.
            return Some(axes.project(vector).map(|v| (v * scale).clamp(-EDGE, EDGE)));
        }
        /// So many places count.
        const NEIGHBOURS: usize = 6;
        let near = self.nearest(vector, NEIGHBOURS);
        let width = near.iter().map(|(_, d)| d).sum::<f32>() / near.len() as f32 / 2.0;
        let closest = near.first().map_or(0.0, |(_, d)| *d);
        let weight = |d: f32| (-(d * d - closest * closest) / (2.0 * width * width).max(f32::MIN_POSITIVE)).exp();
        let total: f32 = near.iter().map(|(_, d)| weight(*d)).sum();
        Some([0, 1, 2].map(|axis: usize| near.iter().map(|&(i, d)| weight(d) / total * self.places[i][axis]).sum()))
    }
}

/// A newcomer's place reaches no further.
const EDGE: f32 = 1.3;

fn check(vectors: &[f32], length: usize) -> Result<()> {
    ensure!(length > 0 && vectors.len().is_multiple_of(length), "{} numbers are no vectors of {length}", vectors.len());
    let count = vectors.len() / length;
    ensure!(count >= LEAST, "a map needs at least {LEAST} vectors; there {} {count}", if count == 1 { "is" } else { "are" });
    ensure!(vectors.iter().all(|v| v.is_finite()), "a vector has numbers that are not finite");
    Ok(())
}

/// What brings all coordinates into -1 to 1; 1 where all places are the same.
fn fitting(places: &[[f32; 3]]) -> f32 {
    let most = places.iter().flatten().fold(0f32, |most, v| most.max(v.abs()));
    if most > 0.0 { 1.0 / most } else { 1.0 }
}

/// A place seen from a side: turned around the upright axis by `yaw` and then tilted by `pitch`, both in radians. Across (to the
/// right), down, and depth: low is near. Parallel projection.
pub fn seen([x, y, z]: [f32; 3], yaw: f32, pitch: f32) -> [f32; 3] {
    let ((sin, cos), (sin_pitch, cos_pitch)) = (yaw.sin_cos(), pitch.sin_cos());
    let (x, z) = (cos * x + sin * z, cos * z - sin * x);
    let (y, z) = (cos_pitch * y - sin_pitch * z, sin_pitch * y + cos_pitch * z);
    [x, -y, z]
}

#[cfg(test)]
mod tests {
    use super::super::Dice;
    use super::*;

    /// Three clouds of ten vectors each, far apart, in six dimensions.
    fn clouds() -> Vec<f32> {
        let mut dice = Dice::new(11);
        let mut vectors = Vec::new();
        for cloud in 0..3 {
            for _ in 0..10 {
                vectors.extend((0..6).map(|i| if i == cloud { 10.0 } else { 0.0 } + 0.3 * dice.normal()));
            }
        }
        vectors
    }

    /// How far apart places are within the clouds, and between them.
    fn spreads(map: &Map) -> [f32; 2] {
        let mut spreads = [0f32, f32::INFINITY];
        for (i, a) in map.places().iter().enumerate() {
            for (j, b) in map.places().iter().enumerate() {
                let far = latent::distance(a, b);
                if i / 10 == j / 10 { spreads[0] = spreads[0].max(far) } else { spreads[1] = spreads[1].min(far) }
            }
        }
        spreads
    }

    #[test]
    fn clouds_stay_clouds_on_every_map() {
        let maps = [Map::pca(clouds(), 6), Map::tsne(clouds(), 6, true, 1), Map::tsne(clouds(), 6, false, 1)];
        for map in maps.map(Result::unwrap) {
            let [within, between] = spreads(&map);
            assert!(within < between, "{:?}: {within} {between}", map.method());
            assert!(map.places().iter().flatten().all(|v| (-1.0..=1.0).contains(v)));
        }
    }

    #[test]
    fn a_flat_map_is_flat_and_a_seed_gives_the_same_map_again() {
        let map = || Map::tsne(clouds(), 6, true, 9).unwrap();
        assert!(map().places().iter().all(|p| p[2] == 0.0));
        assert_eq!(map().places(), map().places());
    }

    #[test]
    fn a_newcomer_lies_among_its_like_and_moves_nobody() {
        for map in [Map::pca(clouds(), 6).unwrap(), Map::tsne(clouds(), 6, true, 1).unwrap()] {
            let before = map.places().to_vec();
            let newcomer = [0.1, 9.8, 0.2, 0.0, -0.1, 0.0];
            let place = map.place(&newcomer).unwrap();
            let mut far: Vec<(usize, f32)> = before.iter().map(|p| latent::distance(p, &place)).enumerate().collect();
            far.sort_by(|a, b| a.1.total_cmp(&b.1));
            assert!(far[..5].iter().all(|(i, _)| i / 10 == 1), "{:?}: {far:?}", map.method());
            assert!(map.nearest(&newcomer, 3).iter().all(|(i, _)| i / 10 == 1));
            assert_eq!(map.places(), before);
            assert_eq!(map.place(&[0.0; 5]), None);
        }
    }

    #[test]
    fn a_member_put_in_again_by_pca_lies_on_itself() {
        let map = Map::pca(clouds(), 6).unwrap();
        let again = map.place(&clouds()[24..30]).unwrap();
        assert!(latent::distance(&again, &map.places()[4]) < 1e-5);
    }

    #[test]
    fn what_is_no_map_is_refused_in_words() {
        let complaint = |result: Result<Map>| result.unwrap_err().to_string();
        assert_eq!(complaint(Map::pca(vec![1.0; 4], 4)), "a map needs at least 2 vectors; there is 1");
        assert!(complaint(Map::pca(vec![1.0; 5], 4)).contains("5 numbers are no vectors of 4"));
        assert!(complaint(Map::pca(vec![f32::NAN; 8], 4)).contains("not finite"));
        assert!(complaint(Map::tsne(vec![1.0; 12], 4, true, 1)).contains("t-SNE needs at least"));
        assert!(complaint(Map::tsne(vec![1.0; 80], 4, true, 1)).contains("all the same"));
        assert_eq!(Map::pca(vec![1.0; 8], 4).unwrap().places(), [[0.0; 3]; 2]);
    }

    #[test]
    fn a_quarter_turn_brings_what_lay_behind_to_the_side() {
        let near = |a: [f32; 3], b: [f32; 3]| latent::distance(&a, &b) < 1e-6;
        assert!(near(seen([1.0, 2.0, 3.0], 0.0, 0.0), [1.0, -2.0, 3.0]));
        assert!(near(seen([0.0, 0.0, 1.0], std::f32::consts::FRAC_PI_2, 0.0), [1.0, 0.0, 0.0]));
    }
}
