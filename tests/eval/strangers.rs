//! Open galleries: are the known named, are strangers called nobody, can the percentages be trusted?

use crate::detection::face_of;
use crate::truth::rows;
use crate::{Lab, percent};
use anyhow::Result;
use lookalike::gallery::calibration::{self, Calibration};
use lookalike::gallery::{EmbedderId, Gallery};
use lookalike::types::{Chip, Embedding, Metric};
use std::collections::BTreeMap;

const PEOPLE: usize = 60;
const DRAWS: usize = 40;

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

pub fn print(lab: &Lab, lfw: &BTreeMap<String, Option<Embedding>>) -> Result<()> {
    let faces: Vec<(String, Embedding)> =
        lfw.iter().filter_map(|(path, e)| Some((path.split('/').next()?.to_string(), e.clone()?))).collect();
    let strangers = lab.board.recognise.strangers;
    let fitted = Calibration { strangers, ..calibration::fit(&faces, Metric::L2, 0.6, 1)? };
    println!(
        "fitted on lfw112: slope {:.2}, midpoint {:.4}, temperature {:.4}",
        fitted.slope, fitted.midpoint, fitted.temperature
    );
    match lab.models.models.iter().find_map(|m| m.embedding.as_ref()?.calibration) {
        Some(c) => {
            println!("the manifest has:  slope {:.2}, midpoint {:.4}, temperature {:.4}", c.slope, c.midpoint, c.temperature)
        }
        None => println!("the manifest has no calibration"),
    }
    curve("lfw112, people that the fit has not seen", &held_out(&faces, strangers)?.answers);
    let videos = ytf(lab)?;
    let mut dice = Dice(9);
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
fn held_out(faces: &[(String, Embedding)], strangers: f32) -> Result<Tally> {
    let mut names: Vec<&String> = faces.iter().map(|f| &f.0).collect();
    names.dedup();
    let mut dice = Dice(77);
    dice.shuffle(&mut names);
    let half = names[..names.len() / 2].iter().map(|n| n.as_str()).collect::<std::collections::BTreeSet<_>>();
    let (one, two): (Vec<_>, Vec<_>) = faces.iter().cloned().partition(|f| half.contains(f.0.as_str()));
    let mut tally = Tally::default();
    for (fit_on, test_on) in [(&one, &two), (&two, &one)] {
        let rule = Calibration { strangers, ..calibration::fit(fit_on, Metric::L2, 0.6, 1)? };
        let mut photos: BTreeMap<&str, Vec<&Embedding>> = BTreeMap::new();
        test_on.iter().for_each(|(name, e)| photos.entry(name).or_default().push(e));
        for (size, galleries) in [(1, 60), (2, 40), (5, 30), (10, 20), (20, 12), (50, 8), (100, 4), (200, 3)] {
            for enrolled in [1, 2, 3, 5] {
                for _ in 0..galleries {
                    simulate(&photos, size, enrolled, rule, &mut dice, &mut tally)?;
                }
            }
        }
    }
    Ok(tally)
}

fn simulate(
    photos: &BTreeMap<&str, Vec<&Embedding>>,
    size: usize,
    enrolled: usize,
    rule: Calibration,
    dice: &mut Dice,
    tally: &mut Tally,
) -> Result<()> {
    let mut people: Vec<&str> = photos.iter().filter(|p| p.1.len() > 1).map(|p| *p.0).collect();
    dice.shuffle(&mut people);
    people.sort_by_key(|p| (enrolled + 1).saturating_sub(photos[p].len()));
    people.truncate(size);
    let mut gallery = Gallery::empty(id(), rule);
    let mut visitors: Vec<(Option<&str>, &Embedding)> = Vec::new();
    for person in &people {
        let mut own = photos[person].clone();
        dice.shuffle(&mut own);
        let (kept, visiting) = own.split_at(enrolled.min(own.len() - 1));
        for (i, embedding) in kept.iter().enumerate() {
            gallery.enroll(person, &i.to_string(), embedding, &blank())?;
        }
        visitors.extend(visiting.iter().take(2).map(|e| (Some(*person), *e)));
    }
    let mut others: Vec<&str> = photos.keys().copied().filter(|p| !people.contains(p)).collect();
    dice.shuffle(&mut others);
    let count = visitors.len();
    visitors.extend(others.iter().take(count).map(|o| (None, photos[o][0])));
    visitors.iter().for_each(|(name, embedding)| tally.judge(&gallery, *name, embedding));
    Ok(())
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
    let about: Vec<&(f32, bool)> = answers.iter().filter(|a| (60.0..80.0).contains(&a.0)).collect();
    let right = about.iter().filter(|a| a.1).count();
    println!("  of {} answers from 60 to 80 %, {} were right", about.len(), percent(right, about.len()));
}

fn id() -> EmbedderId {
    EmbedderId { name: "eval".into(), sha256: "0".repeat(64), length: 128, metric: Metric::L2 }
}

fn blank() -> Chip {
    Chip { width: 8, height: 8, pixels: vec![0; 192] }
}

/// A small generator (xorshift64, Marsaglia 2003), so that every run draws the same.
struct Dice(u64);

impl Dice {
    fn below(&mut self, most: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % most
    }

    fn shuffle<T>(&mut self, list: &mut [T]) {
        for i in (1..list.len()).rev() {
            list.swap(i, self.below(i + 1));
        }
    }
}
