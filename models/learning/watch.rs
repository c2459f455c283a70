//! What a net makes in, whether it has collapsed out, in words.

/// Below this share of the real pictures' variety, samples are all but one picture.
const LEAST_VARIETY: f32 = 0.4;

/// Below so many nats a variational code says nothing of its picture.
const LEAST_DIVERGENCE: f32 = 1.0;

/// A discriminator that believes so little in made pictures teaches the generator nothing.
const LEAST_OPINION: f32 = 0.005;

/// Mean distance between neighbours in a list of pictures of `length` numbers each: how unlike they are.
pub fn variety(pictures: &[f32], length: usize) -> f32 {
    let pairs = pictures.chunks_exact(length).zip(pictures.chunks_exact(length).skip(1));
    let distance = |(a, b): (&[f32], &[f32])| a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum::<f32>().sqrt();
    let distances: Vec<f32> = pairs.map(distance).collect();
    distances.iter().sum::<f32>() / distances.len().max(1) as f32
}

/// What is wrong, if anything. `variety`: of samples from noise, as a share of that of real pictures; `losses`: means of an epoch.
/// An autoencoder's samples are all but alike while it is a beginner; only a GAN's stay so.
pub fn collapse(variety: Option<f32>, losses: &[(&'static str, f32)]) -> Option<String> {
    let of = |name: &str| losses.iter().find(|(n, _)| *n == name).map(|(_, value)| *value);
    if let Some(variety) = variety.filter(|v| *v < LEAST_VARIETY && of("made").is_some()) {
        let percent = variety * 100.0;
        return Some(format!(
            "collapse: the samples differ by {percent:.0} % of what real pictures do; lower the rates or begin anew"
        ));
    }
    if let Some(divergence) = of("divergence").filter(|d| *d < LEAST_DIVERGENCE) {
        return Some(format!("collapse: the code holds {divergence:.2} nats: the decoder does not listen to it"));
    }
    if let Some(opinion) = of("made").filter(|o| *o < LEAST_OPINION) {
        let percent = opinion * 100.0;
        return Some(format!(
            "collapse: the discriminator believes {percent:.1} % of what is made: try fewer --d-steps or more --g-steps"
        ));
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_picture_again_and_again_is_a_collapse() {
        let alike = variety(&[0.5; 40], 4);
        let unlike = variety(&[0.0, 0.0, 1.0, 1.0].repeat(5), 2);
        assert!((unlike - 2f32.sqrt()).abs() < 1e-6);
        assert!(collapse(Some(alike / unlike), &[("made", 0.3)]).is_some_and(|words| words.contains("0 %")));
        assert_eq!(collapse(Some(0.9), &[("made", 0.3)]), None);
        assert_eq!(collapse(Some(0.3), &[("divergence", 20.0)]), None);
    }

    #[test]
    fn a_silent_code_and_a_discriminator_that_has_won_are_told_apart() {
        assert!(collapse(None, &[("divergence", 0.01)]).is_some_and(|words| words.contains("does not listen")));
        assert!(collapse(None, &[("made", 0.001)]).is_some_and(|words| words.contains("--d-steps")));
    }
}
