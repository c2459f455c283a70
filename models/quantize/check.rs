//! A float and an int8 file in; how far they lie apart at their task out, or a refusal.
//!
//! The crops and photos are other ones than those that the file was calibrated on.

use super::crops::{Crops, Watched};
use super::inputs::{Floats, Inputs};
use super::net::{Net, Scaling};
use super::report::decibels;
use super::run;
use anyhow::{Context, Result, bail, ensure};
use image::RgbImage;
use lookalike::detect;
use lookalike::manifest::Role;
use lookalike_learn::classifier::largest;
use prost::Message;
use tract_onnx::pb;

/// A face score of this and more counts as "yes" when decisions are compared.
const YES: f32 = 0.65;
/// Share of crops at least that both files decide alike.
const ALIKE: f32 = 0.95;
/// Mean distance at most between scores, and between shifts as fractions of the window.
const SCORES_APART: f32 = 0.02;
const SHIFTS_APART: f32 = 0.02;
/// Mean cosine at least between the two files' embeddings.
pub const COSINE: f32 = 0.99;
/// Boxes of one face in two detectors overlap at least so much.
const SAME_FACE: f32 = 0.7;
/// Bytes of the int8 file at most, as a share of the float file's; P-Net is so small that names and scales weigh.
const SHARE: [f64; 2] = [0.3, 0.45];

/// Mean distance at most of the pixels that a generative net draws, 0 to 1, and of a discriminator's opinions.
const PIXELS_APART: f32 = 0.01;
const OPINIONS_APART: f32 = 0.02;
/// Share at least of pictures that a classifier takes for the same.
const SAME_CLASS: f32 = 0.99;
/// Signal over noise at least of an encoder's numbers, in decibels: the noise is a hundredth of them.
const CODES_DB: f32 = 20.0;
/// Bytes of a generative net's int8 file at most, as a share of the float file's: a small net's names and scales weigh.
const GENERATIVE_SHARE: f64 = 0.4;

/// One of the two files.
pub struct Version<'f> {
    /// The file.
    pub onnx: &'f [u8],
    /// How it wants its input.
    pub scaling: Scaling,
}

/// Says in words how alike the files answer on these crops; an error where that is not enough.
pub fn compare(role: Role, float: &Version, int8: &Version, crops: &Crops) -> Result<String> {
    let share = int8.onnx.len() as f64 / float.onnx.len() as f64;
    let most = SHARE[usize::from(role == Role::Pnet)];
    ensure!(share <= most, "its file has {share:.2} of the float file's bytes, more than {most}");
    let outputs = Net::read(float.onnx)?.outputs();
    let answers = |version: &Version| {
        let model = pb::ModelProto::decode(version.onnx).context("not an ONNX file")?;
        run::answers(&model, Inputs::pictures(crops, version.scaling), &outputs)
    };
    let (wanted, found) = (answers(float)?, answers(int8)?);
    if role == Role::Embedder {
        let length = wanted[0].len() / crops.pictures.len();
        let cosine = mean_cosine(&wanted[0], &found[0], length);
        ensure!(cosine >= COSINE, "the mean cosine of its embeddings and the float file's is {cosine:.4}, less than {COSINE}");
        return Ok(format!("mean cosine {cosine:.4} to float, {share:.2} of its bytes"));
    }
    let mut words = Vec::new();
    for ((name, wanted), found) in outputs.iter().zip(&wanted).zip(&found) {
        let apart = mean_apart(wanted, found);
        let most = if name == "probability" { SCORES_APART } else { SHIFTS_APART };
        ensure!(apart <= most, "its `{name}` lie {apart:.4} from the float file's in the mean, more than {most}");
        words.push(format!("{name} {apart:.4}"));
    }
    let alike = alike(&wanted[0], &found[0]);
    ensure!(
        alike >= ALIKE,
        "it decides {:.1} % of the crops as the float file does, fewer than {} %",
        alike * 100.0,
        ALIKE * 100.0
    );
    Ok(format!("{} from float in the mean, {:.1} % decided alike, {share:.2} of its bytes", words.join(", "), alike * 100.0))
}

/// Says in words how alike two files of a generative net, or of one that judges its pictures, answer; an error where that is not
/// enough.
pub fn compare_generative(role: Role, float: &[u8], int8: &[u8], floats: &Floats) -> Result<String> {
    let share = int8.len() as f64 / float.len() as f64;
    ensure!(share <= GENERATIVE_SHARE, "its file has {share:.2} of the float file's bytes, more than {GENERATIVE_SHARE}");
    let outputs = Net::read(float)?.outputs();
    let answers = |onnx: &[u8]| -> Result<Vec<f32>> {
        let model = pb::ModelProto::decode(onnx).context("not an ONNX file")?;
        Ok(run::answers(&model, Inputs::floats(floats), &outputs)?.swap_remove(0))
    };
    let (wanted, found) = (answers(float)?, answers(int8)?);
    let words = match role {
        Role::Decoder | Role::Generator => {
            let apart = mean_apart(&wanted, &found);
            ensure!(
                apart <= PIXELS_APART,
                "its pixels lie {apart:.4} from the float file's in the mean, more than {PIXELS_APART}"
            );
            format!("{:.2} of 255 levels from float in the mean", apart * 255.0)
        }
        Role::Encoder => {
            let db = decibels(&wanted, &found);
            ensure!(
                db >= CODES_DB,
                "its codes have {db:.1} dB of signal over noise against the float file's, fewer than {CODES_DB}"
            );
            format!("codes {db:.1} dB over their noise")
        }
        Role::Classifier => {
            let classes = wanted.len() / Inputs::floats(floats).count().max(1);
            let same = same_class(&wanted, &found, classes);
            ensure!(
                same >= SAME_CLASS,
                "it takes {:.1} % of pictures for what the float file does, fewer than {} %",
                same * 100.0,
                SAME_CLASS * 100.0
            );
            format!("{:.1} % of pictures taken for the same", same * 100.0)
        }
        Role::Discriminator => {
            let opinions = |logits: &[f32]| logits.iter().map(|l| 1.0 / (1.0 + (-l).exp())).collect::<Vec<f32>>();
            let apart = mean_apart(&opinions(&wanted), &opinions(&found));
            ensure!(
                apart <= OPINIONS_APART,
                "its opinions lie {apart:.4} from the float file's in the mean, more than {OPINIONS_APART}"
            );
            format!("opinions {apart:.4} from float in the mean")
        }
        role => bail!("{role:?} is no generative net's role"),
    };
    Ok(format!("{words}, {share:.2} of its bytes"))
}

/// Both detectors must find the same faces in these photos. Returns how many there were.
pub fn same_faces(float: [detect::Net; 3], int8: [detect::Net; 3], photos: &[RgbImage]) -> Result<usize> {
    let (mut float, mut int8) = (Watched::new(float)?, Watched::new(int8)?);
    let mut count = 0;
    for (index, photo) in photos.iter().enumerate() {
        let frame = super::crops::plain(photo);
        let (wanted, found) = (float.faces(&frame)?, int8.faces(&frame)?);
        let missed = wanted.iter().find(|w| !found.iter().any(|f| f.rect.iou(&w.rect) >= SAME_FACE));
        let invented = found.iter().find(|f| !wanted.iter().any(|w| w.rect.iou(&f.rect) >= SAME_FACE));
        match (missed, invented) {
            (Some(face), _) => bail!("in sample photo {index} the int8 detector misses the face at {:?}", face.rect),
            (_, Some(face)) => bail!("in sample photo {index} only the int8 detector finds a face at {:?}", face.rect),
            _ => count += wanted.len(),
        }
    }
    Ok(count)
}

fn mean_cosine(wanted: &[f32], found: &[f32], length: usize) -> f32 {
    let pairs = wanted.chunks_exact(length).zip(found.chunks_exact(length));
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(x, y)| x * y).sum::<f32>();
    let cosines = pairs.map(|(w, f)| dot(w, f) / (dot(w, w) * dot(f, f)).sqrt().max(f32::MIN_POSITIVE));
    cosines.sum::<f32>() / (wanted.len() / length).max(1) as f32
}

/// Share of rows of `classes` numbers whose largest is the same.
fn same_class(wanted: &[f32], found: &[f32], classes: usize) -> f32 {
    let rows = wanted.chunks_exact(classes).zip(found.chunks_exact(classes));
    let count = rows.len().max(1);
    rows.filter(|(w, f)| largest(w) == largest(f)).count() as f32 / count as f32
}

/// Not-a-number is as far away as can be.
fn mean_apart(wanted: &[f32], found: &[f32]) -> f32 {
    let sum: f32 = wanted.iter().zip(found).map(|(w, f)| (w - f).abs()).sum();
    if sum.is_nan() { f32::INFINITY } else { sum / wanted.len().max(1) as f32 }
}

/// Share of scores on the same side of [`YES`]. ("no" and "yes" of a pair add to 1: only the larger can be above.)
fn alike(wanted: &[f32], found: &[f32]) -> f32 {
    let same = wanted.iter().zip(found).filter(|(w, f)| (**w >= YES) == (**f >= YES)).count();
    same as f32 / wanted.len().max(1) as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cosine_is_of_each_embedding_and_not_of_all_at_once() {
        assert!((mean_cosine(&[1.0, 0.0, 0.0, 9.0], &[0.0, 1.0, 0.0, 9.0], 2) - 0.5).abs() < 1e-6);
    }

    #[test]
    fn classes_are_compared_row_by_row() {
        assert_eq!(same_class(&[0.9, 0.1, 0.2, 0.8], &[0.6, 0.4, 0.7, 0.3], 2), 0.5);
    }

    #[test]
    fn decisions_and_distances() {
        assert_eq!(alike(&[0.9, 0.1, 0.7, 0.3], &[0.8, 0.2, 0.6, 0.4]), 0.75);
        assert_eq!(mean_apart(&[0.0, 1.0], &[0.5, 1.0]), 0.25);
        assert_eq!(mean_apart(&[0.0], &[f32::NAN]), f32::INFINITY);
    }
}
