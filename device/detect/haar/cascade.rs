//! The text of OpenCV's cascade XML in, a checked cascade out.
//!
//! The format is that of OpenCV 2 and newer, which `opencv_traincascade` writes: stages of
//! trees, each node asking one feature, and a list of the features. What cannot be read is refused in a sentence: other
//! features than upright Haar ones, older files, numbers that lead nowhere.

use super::xml::{self, Element};
use anyhow::{Context, Result, bail, ensure};
use lookalike_kernels::haar::{Next, SIDE_MOST};
use std::str::FromStr;

/// OpenCV takes so much from the thresholds of stages as it reads them.
const THRESHOLD_EPS: f32 = 1e-5;

/// What a cascade file says.
#[derive(Debug)]
pub(super) struct Cascade {
    /// Width and height of the window that it looks through.
    pub window: [usize; 2],
    pub stages: Vec<Stage>,
    pub features: Vec<Feature>,
}

/// Trees whose leaves together must reach a threshold.
#[derive(Debug)]
pub(super) struct Stage {
    pub trees: Vec<Tree>,
    pub threshold: f32,
}

/// A decision tree's nodes, the first one first; with a single one it is a stump.
pub(super) type Tree = Vec<Node>;

/// Asks whether a feature is below a threshold, and where to go then and otherwise.
#[derive(Debug)]
pub(super) struct Node {
    pub feature: usize,
    pub threshold: f32,
    pub below: Next,
    pub above: Next,
}

/// Sums of pixels in two or three rectangles, weighed against each other.
#[derive(Debug)]
pub(super) struct Feature {
    pub parts: Vec<Part>,
}

/// A rectangle within the window and what its pixels count.
#[derive(Clone, Copy, Debug)]
pub(super) struct Part {
    pub x: usize,
    pub y: usize,
    pub w: usize,
    pub h: usize,
    pub weight: f32,
}

impl Cascade {
    pub fn parse(text: &str) -> Result<Self> {
        let root = xml::parse(text)?;
        let is_outer = root.name == "opencv_storage";
        ensure!(is_outer, "its outermost element is <{}>, a cascade's is <opencv_storage>", root.name.escape_debug());
        let cascade = root.children.first().context("<opencv_storage> is empty")?;
        let is_old = cascade.says("type_id=\"opencv-haar-classifier\"");
        ensure!(!is_old, "it is in the format of OpenCV 1, and only that of OpenCV 2 and newer is read");
        let stage_type = word(cascade, "stageType")?;
        ensure!(stage_type == "BOOST", "its stages are of the kind {stage_type}, and only BOOST is known");
        let feature_type = word(cascade, "featureType")?;
        ensure!(feature_type == "HAAR", "its features are of the kind {feature_type}, and only upright Haar features are read");
        let side = |name: &str| -> Result<usize> {
            let side = number(field(cascade, name)?)?;
            ensure!((3..=SIDE_MOST).contains(&side), "its window has a {name} of {side} pixels: 3 to {SIDE_MOST} can be");
            Ok(side)
        };
        let window = [side("width")?, side("height")?];
        let feature = |element| Feature::read(element, window).with_context(|| format!("the feature in line {}", element.line));
        let features = field(cascade, "features")?.children.iter().map(feature).collect::<Result<Vec<_>>>()?;
        let stage = |element| Stage::read(element, features.len()).with_context(|| format!("the stage in line {}", element.line));
        let stages = field(cascade, "stages")?.children.iter().map(stage).collect::<Result<Vec<_>>>()?;
        let told: usize = number(field(cascade, "stageNum")?)?;
        ensure!(stages.len() == told && told > 0, "it has {} stages and says that there are {told}", stages.len());
        Ok(Self { window, stages, features })
    }
}

impl Stage {
    fn read(element: &Element, features: usize) -> Result<Self> {
        let read = |element| tree(element, features).with_context(|| format!("the tree in line {}", element.line));
        let trees = field(element, "weakClassifiers")?.children.iter().map(read).collect::<Result<Vec<_>>>()?;
        let told: usize = number(field(element, "maxWeakCount")?)?;
        ensure!(trees.len() == told && told > 0, "it has {} trees and says that there are {told}", trees.len());
        Ok(Self { trees, threshold: float(field(element, "stageThreshold")?)? - THRESHOLD_EPS })
    }
}

fn tree(element: &Element, features: usize) -> Result<Tree> {
    let leaves = numbers(field(element, "leafValues")?, real)?;
    let text = numbers(field(element, "internalNodes")?, |word| Some(word.to_string()))?;
    let count = text.len() / 4;
    ensure!(count > 0 && text.len() % 4 == 0, "{} numbers for its nodes, which take four each", text.len());
    ensure!(leaves.len() == count + 1, "{count} nodes and {} leaves: one more leaf than nodes is needed", leaves.len());
    let node = |(index, words): (usize, &[String])| -> Result<Node> {
        // Above zero it is a node, else a leaf with a minus before it.
        let next = |word: &str| match word.parse::<i64>().map(|n| (n > 0, n.unsigned_abs() as usize)) {
            Ok((true, node)) if (index + 1..count).contains(&node) => Ok(Next::Node(node)),
            Ok((false, leaf)) if leaf <= count => Ok(Next::Leaf(leaves[leaf])),
            _ => bail!("a node leads to `{}`, which is no later one of {count} nodes and no leaf", word.escape_debug()),
        };
        let feature = words[2].parse().ok().filter(|&f: &usize| f < features);
        let feature = feature.with_context(|| format!("a node asks feature `{}` of {features}", words[2].escape_debug()))?;
        let threshold = real(&words[3]).with_context(|| format!("`{}` is no threshold", words[3].escape_debug()))?;
        Ok(Node { feature, threshold, below: next(&words[0])?, above: next(&words[1])? })
    };
    text.chunks_exact(4).enumerate().map(node).collect()
}

impl Feature {
    fn read(element: &Element, window: [usize; 2]) -> Result<Self> {
        if let Some(tilted) = element.child("tilted") {
            ensure!(number::<u32>(tilted)? == 0, "it is tilted, and only upright Haar features are read");
        }
        let rects = &field(element, "rects")?.children;
        ensure!((2..=3).contains(&rects.len()), "it has {} rectangles: two or three can be", rects.len());
        let parts = rects.iter().map(|rect| Part::read(rect, window)).collect::<Result<_>>()?;
        Ok(Self { parts })
    }
}

impl Part {
    fn read(element: &Element, [width, height]: [usize; 2]) -> Result<Self> {
        let words = numbers(element, |word| Some(word.to_string()))?;
        let [place @ .., weight] = &words[..] else { bail!("a rectangle without numbers") };
        let place = place.iter().map(|word| word.parse().ok()).collect::<Option<Vec<usize>>>();
        let (Some([x, y, w, h]), Some(weight)) = (place.as_deref(), real(weight)) else {
            bail!("the rectangle `{}` is not of four whole numbers and a weight", words.join(" "))
        };
        let within = |at: usize, length: usize, most: usize| length > 0 && at.checked_add(length).is_some_and(|end| end <= most);
        ensure!(
            within(*x, *w, width) && within(*y, *h, height),
            "the rectangle `{}` reaches beyond the window of {width}x{height}",
            words.join(" ")
        );
        Ok(Self { x: *x, y: *y, w: *w, h: *h, weight })
    }
}

fn field<'e, 't>(element: &'e Element<'t>, name: &str) -> Result<&'e Element<'t>> {
    element.child(name).with_context(|| format!("<{}> has no <{name}>", element.name))
}

fn word(element: &Element, name: &str) -> Result<String> {
    Ok(field(element, name)?.text.trim().escape_debug().to_string())
}

/// The whole number that is all of an element.
fn number<N: FromStr>(element: &Element) -> Result<N> {
    let text = element.text.trim();
    let number = text.parse().ok();
    number.with_context(|| format!("<{}> in line {} has `{}` for a number", element.name, element.line, text.escape_debug()))
}

fn float(element: &Element) -> Result<f32> {
    let text = element.text.trim();
    let number = real(text);
    number.with_context(|| format!("<{}> in line {} has `{}` for a number", element.name, element.line, text.escape_debug()))
}

fn numbers<N>(element: &Element, read: impl Fn(&str) -> Option<N>) -> Result<Vec<N>> {
    let read = |word: &str| {
        read(word)
            .with_context(|| format!("<{}> in line {} has `{}` for a number", element.name, element.line, word.escape_debug()))
    };
    element.text.split_ascii_whitespace().map(read).collect()
}

/// As OpenCV reads it: to 64 bits, then to 32.
fn real(word: &str) -> Option<f32> {
    word.parse::<f64>().ok().map(|number| number as f32).filter(|number| number.is_finite())
}
