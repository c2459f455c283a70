use super::*;
use proptest::prelude::*;

/// A tree as the XML has it: nodes as (below, above, feature, threshold), and leaves.
type Written = (Vec<(i32, i32, usize, f32)>, Vec<f32>);

/// The text of a cascade. Rectangles are [x, y, w, h, weight]; stages have a threshold and trees.
fn xml(window: [usize; 2], features: &[Vec<[i32; 5]>], stages: &[(f32, Vec<Written>)]) -> String {
    let list = |items: Vec<String>| items.iter().map(|item| format!("<_>{item}</_>\n")).collect::<String>();
    let words = |numbers: &[f32]| numbers.iter().map(|n| format!("{n:e} ")).collect::<String>();
    let tree = |(nodes, leaves): &Written| {
        let nodes: String = nodes.iter().map(|(a, b, f, t)| format!("{a} {b} {f} {t:e} ")).collect();
        format!("<internalNodes>{nodes}</internalNodes><leafValues>{}</leafValues>", words(leaves))
    };
    let stage = |(threshold, trees): &(f32, Vec<Written>)| {
        let (count, trees) = (trees.len(), list(trees.iter().map(tree).collect()));
        format!(
            "<maxWeakCount>{count}</maxWeakCount><stageThreshold>{threshold:e}</stageThreshold>\n\
             <weakClassifiers>{trees}</weakClassifiers>"
        )
    };
    let rect = |[x, y, w, h, weight]: &[i32; 5]| format!("{x} {y} {w} {h} {weight}.");
    let feature = |rects: &Vec<[i32; 5]>| format!("<rects>{}</rects>", list(rects.iter().map(rect).collect()));
    let [width, height] = window;
    format!(
        "<?xml version=\"1.0\"?>\n<opencv_storage>\n<cascade type_id=\"opencv-cascade-classifier\"><stageType>BOOST</stageType>\n\
         <featureType>HAAR</featureType><height>{height}</height><width>{width}</width>\n<stageNum>{}</stageNum>\n\
         <stages>{}</stages>\n<features>{}</features></cascade>\n</opencv_storage>\n",
        stages.len(),
        list(stages.iter().map(stage).collect()),
        list(features.iter().map(feature).collect()),
    )
}

fn stump(feature: usize, threshold: f32, below: f32, above: f32) -> Written {
    (vec![(0, -1, feature, threshold)], vec![below, above])
}

/// Sees windows of 8x8 whose upper half is much brighter than the lower one.
fn bright_above() -> String {
    let feature = vec![[0, 0, 8, 8, -1], [0, 0, 8, 4, 2]];
    xml([8, 8], &[feature], &[(0.5, vec![stump(0, 1.2, 0.0, 1.0)])])
}

fn settings(neighbours: u32) -> Settings {
    Settings { min_face_px: 0.0, factor: 1.2, neighbours }
}

fn frame(width: u32, height: u32, paint: impl Fn(u32, u32) -> u8) -> Frame {
    let pixels = (0..height).flat_map(|y| (0..width).map(move |x| (x, y))).flat_map(|(x, y)| [paint(x, y); 3]).collect();
    Frame { width, height, pixels, ..Frame::empty() }
}

/// Grey, with squares that are white above and black below: left, top, side.
fn with_squares(width: u32, height: u32, squares: &[(u32, u32, u32)]) -> Frame {
    let inside = |x: u32, y: u32| squares.iter().find(|(l, t, side)| (*l..l + side).contains(&x) && (*t..t + side).contains(&y));
    frame(width, height, |x, y| match inside(x, y) {
        Some((_, top, side)) if y < top + side / 2 => 255,
        Some(_) => 0,
        None => 128,
    })
}

fn boxes(haar: &mut Haar, frame: &Frame) -> Vec<[f32; 4]> {
    haar.detect(frame).iter().map(|o| [o.rect.x, o.rect.y, o.rect.w, o.rect.h]).collect()
}

#[test]
fn a_stump_sees_what_it_was_made_for_at_its_place_and_size() {
    let mut haar = Haar::new(&bright_above(), settings(0)).unwrap();
    for (left, top, side) in [(20, 10, 16), (6, 30, 24), (40, 4, 32)] {
        let found = haar.detect(&with_squares(90, 70, &[(left, top, side)]));
        let truth = Rect { x: left as f32, y: top as f32, w: side as f32, h: side as f32 };
        let best = found.iter().map(|o| o.rect.iou(&truth)).fold(0.0, f32::max);
        assert!(best > 0.7, "{best} for {truth:?}");
        assert!(found.iter().all(|o| o.rect.iou(&truth) > 0.0), "a box beside the square: {found:?}");
    }
    assert_eq!(haar.detect(&frame(90, 70, |_, _| 128)), []);
    // The same upside down.
    let upside_down = with_squares(90, 70, &[(6, 30, 24)]);
    let turned = Frame { pixels: upside_down.pixels.iter().map(|p| 255 - p).collect(), ..upside_down };
    let truth = Rect { x: 6.0, y: 30.0, w: 24.0, h: 24.0 };
    assert!(haar.detect(&turned).iter().all(|o| o.rect.iou(&truth) < 0.5));
}

#[test]
fn the_only_window_of_a_picture_of_its_size_is_a_box() {
    let mut haar = Haar::new(&bright_above(), settings(0)).unwrap();
    assert_eq!(boxes(&mut haar, &with_squares(8, 8, &[(0, 0, 8)])), [[0.0, 0.0, 8.0, 8.0]]);
    let dark_above = frame(8, 8, |_, y| if y < 4 { 0 } else { 255 });
    assert_eq!(boxes(&mut haar, &dark_above), [[0.0; 4]; 0]);
}

#[test]
fn a_tree_asks_a_second_question_where_the_first_is_answered_so() {
    // Bright above; of those, brighter at the left.
    let features = [vec![[0, 0, 8, 8, -1], [0, 0, 8, 4, 2]], vec![[0, 0, 8, 8, -1], [0, 0, 4, 8, 2]]];
    let tree: Written = (vec![(0, 1, 0, 0.4), (-1, -2, 1, 0.2)], vec![0.0, 0.25, 1.0]);
    let sees = |threshold: f32, paint: fn(u32, u32) -> u8| {
        let mut haar = Haar::new(&xml([8, 8], &features, &[(threshold, vec![tree.clone()])]), settings(0)).unwrap();
        !haar.detect(&frame(8, 8, paint)).is_empty()
    };
    let above = |_: u32, y: u32| if y < 4 { 255 } else { 0 };
    let above_left = |x: u32, y: u32| if y < 4 && x < 5 { 255 } else { 0 };
    let left = |x: u32, _: u32| if x < 4 { 255 } else { 0 };
    let seen = |paint| [0.1, 0.5].map(|threshold| sees(threshold, paint));
    assert_eq!([seen(above), seen(above_left), seen(left)], [[true, false], [true, true], [false, false]]);
}

#[test]
fn pictures_smaller_than_the_window_and_empty_ones_have_no_boxes() {
    let mut haar = Haar::new(&bright_above(), settings(0)).unwrap();
    for (width, height) in [(0, 0), (1, 1), (7, 100), (100, 7), (3, 0)] {
        assert_eq!(haar.detect(&frame(width, height, |_, _| 9)), [], "{width}x{height}");
    }
    let small = Settings { min_face_px: 80.0, ..settings(0) };
    assert_eq!(Haar::new(&bright_above(), small).unwrap().detect(&with_squares(70, 70, &[(0, 0, 64)])), []);
}

#[test]
fn frames_of_other_sizes_in_between_change_nothing() {
    let mut haar = Haar::new(&bright_above(), settings(0)).unwrap();
    let (one, other) = (with_squares(90, 70, &[(20, 10, 16)]), with_squares(33, 61, &[(2, 3, 24)]));
    let first = haar.detect(&one);
    assert!(!first.is_empty() && !haar.detect(&other).is_empty());
    assert_eq!(haar.detect(&one), first);
}

/// What is said of a cascade with that in place of this.
fn complaint(from: &str, to: &str) -> String {
    let text = bright_above();
    assert!(text.contains(from), "no {from} in {text}");
    format!("{:#}", Haar::new(&text.replacen(from, to, 1), settings(1)).err().expect("it is refused"))
}

#[test]
fn what_is_no_upright_haar_cascade_is_refused_in_a_sentence() {
    let said = complaint("<featureType>HAAR", "<featureType>LBP");
    assert_eq!(said, "its features are of the kind LBP, and only upright Haar features are read");
    let said = complaint("</rects>", "</rects><tilted>1</tilted>");
    assert_eq!(said, "the feature in line 10: it is tilted, and only upright Haar features are read");
    assert!(Haar::new(&bright_above().replace("</rects>", "</rects><tilted>0</tilted>"), settings(1)).is_ok());
    let said = complaint("opencv-cascade-classifier", "opencv-haar-classifier");
    assert!(said.contains("format of OpenCV 1"), "{said}");
    assert_eq!(complaint("BOOST", "FOREST"), "its stages are of the kind FOREST, and only BOOST is known");
    let said = complaint("<opencv_storage>", "<svg><opencv_storage>");
    assert!(said.contains("closes <svg>") || said.contains("<svg>"), "{said}");
}

#[test]
fn counts_and_numbers_that_do_not_fit_are_named_with_their_line() {
    let said = complaint("<stageNum>1", "<stageNum>2");
    assert_eq!(said, "it has 1 stages and says that there are 2");
    let said = complaint("<maxWeakCount>1", "<maxWeakCount>3");
    assert_eq!(said, "the stage in line 6: it has 1 trees and says that there are 3");
    for (from, to, told) in [
        ("<width>8", "<width>2", "its window has a width of 2 pixels: 3 to 256 can be"),
        ("<height>8", "<height>257", "its window has a height of 257 pixels: 3 to 256 can be"),
        ("<height>8", "<height>-8", "<height> in line 4 has `-8` for a number"),
        ("<height>8</height>", "", "<cascade> has no <height>"),
        ("0 -1 0 1.2e0", "0 -1 1 5e-1", "a node asks feature `1` of 1"),
        ("0 -1 0 1.2e0", "0 -2 0 5e-1", "a node leads to `-2`, which is no later one of 1 nodes and no leaf"),
        ("0 -1 0 1.2e0", "1 -1 0 5e-1", "a node leads to `1`"),
        ("0 -1 0 1.2e0", "0 -1 0", "3 numbers for its nodes, which take four each"),
        ("0 -1 0 1.2e0", "0 -1 0 nan", "`nan` is no threshold"),
        ("0 -1 0 1.2e0", "0 -1 0 1e99", "`1e99` is no threshold"),
        ("0e0 1e0 </leaf", "0e0 </leaf", "1 nodes and 1 leaves: one more leaf than nodes is needed"),
        ("0e0 1e0 </leaf", "0e0 one </leaf", "<leafValues> in line 7 has `one` for a number"),
        ("<stageThreshold>5e-1", "<stageThreshold>inf", "<stageThreshold> in line 6 has `inf` for a number"),
        ("0 0 8 4 2.", "0 0 8 9 2.", "the rectangle `0 0 8 9 2.` reaches beyond the window of 8x8"),
        ("0 0 8 4 2.", "0 0 0 4 2.", "the rectangle `0 0 0 4 2.` reaches beyond the window of 8x8"),
        ("0 0 8 4 2.", "0 -1 8 4 2.", "the rectangle `0 -1 8 4 2.` is not of four whole numbers and a weight"),
        ("0 0 8 4 2.", "0 0 8 18446744073709551615 2.", "reaches beyond the window"),
        ("0 0 8 4 2.", "", "a rectangle without numbers"),
        ("<_>0 0 8 4 2.</_>", "", "it has 1 rectangles: two or three can be"),
    ] {
        let said = complaint(from, to);
        assert!(said.contains(told), "{from} -> {to}: {said}");
    }
}

#[test]
fn a_cascade_cut_short_anywhere_is_refused_and_never_panics() {
    let text = bright_above();
    let whole = text.trim_end().len();
    for end in 0..whole {
        assert!(Haar::new(&text[..end], settings(1)).is_err(), "cut at {end}");
    }
    assert!(Haar::new(&text[..whole], settings(1)).is_ok());
}

proptest! {
    #[test]
    fn garbled_cascades_never_panic(at in 0usize..900, sign in "[ -~]", seed in any::<u8>()) {
        let mut text = bright_above();
        let at = at % text.len();
        text.replace_range(at..at + 1, &sign);
        if let Ok(mut haar) = Haar::new(&text, settings(1)) {
            haar.detect(&frame(40, 30, |x, y| (x * 7 + y * 13) as u8 ^ seed));
        }
    }
}

/// The same by definition: sums pixel by pixel, window by window, no tables, no lanes.
fn obvious(cascade: &Cascade, settings: &Settings, frame: &Frame) -> Vec<[f32; 4]> {
    let mut grey = Grey::default();
    grey.fill(frame);
    let mut found = Vec::new();
    for level in levels(grey.width, grey.height, cascade.window, settings) {
        let mut picture = Grey::default();
        Shrinker::default().shrink(&grey, level.width, level.height, &mut picture);
        let [w, h] = cascade.window;
        for row in 0..level.down {
            let mut passes_over = false;
            for column in 0..level.across {
                let at = |x: usize, y: usize| {
                    i64::from(picture.pixels[(row * level.step + y) * picture.width + column * level.step + x])
                };
                let sum = |x: usize, y: usize, w: usize, h: usize, power: u32| -> i64 {
                    (y..y + h).flat_map(|y| (x..x + w).map(move |x| (x, y))).map(|(x, y)| at(x, y).pow(power)).sum()
                };
                if std::mem::take(&mut passes_over) {
                    continue;
                }
                let area = ((w - 2) * (h - 2)) as f64;
                let spread = area * sum(1, 1, w - 2, h - 2, 2) as f64 - (sum(1, 1, w - 2, h - 2, 1) as f64).powi(2);
                if spread <= 0.0 || area * f64::from((1.0 / spread.sqrt()) as f32) >= 0.1 {
                    continue;
                }
                let norm = (1.0 / spread.sqrt()) as f32;
                let failed = cascade.stages.iter().position(|stage| {
                    let leaf = |tree: &cascade::Tree| {
                        let mut node = &tree[0];
                        loop {
                            let parts = cascade.features[node.feature].parts.iter();
                            let value: f32 = parts.map(|p| p.weight * sum(p.x, p.y, p.w, p.h, 1) as f32).sum();
                            match if value * norm < node.threshold { node.below } else { node.above } {
                                lookalike_kernels::haar::Next::Node(next) => node = &tree[next],
                                lookalike_kernels::haar::Next::Leaf(leaf) => return f64::from(leaf),
                            }
                        }
                    };
                    stage.trees.iter().map(leaf).sum::<f64>() < f64::from(stage.threshold)
                });
                passes_over = failed == Some(0);
                if failed.is_none() {
                    let place = |n: usize, times: usize| round((n * times) as f32 * level.scale);
                    let (x, y) = (place(column, level.step), place(row, level.step));
                    let (right, bottom) = (x + place(w, 1), y + place(h, 1));
                    let [left, right] = [x, right].map(|x| x.min(frame.width as i32) as f32);
                    let [top, bottom] = [y, bottom].map(|y| y.min(frame.height as i32) as f32);
                    found.push([left, top, right - left, bottom - top]);
                }
            }
        }
    }
    found
}

/// Two or three rectangles within a window of 10x9.
fn feature() -> impl Strategy<Value = Vec<[i32; 5]>> {
    let rect = (0..9i32, 0..8i32).prop_flat_map(|(x, y)| (Just(x), Just(y), 1..=10 - x, 1..=9 - y, -3..=3i32));
    prop::collection::vec(rect.prop_map(|(x, y, w, h, weight)| [x, y, w, h, weight]), 2..=3)
}

/// A tree of 1 to 6 nodes that asks 5 features.
fn tree() -> impl Strategy<Value = Written> {
    prop::sample::select(vec![1usize, 1, 2, 3, 4, 6]).prop_flat_map(|count| {
        let leaf = move |pick: i32| -(pick % (count as i32 + 1));
        let node = (0..6i32, 0..6i32, 0..5usize, -0.3..0.3f32);
        let leaves = prop::collection::vec(-1.0..1.0f32, count + 1);
        (prop::collection::vec(node, count), leaves, any::<bool>()).prop_map(move |(nodes, leaves, is_left)| {
            // A chain: each node leads to the next one on one side.
            let chain = |(index, (a, b, feature, threshold)): (usize, (i32, i32, usize, f32))| {
                let next = if index + 1 < count { index as i32 + 1 } else { leaf(a) };
                if is_left { (next, leaf(b), feature, threshold) } else { (leaf(b), next, feature, threshold) }
            };
            (nodes.into_iter().enumerate().map(chain).collect(), leaves)
        })
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]
    #[test]
    fn tables_and_lanes_find_what_sums_pixel_by_pixel_find(
        features in prop::collection::vec(feature(), 5),
        stages in prop::collection::vec((-0.6..0.4f32, prop::collection::vec(tree(), 1..4)), 1..4),
        (width, height) in (10u32..80, 9u32..50),
        noise in any::<u32>(),
        contrast in prop::sample::select(vec![3u32, 40, 255]),
    ) {
        let frame = frame(width, height, |x, y| {
            let mixed = (x.wrapping_mul(2654435761) ^ y.wrapping_mul(40503) ^ noise).wrapping_mul(2246822519);
            ((mixed >> 24) * contrast / 255 + (x * 3 + y * 2) % 60) as u8
        });
        let text = xml([10, 9], &features, &stages);
        let settings = settings(0);
        let wanted = obvious(&Cascade::parse(&text).unwrap(), &settings, &frame);
        for kernels in Kernels::ALL.into_iter().filter(|k| k.runs_here()) {
            let mut haar = Haar::with_kernels(&text, settings, kernels).unwrap();
            prop_assert_eq!(boxes(&mut haar, &frame), wanted.clone(), "{}", kernels.name());
        }
    }
}
