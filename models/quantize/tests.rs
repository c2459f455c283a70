use super::*;
use crate::onnx::{Axis, Graph, Tensor};

/// Numbers that look random, the same each time.
fn noise(count: usize, seed: u32, size: f32) -> Vec<f32> {
    let mix = |i: u32| (i.wrapping_add(seed * 7919).wrapping_mul(2_654_435_761) >> 8) as f32 / (1 << 23) as f32 - 1.0;
    (0..count as u32).map(|i| size * mix(i)).collect()
}

fn tensor(shape: &[usize], seed: u32, size: f32) -> Tensor {
    Tensor::new(shape, noise(shape.iter().product(), seed, size)).unwrap()
}

/// A little of everything: PRelu, pooling, a residual block with a shortcut that is pooled and padded, two last layers.
fn network() -> Vec<u8> {
    let mut g = Graph::new("small", "");
    let x = g.input("image", &[Axis::Named("n"), Axis::Fixed(3), Axis::Fixed(14), Axis::Fixed(14)]);
    let x = g.conv("conv1", &x, &tensor(&[8, 3, 3, 3], 1, 0.4), &tensor(&[8], 2, 0.3), 1);
    let x = g.prelu("prelu1", &x, &tensor(&[8, 1, 1], 3, 0.5));
    let x = g.max_pool("pool1", &x, 2, 2, true);
    let y = g.conv("conv2", &x, &tensor(&[12, 8, 3, 3], 4, 0.2), &tensor(&[12], 5, 0.3), 2);
    let y = g.relu("relu2", &y);
    let y = g.padded_conv("conv3", &y, &tensor(&[12, 12, 3, 3], 6, 0.2), &tensor(&[12], 7, 0.3), 1, 1);
    let s = g.average_pool("pool2", &x, 2, 2);
    let s = g.append_zeros("grown", &s, [0, 4, 0, 0]);
    let y = g.append_zeros("edge", &y, [0, 0, 1, 1]);
    let x = g.add("sum", &y, &s);
    let x = g.relu("relu3", &x);
    let x = g.flatten("flat", &x);
    let x = g.dense("dense", &x, &tensor(&[16, 108], 8, 0.2), &tensor(&[16], 9, 0.1));
    let x = g.prelu("prelu4", &x, &tensor(&[16], 10, 0.5));
    let face = g.dense("face", &x, &tensor(&[2, 16], 11, 0.4), &tensor(&[2], 12, 0.1));
    let face = g.softmax("probability", &face);
    let boxes = g.dense("boxes", &x, &tensor(&[4, 16], 13, 0.4), &tensor(&[4], 14, 0.1));
    g.output(&face, &[Axis::Named("n"), Axis::Fixed(2)]);
    g.output(&boxes, &[Axis::Named("n"), Axis::Fixed(4)]);
    g.encode()
}

fn crops() -> Crops {
    let picture = |seed| noise(14 * 14 * 3, seed, 127.0).into_iter().map(|v| (v + 127.5) as u8).collect();
    Crops { height: 14, width: 14, pictures: (100..132).map(picture).collect() }
}

const FLOAT: Scaling = Scaling { mean: [127.5, 120.0, 110.0], scale: 1.0 / 128.0 };
const INPUT: Input = Input { float: FLOAT, int8: Scaling { mean: [128.0; 3], scale: 1.0 / 64.0 } };

fn done(options: Options) -> Quantized {
    quantize(&network(), CalibrationSet::Pictures(&crops(), INPUT), options).unwrap()
}

#[test]
fn points_are_where_an_engine_passes_bytes_on() {
    let net = Net::read(&network()).unwrap();
    let points: Vec<(String, String)> = net.points().into_iter().map(|p| (p.name, p.like)).collect();
    let wanted = [
        ("image", "image"),
        ("prelu1", "prelu1"),
        ("pool1", "prelu1"),
        ("relu2", "relu2"),
        ("pool2", "prelu1"),
        ("grown", "prelu1"),
        ("relu3", "relu3"),
        ("prelu4", "prelu4"),
    ];
    assert_eq!(points, wanted.map(|(a, b)| (a.to_string(), b.to_string())));
    let reads: Vec<(String, String)> = net.layers().into_iter().map(|l| (l.name, l.reads)).collect();
    let wanted =
        [("conv1", "image"), ("conv2", "pool1"), ("conv3", "relu2"), ("dense", "relu3"), ("face", "prelu4"), ("boxes", "prelu4")];
    assert_eq!(reads, wanted.map(|(a, b)| (a.to_string(), b.to_string())));
    assert_eq!((net.measured("prelu1"), net.measured("relu2")), ("pool1", "relu2"));
    assert_eq!(net.ends(), ["face", "boxes"]);
}

#[test]
fn another_input_scaling_changes_no_answer() {
    let mut net = Net::read(&network()).unwrap();
    let answers = |net: &Net, scaling| {
        run::answers(
            &write::write(net, &Plan::default(), &BTreeMap::new()).unwrap(),
            Inputs::pictures(&crops(), scaling),
            &net.ends(),
        )
        .unwrap()
    };
    let wanted = answers(&net, INPUT.float);
    net.take_other_input(INPUT.float, INPUT.int8).unwrap();
    for (wanted, found) in wanted.iter().zip(answers(&net, INPUT.int8)) {
        assert!(report::decibels(wanted, &found) > 100.0);
    }
}

#[test]
fn channels_are_scaled_where_nothing_else_reads_them_and_no_answer_changes() {
    let mut net = Net::read(&network()).unwrap();
    let linked: Vec<String> = net.points().into_iter().filter(|p| net.link(&p.name).is_some()).map(|p| p.name).collect();
    // The first pool is read by a sum too, the last sum has no layer of its own before its activation.
    assert_eq!(linked, ["relu2", "prelu4"]);
    let answers = |net: &Net| {
        run::answers(
            &write::write(net, &Plan::default(), &BTreeMap::new()).unwrap(),
            Inputs::pictures(&crops(), FLOAT),
            &net.ends(),
        )
        .unwrap()
    };
    let wanted = answers(&net);
    for name in linked {
        let link = net.link(&name).unwrap();
        let factors: Vec<f32> = (0..net.weights[&link.from.bias].values.len()).map(|i| 0.1 * 1.5f32.powi(i as i32)).collect();
        equalise::multiply(&mut net, &link, &factors).unwrap();
    }
    for (wanted, found) in wanted.iter().zip(answers(&net)) {
        assert!(report::decibels(wanted, &found) > 100.0);
    }
}

#[test]
fn every_part_lessens_the_noise() {
    let worst = |options: Options| {
        let report = done(options).report;
        let ends = &report.results[report.results.len() - 2..];
        ends.iter().map(|(_, db)| *db).sum::<f32>()
    };
    let all = Options { fit_below_db: 200.0, ..Options::default() };
    let whole = worst(all);
    assert!(whole > worst(Options { no_equalisation: true, ..all }), "equalisation");
    assert!(whole > worst(Options { fit_below_db: 0.0, ..all }), "rounding");
}

#[test]
fn a_quantized_file_answers_nearly_as_the_float_one_through_tract() {
    for ranges in [Choice::MinMax, Choice::Percentile, Choice::Mse] {
        let quantized = done(Options { ranges, ..Options::default() });
        assert!(quantized.report.layers.iter().all(|(_, int8)| *int8), "{}", quantized.report);
        let model = pb::ModelProto::decode(&quantized.onnx[..]).unwrap();
        let float = pb::ModelProto::decode(&network()[..]).unwrap();
        let names = ["probability".to_string(), "boxes".to_string()];
        let wanted = run::answers(&float, Inputs::pictures(&crops(), INPUT.float), &names).unwrap();
        let found = run::answers(&model, Inputs::pictures(&crops(), INPUT.int8), &names).unwrap();
        for (wanted, found) in wanted.iter().zip(&found) {
            let db = report::decibels(wanted, found);
            assert!(db > 25.0 && db < 80.0, "{ranges:?}: {db} dB");
        }
    }
}

#[test]
fn the_same_inputs_give_the_same_bytes() {
    assert!(done(Options::default()).onnx == done(Options::default()).onnx);
}

#[test]
fn bias_correction_takes_the_mean_error_away() {
    let mean_error = |options| {
        let model = pb::ModelProto::decode(&done(options).onnx[..]).unwrap();
        let float = pb::ModelProto::decode(&network()[..]).unwrap();
        let names = ["boxes".to_string()];
        let wanted = run::answers(&float, Inputs::pictures(&crops(), INPUT.float), &names).unwrap().remove(0);
        let found = run::answers(&model, Inputs::pictures(&crops(), INPUT.int8), &names).unwrap().remove(0);
        let means = [&wanted, &found].map(|rows| [0, 1, 2, 3].map(|k| rows.iter().skip(k).step_by(4).sum::<f32>()));
        means[0].iter().zip(means[1]).map(|(w, f)| (w - f).abs()).sum::<f32>()
    };
    let (with, without) =
        (mean_error(Options::default()), mean_error(Options { no_bias_correction: true, ..Options::default() }));
    assert!(with < without / 4.0, "{with} {without}");
}

#[test]
fn a_layer_that_loses_too_much_stays_float() {
    let mut g = Graph::new("split", "");
    let x = g.input("image", &[Axis::Named("n"), Axis::Fixed(3), Axis::Fixed(14), Axis::Fixed(14)]);
    // The first channel is always dark, so that its huge weights in the next layer mean nothing; but with one step for a
    // row they leave nothing of the others.
    let bias = Tensor::new(&[4], vec![-100.0, 0.1, 0.2, 0.3]).unwrap();
    let x = g.conv("conv1", &x, &tensor(&[4, 3, 3, 3], 1, 0.4), &bias, 1);
    let x = g.relu("relu1", &x);
    let mut weights = tensor(&[2, 4, 12, 12], 3, 0.1);
    weights.values[0] = 1e4;
    weights.values[4 * 144] = 1e4;
    let x = g.conv("conv2", &x, &weights, &tensor(&[2], 4, 0.0), 1);
    g.output(&x, &[Axis::Named("n"), Axis::Fixed(2), Axis::Fixed(1), Axis::Fixed(1)]);
    let quantized = quantize(&g.encode(), CalibrationSet::Pictures(&crops(), INPUT), Options::default()).unwrap();
    let int8: Vec<bool> = quantized.report.layers.iter().map(|(_, int8)| *int8).collect();
    assert_eq!(int8, [true, false], "{}", quantized.report);
    assert!(quantized.report.to_string().contains("stays float"));
}

#[test]
fn what_cannot_be_quantized_is_told() {
    let refused = |bytes: &[u8], crops: &Crops| {
        format!("{:#}", quantize(bytes, CalibrationSet::Pictures(crops, INPUT), Options::default()).err().unwrap())
    };
    assert!(refused(b"no protobuf", &crops()).contains("not an ONNX file"));
    assert!(refused(&network(), &Crops { pictures: vec![], ..crops() }).contains("nothing to calibrate on"));
    let mut g = Graph::new("padded", "");
    let x = g.input("image", &[Axis::Named("n"), Axis::Fixed(3), Axis::Fixed(14), Axis::Fixed(14)]);
    let x = g.padded_conv("conv1", &x, &tensor(&[4, 3, 3, 3], 1, 0.4), &tensor(&[4], 2, 0.3), 1, 1);
    g.output(&x, &[Axis::Named("n"), Axis::Fixed(4), Axis::Any, Axis::Any]);
    assert!(refused(&g.encode(), &crops()).contains("without padding"));
}

/// What generators and classifiers have besides: numbers folded to a picture, shuffles and pools before activations, a sigmoid.
fn painter() -> Vec<u8> {
    let mut g = Graph::new("painter", "");
    let x = g.input("noise", &[Axis::Named("n"), Axis::Fixed(6)]);
    let x = g.dense("dense", &x, &tensor(&[72, 6], 1, 0.6), &tensor(&[72], 2, 0.2));
    let x = g.fold("fold", &x, [8, 3, 3]);
    let x = g.relu("relu", &x);
    let x = g.padded_conv("conv1", &x, &tensor(&[16, 8, 3, 3], 3, 0.3), &tensor(&[16], 4, 0.2), 1, 1);
    let x = g.pixel_shuffle("shuffle1", &x);
    let x = g.leaky_relu("leaky", &x, 0.2);
    let x = g.padded_conv("conv2", &x, &tensor(&[8, 4, 3, 3], 5, 0.4), &tensor(&[8], 6, 0.2), 1, 1);
    let x = g.max_pool("pool", &x, 2, 2, false);
    let x = g.relu("relu2", &x);
    let x = g.padded_conv("conv3", &x, &tensor(&[4, 8, 3, 3], 7, 0.3), &tensor(&[4], 8, 0.2), 1, 1);
    let x = g.pixel_shuffle("shuffle2", &x);
    let x = g.sigmoid("sigmoid", &x);
    g.output(&x, &[Axis::Named("n"), Axis::Fixed(1), Axis::Fixed(6), Axis::Fixed(6)]);
    g.encode()
}

#[test]
fn activations_come_before_pools_and_shuffles_and_no_answer_changes() {
    let net = Net::read(&painter()).unwrap();
    let points: Vec<(String, String)> = net.points().into_iter().map(|p| (p.name, p.like)).collect();
    let wanted = [
        ("noise", "noise"),
        ("relu", "relu"),
        ("shuffle1", "shuffle1"),
        ("leaky", "shuffle1"),
        ("pool", "pool"),
        ("relu2", "pool"),
    ];
    assert_eq!(points, wanted.map(|(a, b)| (a.to_string(), b.to_string())));
    let reads: Vec<String> = net.layers().into_iter().map(|l| l.reads).collect();
    assert_eq!(reads, ["noise", "relu", "leaky", "relu2"]);

    let noise = Floats { shape: vec![6], values: noise(64 * 6, 9, 2.0) };
    let answers = |model: &pb::ModelProto| run::answers(model, Inputs::floats(&noise), &net.ends()).unwrap().remove(0);
    let wanted = answers(&pb::ModelProto::decode(&painter()[..]).unwrap());
    let plain = write::write(&net, &Plan::default(), &BTreeMap::new()).unwrap();
    assert!(report::decibels(&wanted, &answers(&plain)) > 100.0);
    let quantized = quantize(&painter(), CalibrationSet::Floats(&noise), Options::default()).unwrap();
    assert!(quantized.report.layers.iter().all(|(_, int8)| *int8), "{}", quantized.report);
    let db = report::decibels(&wanted, &answers(&pb::ModelProto::decode(&quantized.onnx[..]).unwrap()));
    assert!(db > 30.0 && db < 80.0, "{db} dB");
}
