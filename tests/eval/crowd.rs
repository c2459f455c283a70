//! Galleries of ten to 100,000 names: can the percentages still be trusted?
//!
//! People of lfw112 with one photo never visit: the strangers that fill galleries are drawn as those lie. Visitors are real
//! people with more photos, under a rule that was fitted on other visitors.

use crate::plot::{Chart, Curve};
use crate::strangers::{blank, id};
use anyhow::{Context, Result};
use lookalike::gallery::Gallery;
use lookalike::gallery::calibration::{self, Calibration, Sample};
use lookalike::types::{Embedding, Metric};
use lookalike_tests::crowd::Spread;
use lookalike_tests::dice::Dice;
use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;

/// Names in a gallery, and how many galleries of each half of the visitors.
const SIZES: [(usize, usize); 3] = [(10, 60), (1000, 2), (100_000, 2)];
/// Strangers that are drawn.
const MOST: usize = 100_000;
/// Vectors that are written for the search.
const VECTORS: usize = 1_000_000;
/// Probes beside them.
const PROBES: usize = 1000;

type Photos<'a> = BTreeMap<&'a str, Vec<&'a Sample>>;

fn by_name(samples: &[Sample]) -> Photos<'_> {
    let mut photos = Photos::new();
    samples.iter().for_each(|s| photos.entry(&s.name).or_default().push(s));
    photos
}

/// How the people with one photo lie.
fn spread(samples: &[Sample]) -> Spread {
    let photos = by_name(samples);
    let alone: Vec<&[f32]> = photos.values().filter(|p| p.len() == 1).map(|p| &p[0].photo.0[..]).collect();
    Spread::of(&alone)
}

/// Strangers as people of lfw112 lie.
pub fn drawn(samples: &[Sample]) -> Vec<Embedding> {
    let (spread, mut dice) = (spread(samples), Dice::new(4));
    (0..MOST).map(|_| Embedding(spread.stranger(&mut dice))).collect()
}

pub fn print(samples: &[Sample], strangers: f32, picture: &Path) -> Result<()> {
    let crowd = drawn(samples);
    likeness(samples, &crowd);
    let photos = by_name(samples);
    let mut people: Vec<&Vec<&Sample>> = photos.values().filter(|p| p.len() > 1).collect();
    let mut dice = Dice::new(78);
    dice.shuffle(&mut people);
    let (one, two) = people.split_at(people.len() / 2);
    let mut answers = SIZES.map(|_| Vec::new());
    for (fit_on, visiting) in [(one, two), (two, one)] {
        let fit_on: Vec<Sample> = fit_on.iter().flat_map(|p| p.iter().map(|&s| s.clone())).collect();
        let rule = Calibration { strangers, ..calibration::fit(&fit_on, &crowd, Metric::L2, 0.6, 1)? };
        for ((size, galleries), answers) in SIZES.into_iter().zip(&mut answers) {
            for _ in 0..galleries {
                answers.extend(visit(visiting, &crowd, size, rule, &mut dice)?);
            }
        }
    }
    let mut curves = Vec::new();
    for ((size, _), answers) in SIZES.into_iter().zip(&answers) {
        let right = answers.iter().filter(|a| a.1).count() as f32 / answers.len() as f32 * 100.0;
        let error = calibration::error(answers);
        println!("{size} names: {right:.1} % of {} answers right, expected calibration error {error:.1} %", answers.len());
        let bins: Vec<_> = calibration::curve(answers).into_iter().flatten().collect();
        for bin in &bins {
            println!("  said {:5.1} %   right {:5.1} %   {:6} answers", bin.said, bin.right, bin.answers);
        }
        curves.push(Curve { title: format!("{size} names"), points: bins.iter().map(|b| [b.said, b.right]).collect() });
    }
    let steps = vec![0.0, 20.0, 40.0, 60.0, 80.0, 100.0];
    let titles = ["percentage that was said", "answers of them that were right, in percent"];
    Chart { titles, grid: [steps.clone(), steps], diagonal: true, legend: 0.96 }.draw(picture, &curves)?;
    println!("drawn into {}", picture.display());
    Ok(())
}

/// Half of the people are enrolled, one photo each, or as many as the gallery has names; the rest of it are strangers.
fn visit(
    people: &[&Vec<&Sample>],
    crowd: &[Embedding],
    size: usize,
    rule: Calibration,
    dice: &mut Dice,
) -> Result<Vec<(f32, bool)>> {
    let mut people = people.to_vec();
    dice.shuffle(&mut people);
    let (enrolled, others) = people.split_at((people.len() / 2).min(size));
    let mut gallery = Gallery::empty(id(), rule);
    let mut visitors: Vec<(Option<&str>, &Sample)> = Vec::new();
    for own in enrolled {
        let mut own = (*own).clone();
        dice.shuffle(&mut own);
        gallery.enroll(&own[0].name, "", &own[0].photo, &blank())?;
        visitors.extend(own[1..].iter().take(2).map(|&s| (Some(s.name.as_str()), s)));
    }
    for (i, stranger) in crowd.iter().enumerate().take(size - enrolled.len()) {
        gallery.enroll(&format!("{i}"), "", stranger, &blank())?;
    }
    // A percentage holds where as many strangers come as it expects.
    let count = (visitors.len() as f32 * rule.strangers / (1.0 - rule.strangers)).round() as usize;
    visitors.extend(others.iter().cycle().take(count.min(2 * others.len())).enumerate().map(|(i, o)| (None, o[i % o.len()])));
    let mut answers = Vec::new();
    for (name, sample) in visitors {
        for embedding in [&sample.photo, &sample.seen] {
            let answer = gallery.answer(embedding, 1);
            let best = answer.matches.first().filter(|m| m.percent >= answer.nobody_percent);
            answers.push(match best {
                Some(m) => (m.percent, Some(m.name.as_str()) == name),
                None => (answer.nobody_percent, name.is_none()),
            });
        }
    }
    Ok(answers)
}

/// Whether the drawn lie as the real do: distances between real people, and from real people to drawn ones.
fn likeness(samples: &[Sample], crowd: &[Embedding]) {
    let photos = by_name(samples);
    let people: Vec<&Embedding> = photos.values().filter(|p| p.len() > 1).map(|p| &p[0].photo).collect();
    let far = |a: &Embedding, b: &Embedding| lookalike::gallery::distance(a, b, Metric::L2);
    let real: Vec<f32> =
        (0..people.len()).flat_map(|i| (0..i).map(move |j| (i, j))).map(|(i, j)| far(people[i], people[j])).collect();
    let drawn: Vec<f32> = people.iter().flat_map(|p| crowd.iter().take(10_000).map(|c| far(p, c))).collect();
    println!("distance that this share of pairs is nearer than:     one in 10    100   1000  10000 100000");
    for (title, mut distances) in [("two real people", real), ("a real and a drawn one", drawn)] {
        distances.sort_by(f32::total_cmp);
        let shares = [0.1, 0.01, 1e-3, 1e-4, 1e-5];
        let found = shares.map(|share| format!("{:7.3}", distances[(distances.len() as f64 * share) as usize]));
        println!("  {title:50} {}", found.concat());
    }
}

/// Writes vectors for the search, floats one after the other: real people and strangers like them, then probes: other photos of
/// real people who are there, and strangers who are not.
pub fn write(samples: &[Sample], file: &Path) -> Result<()> {
    let (spread, mut dice) = (spread(samples), Dice::new(5));
    let photos = by_name(samples);
    let mut faces: Vec<Vec<f32>> = photos.values().map(|p| p[0].photo.0.clone()).collect();
    let mut probes: Vec<Vec<f32>> =
        photos.values().filter(|p| p.len() > 1).map(|p| p[1].seen.0.clone()).take(PROBES / 2).collect();
    faces.resize_with(VECTORS, || spread.stranger(&mut dice));
    probes.resize_with(PROBES, || spread.stranger(&mut dice));
    let real = photos.len();
    // Real people are everywhere, not only in the first rows.
    for (i, place) in (0..real).map(|i| (i, dice.below(10_000))) {
        faces.swap(i, place);
    }
    let write = || -> std::io::Result<()> {
        let mut out = std::io::BufWriter::new(std::fs::File::create(file)?);
        faces.iter().chain(&probes).flatten().try_for_each(|v| out.write_all(&v.to_le_bytes()))?;
        out.flush()
    };
    write().with_context(|| format!("cannot write {}", file.display()))?;
    println!("{VECTORS} vectors, {real} of them real people's, and {PROBES} probes in {}", file.display());
    Ok(())
}
