//! Labelled embeddings in, the calibration of their network out.
//!
//! Booths are simulated: galleries of 1 to 1,000 people with 1 to 5 photos each, each size counting as much as any other, and
//! visitors of whom half are enrolled (by other photos) and half are not. Galleries hold photos as they are; each visitor comes twice, looking as good
//! and as a camera sees one from afar. The rule's log-odds are linear in `slope`, `slope * midpoint` and `1 / temperature`,
//! so the log loss of the visitors' true names has one minimum, which Newton's method finds.
//!
//! For the rule among thousands there are booths with up to 100,000 names, most of whom are drawn and not real. It is linear in
//! `slope`, `slope * midpoint` and `trust` but for who is farther than the nearest, whose weight follows the fit in a few rounds,
//! so the same method fits it.

use super::crowd::Crowd;
use super::{Among, Calibration, STRANGERS};
use crate::gallery::CANDIDATES;
use crate::gallery::head::Head;
use crate::gallery::index::{Breadth, Index, distance};
use crate::types::{Embedding, Metric};
use anyhow::{Context, Result, ensure};
use std::collections::BTreeMap;

/// People in the simulated galleries, and how many galleries of each. Where real people are too few, drawn ones fill the gallery.
const SIZES: [(usize, usize); 10] =
    [(1, 40), (2, 30), (5, 20), (10, 12), (20, 8), (50, 4), (100, 2), (200, 2), (500, 1), (1000, 1)];
/// Photos of each person in a simulated gallery, where there are as many.
const PHOTOS: [usize; 4] = [1, 2, 3, 5];
/// Further photos of an enrolled person that visit.
const VISITS: usize = 2;
/// Rounds after which the weight of who is farther follows the fit no more.
const ROUNDS: usize = 4;
/// Names in the large simulated galleries, and how many galleries of each.
const LARGE: [(usize, usize); 5] = [(1000, 4), (3000, 4), (10_000, 2), (30_000, 2), (100_000, 2)];

/// A photo of somebody.
#[derive(Clone, Debug)]
pub struct Sample {
    /// Who it is.
    pub name: String,
    /// The embedding of the photo as it is.
    pub photo: Embedding,
    /// The embedding of the photo as a camera shows somebody who is farther away or moves.
    pub seen: Embedding,
}

/// A visitor before a simulated gallery.
struct Visit {
    /// Mean distance of each enrolled person, log share or the negative log density of bystanders there, and evidence that is known.
    people: Vec<[f64; 3]>,
    /// Around whom everybody farther is, as one more of `people`, the last.
    around: Option<Crowd>,
    /// Who it is, `None` for a stranger.
    truth: Option<usize>,
    weight: f64,
}

/// Fits to `samples`. Needs some 20 people with two photos or more; two thousand people make
/// it steady. The same `seed` gives the same answer.
///
/// `crowd` are people of whom there is one photo each and who never visit, drawn as real people lie: 100,000, or fewer for
/// galleries no larger than that. Below a thousand the rule among thousands stays that of [`Calibration::of_distance`].
pub fn fit(samples: &[Sample], crowd: &[Embedding], metric: Metric, same_person_distance: f32, seed: u64) -> Result<Calibration> {
    let mut photos: BTreeMap<&str, Vec<&Sample>> = BTreeMap::new();
    for sample in samples {
        photos.entry(&sample.name).or_default().push(sample);
    }
    let photos: Vec<Vec<&Sample>> = photos.into_values().collect();
    let several = photos.iter().filter(|p| p.len() > 1).count();
    ensure!(several >= 20, "{several} people with two photos or more are too few to calibrate by: 20 are needed");
    let mut dice = Dice(seed);
    let world = World { photos, crowd, metric, same_person_distance };
    let mut visits = Vec::new();
    for (people, galleries) in SIZES.into_iter().filter(|(people, _)| *people <= 200 || !crowd.is_empty()) {
        for wanted in PHOTOS {
            for _ in 0..galleries {
                visits.extend(world.booth(people, wanted, 1.0 / galleries as f64, &mut dice)?);
            }
        }
    }
    let [slope, offset, sharpness] = minimise(&visits)?;
    ensure!(slope > 0.0, "these embeddings do not tell people apart: nearer faces are not the same person more often");
    let mut among = Calibration::of_distance(same_person_distance).among;
    let mut visits = Vec::new();
    for (size, galleries) in LARGE {
        for _ in 0..if size <= crowd.len() { galleries } else { 0 } {
            visits.extend(world.large_booth(size, &mut dice));
        }
    }
    if !visits.is_empty() {
        for _ in 0..ROUNDS {
            for visit in &mut visits {
                visit.weigh_farther(among);
            }
            let [slope, offset, trust] = minimise(&visits)?;
            ensure!(slope > 0.0 && trust > 0.0, "these embeddings do not tell people apart among thousands");
            among = Among { slope: slope as f32, midpoint: (offset / slope) as f32, trust: trust as f32 };
        }
    }
    Ok(Calibration {
        same_person_distance,
        among,
        slope: slope as f32,
        midpoint: (offset / slope) as f32,
        // A head that adds nothing is divided away.
        temperature: (1.0 / sharpness.max(0.01)) as f32,
        strangers: STRANGERS,
    })
}

impl Visit {
    fn weigh_farther(&mut self, rule: Among) {
        if let (Some(around), Some(farther)) = (self.around, self.people.last_mut()) {
            farther[2] = around.ln_beyond(rule.slope.into(), rule.trust.into());
        }
    }
}

/// Whom booths are simulated with.
struct World<'s> {
    /// Of each person.
    photos: Vec<Vec<&'s Sample>>,
    /// People of one photo who never visit.
    crowd: &'s [Embedding],
    metric: Metric,
    same_person_distance: f32,
}

impl World<'_> {
    /// Visits to a booth of `size` people with `wanted` photos each, where there are as many. `weight`: of all together.
    fn booth(&self, size: usize, wanted: usize, weight: f64, dice: &mut Dice) -> Result<Vec<Visit>> {
        let (photos, crowd, metric) = (&self.photos, self.crowd, self.metric);
        let mut order: Vec<usize> = (0..photos.len()).collect();
        dice.shuffle(&mut order);
        // People with photos enough come first, then those with two: galleries of 200 cannot be choosy.
        order.sort_by_key(|&i| wanted + 1 - photos[i].len().min(wanted + 1));
        let several = order.iter().take_while(|&&i| photos[i].len() > 1).count();
        // Where others can fill the gallery, half of the real people stay strangers.
        let enrolled = size.min(if crowd.is_empty() { several } else { several / 2 });
        let (mut people, mut known) = (Vec::new(), Vec::new());
        for (owner, &i) in order[..enrolled].iter().enumerate() {
            let mut own = photos[i].clone();
            dice.shuffle(&mut own);
            let (kept, visiting) = own.split_at(wanted.min(own.len() - 1));
            people.push(kept.iter().map(|s| &s.photo.0[..]).collect::<Vec<_>>());
            known.extend(visiting.iter().take(VISITS).map(|&s| (s, Some(owner))));
        }
        people.extend(crowd.iter().take(size - enrolled).map(|drawn| vec![&drawn.0[..]]));
        let mut others: Vec<usize> = order[enrolled..].to_vec();
        dice.shuffle(&mut others);
        let strangers: Vec<_> =
            others.iter().take(known.len()).map(|&i| (photos[i][dice.below(photos[i].len())], None)).collect();
        let length = known.first().context("nobody to enrol")?.0.photo.0.len();
        let head = Head::train(&people, length, metric, self.same_person_distance)?;
        let weights = [0.5 / known.len() as f64, 0.5 / strangers.len().max(1) as f64].map(|share| share * weight);
        let visit = |(embedding, truth): (&Embedding, Option<usize>)| {
            let shares = head.as_ref().map_or(vec![0.0; people.len()], |head| head.log_shares(&embedding.0));
            let far = |photos: &Vec<&[f32]>| {
                photos.iter().map(|p| distance(p, &embedding.0, metric)).sum::<f32>() / photos.len() as f32
            };
            let distances = people.iter().map(|photos| f64::from(far(photos)));
            Visit {
                people: distances.zip(shares).map(|(d, s)| [d, f64::from(s), 0.0]).collect(),
                around: None,
                truth,
                weight: weights[usize::from(truth.is_none())] / 2.0,
            }
        };
        let visitors = known.into_iter().chain(strangers);
        Ok(visitors.flat_map(|(s, truth)| [(&s.photo, truth), (&s.seen, truth)]).map(visit).collect())
    }

    /// One photo each of half of the people with several, among `crowd`; further photos of them visit, and as many others.
    fn large_booth(&self, size: usize, dice: &mut Dice) -> Vec<Visit> {
        let (photos, crowd, metric) = (&self.photos, &self.crowd[..size], self.metric);
        let mut people: Vec<&Vec<&Sample>> = photos.iter().filter(|p| p.len() > 1).collect();
        dice.shuffle(&mut people);
        let (enrolled, others) = people.split_at(people.len() / 2);
        let mut visitors: Vec<(&Sample, Option<usize>)> = others.iter().map(|p| (p[dice.below(p.len())], None)).collect();
        let mut vectors: Vec<&Embedding> = Vec::new();
        for (owner, own) in enrolled.iter().enumerate() {
            let mut own = (*own).clone();
            dice.shuffle(&mut own);
            vectors.push(&own[0].photo);
            visitors.extend(own[1..].iter().take(VISITS).map(|&s| (s, Some(owner))));
        }
        vectors.extend(&crowd[enrolled.len().min(crowd.len())..]);
        let mut index = Index::new(vectors[0].0.len(), metric);
        (0u32..).zip(&vectors).for_each(|(row, vector)| index.insert(row, &vector.0));
        let known = visitors.iter().filter(|v| v.1.is_some()).count();
        let weights = [0.25 / known.max(1) as f64, 0.25 / (visitors.len() - known).max(1) as f64];
        let visit = |(embedding, truth): (&Embedding, Option<usize>)| -> Option<Visit> {
            let near = index.nearest(&embedding.0, CANDIDATES, Breadth::All);
            let far = |row: u32| distance(&vectors[row as usize].0, &embedding.0, metric);
            let mut near: Vec<(f32, usize)> = near.iter().map(|n| (far(n.row), n.row as usize)).collect();
            near.sort_by(|a, b| a.0.total_cmp(&b.0));
            let around = Crowd::of(&near.iter().map(|n| n.0).collect::<Vec<_>>())?;
            let distances = near.iter().map(|n| n.0).chain([around.farthest()]);
            let people = distances.map(|d| [f64::from(d), -around.ln_density(d), 0.0]).collect();
            let found = truth.map(|truth| near.iter().position(|n| n.1 == truth).unwrap_or(near.len()));
            Some(Visit { people, around: Some(around), truth: found, weight: weights[usize::from(truth.is_none())] })
        };
        visitors.iter().flat_map(|&(s, truth)| [(&s.photo, truth), (&s.seen, truth)]).filter_map(visit).collect()
    }
}

/// Newton's method on the log loss of `[slope, slope * midpoint, 1 / temperature]`, from no knowledge.
fn minimise(visits: &[Visit]) -> Result<[f64; 3]> {
    let mut at = [10.0, 5.0, 0.0];
    let mut damping = 1e-3;
    let mut loss = newton_terms(visits, &at).0;
    for _ in 0..100 {
        let (_, gradient, mut hessian) = newton_terms(visits, &at);
        for (i, row) in hessian.iter_mut().enumerate() {
            row[i] *= 1.0 + damping;
        }
        let step = solve(hessian, gradient).context("the calibration does not converge")?;
        let next = [at[0] - step[0], at[1] - step[1], at[2] - step[2]];
        let next_loss = newton_terms(visits, &next).0;
        if next_loss > loss {
            damping *= 10.0;
            continue;
        }
        let settled = loss - next_loss < 1e-9 * loss;
        (at, loss, damping) = (next, next_loss, damping / 10.0);
        if settled {
            return Ok(at);
        }
    }
    Ok(at)
}

/// Loss, gradient and Hessian.
fn newton_terms(visits: &[Visit], at: &[f64; 3]) -> (f64, [f64; 3], [[f64; 3]; 3]) {
    let (mut loss, mut gradient, mut hessian) = (0.0, [0.0; 3], [[0.0; 3]; 3]);
    for visit in visits {
        let features = |&[distance, share, _]: &[f64; 3]| [-distance, 1.0, share];
        let evidence = |person: &[f64; 3]| features(person).iter().zip(at).map(|(f, a)| f * a).sum::<f64>() + person[2];
        let largest = visit.people.iter().map(evidence).fold(0.0, f64::max);
        let total = (-largest).exp() + visit.people.iter().map(|p| (evidence(p) - largest).exp()).sum::<f64>();
        let (mut mean, mut square) = ([0.0; 3], [[0.0; 3]; 3]);
        for person in &visit.people {
            let (f, chance) = (features(person), (evidence(person) - largest).exp() / total);
            for i in 0..3 {
                mean[i] += chance * f[i];
                for j in 0..3 {
                    square[i][j] += chance * f[i] * f[j];
                }
            }
        }
        let truth = visit.truth.map(|i| &visit.people[i]);
        loss += visit.weight * (largest + total.ln() - truth.map_or(0.0, evidence));
        let truth = truth.map_or([0.0; 3], features);
        for i in 0..3 {
            gradient[i] += visit.weight * (mean[i] - truth[i]);
            for j in 0..3 {
                hessian[i][j] += visit.weight * (square[i][j] - mean[i] * mean[j]);
            }
        }
    }
    (loss, gradient, hessian)
}

/// Cramer's rule.
fn solve(m: [[f64; 3]; 3], b: [f64; 3]) -> Option<[f64; 3]> {
    let determinant = |m: &[[f64; 3]; 3]| {
        m[0][0] * (m[1][1] * m[2][2] - m[1][2] * m[2][1]) - m[0][1] * (m[1][0] * m[2][2] - m[1][2] * m[2][0])
            + m[0][2] * (m[1][0] * m[2][1] - m[1][1] * m[2][0])
    };
    let whole = determinant(&m);
    let column = |c: usize| {
        let mut replaced = m;
        for r in 0..3 {
            replaced[r][c] = b[r];
        }
        determinant(&replaced) / whole
    };
    let solution = [column(0), column(1), column(2)];
    solution.iter().all(|v| v.is_finite()).then_some(solution)
}

/// A small generator of random numbers (SplitMix64, Steele et al. 2014), so that a calibration can be repeated.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % limit.max(1) as u64) as usize
    }

    fn shuffle<T>(&mut self, items: &mut [T]) {
        for i in (1..items.len()).rev() {
            items.swap(i, self.below(i + 1));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Faces of `people`, 4 photos each: Gaussian around each person, `spread` against a spread of people of 1.
    fn samples(people: usize, spread: f64) -> Vec<Sample> {
        let mut dice = Dice(3);
        let mut normal = || (0..12).map(|_| dice.below(1 << 20) as f64 / f64::from(1 << 20)).sum::<f64>() - 6.0;
        let mut samples = Vec::new();
        for person in 0..people {
            let centre: Vec<f64> = (0..16).map(|_| normal()).collect();
            for _ in 0..4 {
                let face = Embedding(centre.iter().map(|c| (0.1 * (c + spread * normal())) as f32).collect());
                samples.push(Sample { name: format!("{person}"), photo: face.clone(), seen: face });
            }
        }
        samples
    }

    #[test]
    fn fitting_twice_gives_the_same() {
        let samples = samples(60, 0.6);
        let fitted = fit(&samples, &[], Metric::L2, 0.4, 1).unwrap();
        assert_eq!(fitted, fit(&samples, &[], Metric::L2, 0.4, 1).unwrap());
        // Photos of one person lie .34 apart on average, of two .66.
        assert!((0.3..0.6).contains(&fitted.midpoint), "{fitted:?}");
    }

    #[test]
    fn blurrier_faces_make_a_gentler_slope() {
        let sharp = fit(&samples(60, 0.4), &[], Metric::L2, 0.4, 1).unwrap();
        let blurred = fit(&samples(60, 1.0), &[], Metric::L2, 0.4, 1).unwrap();
        assert!(sharp.slope > blurred.slope, "{sharp:?} {blurred:?}");
    }

    #[test]
    fn visitors_worse_seen_than_enrolled_move_the_midpoint_outwards() {
        let sharp = samples(60, 0.4);
        let blurred: Vec<Sample> =
            sharp.iter().cloned().zip(samples(60, 1.0)).map(|(s, b)| Sample { seen: b.seen, ..s }).collect();
        let [sharp, blurred] = [sharp, blurred].map(|samples| fit(&samples, &[], Metric::L2, 0.4, 1).unwrap());
        assert!(blurred.midpoint > sharp.midpoint, "{sharp:?} {blurred:?}");
    }

    #[test]
    fn too_few_people_are_an_error() {
        assert!(fit(&samples(10, 0.5), &[], Metric::L2, 0.4, 1).is_err());
        assert!(fit(&[], &[], Metric::L2, 0.4, 1).is_err());
    }

    #[test]
    fn cramers_rule_solves() {
        let x = solve([[2.0, 1.0, 0.0], [1.0, 3.0, 1.0], [0.0, 1.0, 4.0]], [4.0, 10.0, 14.0]).unwrap();
        assert!(x.iter().zip([1.0, 2.0, 3.0]).all(|(a, b)| (a - b).abs() < 1e-12));
        assert!(solve([[0.0; 3]; 3], [1.0; 3]).is_none());
    }

    #[test]
    fn a_crowd_teaches_how_much_to_trust_its_density() {
        let people = samples(60, 0.6);
        let crowd: Vec<Embedding> = samples(1200, 0.6).into_iter().step_by(4).skip(60).map(|s| s.photo).collect();
        let fitted = fit(&people, &crowd, Metric::L2, 0.4, 1).unwrap();
        assert!((0.3..1.7).contains(&fitted.among.trust) && fitted.among.slope > 0.0, "{fitted:?}");
        let without = fit(&people, &crowd[..999], Metric::L2, 0.4, 1).unwrap();
        assert_eq!(without, Calibration { among: Calibration::of_distance(0.4).among, ..fitted });
    }
}
