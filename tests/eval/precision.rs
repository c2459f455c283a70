//! What int8 costs: the same tables with both kinds of files, side by side, and how alike their embeddings are.

use crate::detection::{self, LEAST_PX};
use crate::likeness::{self, Pairs};
use crate::{Lab, percent};
use anyhow::Result;
use lookalike::manifest::Precision;
use lookalike::setup;
use lookalike::types::Embedding;

pub fn print(lab: &Lab) -> Result<()> {
    let [float, int8] = [Precision::Float32, Precision::Int8].map(|precision| {
        let mut board = lab.board.clone();
        setup::force_precision(&mut board, precision);
        board
    });
    // Faces found by floats, described by bytes: the same chips as floats get.
    let mut mixed = float.clone();
    mixed.recognise.precision = Precision::Int8;
    let [float, int8, mixed] =
        [float, int8, mixed].map(|board| Lab { data: lab.data.clone(), board, models: lab.models.clone() });
    println!("int8 beside float32                     float32     int8   bar");
    let (a, b) = (detection::measure(&float)?, detection::measure(&int8)?);
    for ((least, (all, hit)), (_, hit8)) in LEAST_PX.iter().zip(a.wider).zip(b.wider) {
        let [hit, hit8] = [hit, hit8].map(|hits| hits as f32 / all as f32);
        let points = if *least < 40.0 { 1.0 } else { 2.0 };
        println!("wider, recall of boxes >= {least:2} px wide     {hit:.3}    {hit8:.3}   not {points:.0} point(s) lower");
    }
    println!("nonface, images with a detection        {:7}  {:7}   not more than 2 more", a.nonface, b.nonface);
    println!("ytf, face found at IoU .3               {:>7}  {:>7}", percent(a.ytf.1, a.ytf.0), percent(b.ytf.1, b.ytf.0));
    println!("ytf, median landmark error / eyes        {:.4}   {:.4}   not 5 % larger", a.landmark_error, b.landmark_error);
    let described = [&float, &int8, &mixed].map(|lab| likeness::embed_lfw(lab, |_, photo| Ok(photo)));
    let [plain, bytes, same_chips] = described;
    let (plain, bytes, same_chips) = (plain?, bytes?, same_chips?);
    let (Pairs { all, ten_fold, .. }, Pairs { ten_fold: ten_fold8, .. }) =
        (likeness::pairs(&float, &plain)?, likeness::pairs(&int8, &bytes)?);
    println!(
        "lfw112 end to end, ten-fold             {:>7}  {:>7}   not .3 points lower",
        percent(ten_fold, all),
        percent(ten_fold8, all)
    );
    for (what, others) in [("of the same chips", &same_chips), ("end to end", &bytes)] {
        let mut cosines: Vec<f32> =
            plain.iter().filter_map(|(photo, a)| Some(cosine(a.as_ref()?, others.get(photo)?.as_ref()?))).collect();
        cosines.sort_by(f32::total_cmp);
        let mean = cosines.iter().sum::<f32>() / cosines.len().max(1) as f32;
        let least = cosines.first().copied().unwrap_or(f32::NAN);
        println!(
            "cosine of float32 and int8 embeddings, {what}: mean {mean:.4}, least {least:.4}, of {} (bar: mean .99)",
            cosines.len()
        );
    }
    Ok(())
}

fn cosine(a: &Embedding, b: &Embedding) -> f32 {
    let dot = |a: &Embedding, b: &Embedding| a.0.iter().zip(&b.0).map(|(a, b)| a * b).sum::<f32>();
    dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
}
