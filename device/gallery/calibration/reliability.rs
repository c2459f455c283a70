//! Answers in, each a percentage and whether it was right; how far the percentages can be trusted out.

/// One step of a reliability curve.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bin {
    /// Mean percentage of the answers in it.
    pub said: f32,
    /// Percentage of them that were right.
    pub right: f32,
    /// How many there were.
    pub answers: usize,
}

/// The reliability curve of answers, each a percentage and whether it was right: ten steps of 10 %.
pub fn curve(answers: &[(f32, bool)]) -> [Option<Bin>; 10] {
    std::array::from_fn(|step| {
        let inside = |percent: f32| ((percent / 10.0) as usize).min(9) == step;
        let within: Vec<&(f32, bool)> = answers.iter().filter(|a| inside(a.0)).collect();
        let count = within.len() as f32;
        let said = within.iter().map(|a| a.0).sum::<f32>() / count;
        let right = 100.0 * within.iter().filter(|a| a.1).count() as f32 / count;
        (!within.is_empty()).then_some(Bin { said, right, answers: within.len() })
    })
}

/// The expected calibration error of answers, in percent: how far what was said is from how often it was right, over the steps of
/// their curve and by how many answers are in each (Naeini et al. 2015).
pub fn error(answers: &[(f32, bool)]) -> f32 {
    let far = |bin: Bin| (bin.said - bin.right).abs() * bin.answers as f32;
    curve(answers).into_iter().flatten().map(far).sum::<f32>() / answers.len().max(1) as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_curve_counts_what_was_right() {
        let curve = curve(&[(65.0, true), (68.0, false), (100.0, true), (5.0, false)]);
        assert_eq!(curve[6], Some(Bin { said: 66.5, right: 50.0, answers: 2 }));
        assert_eq!(curve[9], Some(Bin { said: 100.0, right: 100.0, answers: 1 }));
        assert_eq!(curve[5], None);
    }

    #[test]
    fn the_error_is_how_far_said_is_from_right() {
        let answers = [(65.0, true), (65.0, false), (95.0, true), (95.0, true)];
        assert!((error(&answers) - 10.0).abs() < 1e-3);
        assert_eq!(error(&[]), 0.0);
    }
}
