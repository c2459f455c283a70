//! Open galleries: are the known named, are strangers called nobody, can the percentages be trusted?

use crate::detection::face_of;
use crate::likeness::{Photos, embed_lfw};
use crate::truth::rows;
use crate::{Lab, percent};
use crate::{booth, crowd};
use anyhow::Result;
use lookalike::gallery::calibration::{self, Calibration, Sample};
use lookalike::gallery::{EmbedderId, Gallery};
use lookalike::types::{Chip, Embedding, Metric};
use lookalike_tests::dice::Dice;
use std::collections::BTreeMap;

const PEOPLE: usize = 60;
const DRAWS: usize = 40;

/// What visitors look like.
type Looks = fn(&Sample) -> Vec<&Embedding>;
type Videos = BTreeMap<String, BTreeMap<String, Vec<Embedding>>>;

/// What a gallery did to its visitors.
#[derive(Default)]
struct Tally {
    known: usize,
    top1: usize,
    top3: usize,
    named: usize,
    strangers: usize,
    nobody: usize,
    /// Percentage of each answer (the largest share, "nobody" being an answer too) and whether it was right.
    answers: Vec<(f32, bool)>,
}

/// Every photo of lfw112 as it is, and as a booth's camera shows it.
pub fn samples(lab: &Lab, photos: &Photos) -> Result<Vec<Sample>> {
    let seen = embed_lfw(lab, |number, photo| booth::seen(&photo, &mut Dice::new(number as u64)))?;
    let sample = |((path, photo), seen): ((&String, &Option<Embedding>), &Option<Embedding>)| {
        let name = path.split('/').next()?.to_string();
        Some(Sample { name, photo: photo.clone()?, seen: seen.clone()? })
    };
    Ok(photos.iter().zip(seen.values()).filter_map(sample).collect())
}

pub fn print(lab: &Lab, samples: &[Sample]) -> Result<()> {
    let strangers = lab.board.recognise.strangers;
    let fitted = Calibration { strangers, ..calibration::fit(samples, &crowd::drawn(samples), Metric::L2, 0.6, 1)? };
    let among = fitted.among;
    println!(
        "fitted on lfw112, visitors as a booth's camera shows them: slope {:.2}, midpoint {:.4}, temperature {:.4}",
        fitted.slope, fitted.midpoint, fitted.temperature
    );
    println!("among thousands: slope {:.2}, midpoint {:.4}, trust {:.4}", among.slope, among.midpoint, among.trust);
    match lab.models.models.iter().find_map(|m| m.embedding.as_ref()?.calibration) {
        Some(c) => {
            println!("the manifest has: slope {:.2}, midpoint {:.4}, temperature {:.4}", c.slope, c.midpoint, c.temperature)
        }
        None => println!("the manifest has no calibration"),
    }
    for (title, looks) in [
        ("lfw112, people that the fit has not seen", (|s| vec![&s.photo, &s.seen]) as Looks),
        ("the same, but visitors look as good as the enrolled photos", |s| vec![&s.photo]),
        ("the same, but visitors are seen from afar", |s| vec![&s.seen]),
    ] {
        curve(title, &held_out(samples, strangers, looks)?.answers);
    }
    let videos = ytf(lab)?;
    let mut dice = Dice::new(9);
    let mut all = Tally::default();
    for draw in 0..=DRAWS {
        let mut people: Vec<&String> = videos.iter().filter(|v| v.1.len() > 1).map(|v| v.0).collect();
        let mut others: Vec<&String> = videos.keys().collect();
        if draw > 0 {
            dice.shuffle(&mut people);
            dice.shuffle(&mut others);
        }
        let tally = visit(&videos, &people[..PEOPLE], &others, fitted, if draw > 0 { Some(&mut dice) } else { None })?;
        if draw == 0 {
            report("ytf, first 60 people of the alphabet", &tally);
        } else {
            all.add(tally);
        }
    }
    report(&format!("ytf, {DRAWS} draws of 60 people"), &all);
    println!("  wanted: top 1 86 %, top 3 93 %, known named 75 %, strangers called nobody 78 %");
    curve("ytf, the same draws", &all.answers);
    Ok(())
}

/// One video of each person enrolled; every frame of a second video visits, and one frame of so many strangers.
fn visit(videos: &Videos, people: &[&String], others: &[&String], rule: Calibration, dice: Option<&mut Dice>) -> Result<Tally> {
    let mut gallery = Gallery::empty(id(), rule);
    let mut visitors: Vec<(Option<&str>, &Embedding)> = Vec::new();
    let mut dice = dice;
    for person in people {
        let mut own: Vec<&Vec<Embedding>> = videos[*person].values().collect();
        if let Some(dice) = &mut dice {
            dice.shuffle(&mut own);
        }
        for (i, embedding) in own[0].iter().enumerate() {
            gallery.enroll(person, &i.to_string(), embedding, &blank())?;
        }
        visitors.extend(own[1].iter().map(|e| (Some(person.as_str()), e)));
    }
    let strangers = others.iter().filter(|o| !people.contains(o)).take(PEOPLE);
    visitors.extend(strangers.filter_map(|s| Some((None, videos[*s].values().next()?.first()?))));
    let mut tally = Tally::default();
    visitors.iter().for_each(|(name, embedding)| tally.judge(&gallery, *name, embedding));
    Ok(tally)
}

/// Galleries of 1 to 200 people with 1 to 5 photos each, of one half of lfw112's people, under the rule fitted on the other.
fn held_out(samples: &[Sample], strangers: f32, looks: Looks) -> Result<Tally> {
    let mut names: Vec<&String> = samples.iter().map(|s| &s.name).collect();
    names.dedup();
    let mut dice = Dice::new(77);
    dice.shuffle(&mut names);
    let half = names[..names.len() / 2].iter().map(|n| n.as_str()).collect::<std::collections::BTreeSet<_>>();
    let (one, two): (Vec<_>, Vec<_>) = samples.iter().cloned().partition(|s| half.contains(s.name.as_str()));
    let mut tally = Tally::default();
    for (fit_on, test_on) in [(&one, &two), (&two, &one)] {
        let rule = Calibration { strangers, ..calibration::fit(fit_on, &[], Metric::L2, 0.6, 1)? };
        let mut photos: BTreeMap<&str, Vec<&Sample>> = BTreeMap::new();
        test_on.iter().for_each(|s| photos.entry(&s.name).or_default().push(s));
        for (size, galleries) in [(1, 60), (2, 40), (5, 30), (10, 20), (20, 12), (50, 8), (100, 4), (200, 3)] {
            for enrolled in [1, 2, 3, 5] {
                for _ in 0..galleries {
                    tally.add(simulate(&photos, size, enrolled, rule, looks, &mut dice)?);
                }
            }
        }
    }
    Ok(tally)
}

fn simulate(
    photos: &BTreeMap<&str, Vec<&Sample>>,
    size: usize,
    enrolled: usize,
    rule: Calibration,
    looks: Looks,
    dice: &mut Dice,
) -> Result<Tally> {
    let mut people: Vec<&str> = photos.iter().filter(|p| p.1.len() > 1).map(|p| *p.0).collect();
    dice.shuffle(&mut people);
    people.sort_by_key(|p| (enrolled + 1).saturating_sub(photos[p].len()));
    people.truncate(size);
    let mut gallery = Gallery::empty(id(), rule);
    let mut visitors: Vec<(Option<&str>, &Sample)> = Vec::new();
    for person in &people {
        let mut own = photos[person].clone();
        dice.shuffle(&mut own);
        let (kept, visiting) = own.split_at(enrolled.min(own.len() - 1));
        for (i, sample) in kept.iter().enumerate() {
            gallery.enroll(person, &i.to_string(), &sample.photo, &blank())?;
        }
        visitors.extend(visiting.iter().take(2).map(|s| (Some(*person), *s)));
    }
    let mut others: Vec<&str> = photos.keys().copied().filter(|p| !people.contains(p)).collect();
    dice.shuffle(&mut others);
    // A percentage holds where as many strangers come as it expects.
    let count = (visitors.len() as f32 * rule.strangers / (1.0 - rule.strangers)).round() as usize;
    visitors.extend(others.iter().take(count).map(|o| (None, photos[o][0])));
    let mut tally = Tally::default();
    for (name, sample) in visitors {
        looks(sample).into_iter().for_each(|embedding| tally.judge(&gallery, name, embedding));
    }
    Ok(tally)
}

fn ytf(lab: &Lab) -> Result<Videos> {
    let truth = rows(&lab.data.join("ytf/truth.csv"))?;
    let embeddings = lab.each(&truth, |nets, row| {
        let frame = lab.picture(&format!("ytf/{}", row.text("image")?))?;
        let face = face_of(row, nets.detector.detect(&frame)?);
        face.map(|face| nets.describe(&frame, &face)).transpose()
    })?;
    let mut videos = Videos::new();
    for (row, embedding) in truth.iter().zip(embeddings) {
        if let Some(embedding) = embedding {
            let person = videos.entry(row.text("person")?.to_string()).or_default();
            person.entry(row.text("video")?.to_string()).or_default().push(embedding);
        }
    }
    Ok(videos)
}

impl Tally {
    fn judge(&mut self, gallery: &Gallery, truth: Option<&str>, embedding: &Embedding) {
        let answer = gallery.answer(embedding, 3);
        let best = answer.matches.first();
        let named = best.filter(|m| m.percent >= answer.nobody_percent);
        self.answers.push(match named {
            Some(m) => (m.percent, Some(m.name.as_str()) == truth),
            None => (answer.nobody_percent, truth.is_none()),
        });
        match truth {
            Some(name) => {
                self.known += 1;
                self.top1 += usize::from(best.is_some_and(|m| m.name == name));
                self.top3 += usize::from(answer.matches.iter().any(|m| m.name == name));
                self.named += usize::from(named.is_some());
            }
            None => {
                self.strangers += 1;
                self.nobody += usize::from(named.is_none());
            }
        }
    }

    fn add(&mut self, other: Tally) {
        self.known += other.known;
        self.top1 += other.top1;
        self.top3 += other.top3;
        self.named += other.named;
        self.strangers += other.strangers;
        self.nobody += other.nobody;
        self.answers.extend(other.answers);
    }
}

fn report(title: &str, t: &Tally) {
    println!(
        "{title}: top 1 {}, top 3 {}, known named {}, strangers called nobody {}",
        percent(t.top1, t.known),
        percent(t.top3, t.known),
        percent(t.named, t.known),
        percent(t.nobody, t.strangers)
    );
}

fn curve(title: &str, answers: &[(f32, bool)]) {
    println!("{title}: what was said and how often it was right");
    for bin in calibration::curve(answers).into_iter().flatten() {
        println!("  said {:5.1} %   right {:5.1} %   {:6} answers", bin.said, bin.right, bin.answers);
    }
    println!("  expected calibration error {:.1} %", calibration::error(answers));
    let about: Vec<&(f32, bool)> = answers.iter().filter(|a| (60.0..80.0).contains(&a.0)).collect();
    let right = about.iter().filter(|a| a.1).count();
    println!("  of {} answers from 60 to 80 %, {} were right", about.len(), percent(right, about.len()));
}

pub fn id() -> EmbedderId {
    EmbedderId { name: "eval".into(), sha256: "0".repeat(64), length: 128, metric: Metric::L2 }
}

pub fn blank() -> Chip {
    Chip { width: 8, height: 8, pixels: vec![0; 192] }
}
