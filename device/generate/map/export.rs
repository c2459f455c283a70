//! Vectors, their labels and thumbnails in; the files that the TensorFlow Embedding Projector opens out (TensorBoard,
//! "Visualizing data using the Embedding Projector"): two tables of tab-separated values, all thumbnails in one picture, and what joins them.

use crate::types::Chip;
use std::fmt::Write;

/// Everything that is written.
pub struct Export<'a> {
    /// Numbers in a vector.
    pub length: usize,
    /// The vectors, one behind the other.
    pub vectors: &'a [f32],
    /// Names of the columns of `labels`.
    pub columns: &'a [&'a str],
    /// One row per vector.
    pub labels: &'a [Vec<String>],
}

impl Export<'_> {
    /// One vector a line, its numbers apart by tabs, without a head.
    pub fn vectors_tsv(&self) -> String {
        let mut text = String::new();
        for vector in self.vectors.chunks_exact(self.length.max(1)) {
            for (i, v) in vector.iter().enumerate() {
                let _ = write!(text, "{}{v}", if i > 0 { "\t" } else { "" });
            }
            text.push('\n');
        }
        text
    }

    /// One label a line. A single column has no head: the projector takes the first line for a vector's label then.
    pub fn metadata_tsv(&self) -> String {
        let plain = |word: &str| word.replace(['\t', '\n', '\r'], " ");
        let line = |words: Vec<String>| words.join("\t") + "\n";
        let head = (self.columns.len() > 1).then(|| line(self.columns.iter().map(|c| plain(c)).collect()));
        let rows = self.labels.iter().map(|row| line(row.iter().map(|w| plain(w)).collect()));
        head.into_iter().chain(rows).collect()
    }

    /// What joins the files for the projector in TensorBoard: `projector_config.pbtxt` in its folder of logs, paths are beside it.
    pub fn config_pbtxt(&self, name: &str, side_px: u32) -> String {
        let side = format!("    single_image_dim: {side_px}\n");
        let sprite = format!("  sprite {{\n    image_path: \"sprite.png\"\n{side}{side}  }}\n");
        let tables = "  tensor_path: \"vectors.tsv\"\n  metadata_path: \"metadata.tsv\"\n";
        format!("embeddings {{\n  tensor_name: \"{name}\"\n{tables}{sprite}}}\n")
    }

    /// What joins the files for the projector on a page, which is given an address: paths are beside it. `side_px` is a
    /// thumbnail's side.
    pub fn config_json(&self, name: &str, side_px: u32) -> String {
        let count = self.vectors.len() / self.length.max(1);
        let embedding = serde_json::json!({
            "tensorName": name,
            "tensorShape": [count, self.length],
            "tensorPath": "vectors.tsv",
            "metadataPath": "metadata.tsv",
            "sprite": {"imagePath": "sprite.png", "singleImageDim": [side_px, side_px]},
        });
        serde_json::json!({"embeddings": [embedding]}).to_string() + "\n"
    }
}

/// All thumbnails in one square picture, row by row, as the projector cuts them out again: as many in a row as there are rows.
pub struct Sprite {
    /// The picture; places behind the last thumbnail are black.
    pub picture: Chip,
}

impl Sprite {
    /// Of thumbnails that are all `side_px` by `side_px` pixels; any other is left black.
    pub fn of(thumbnails: &[Chip], side_px: u32) -> Self {
        let side = side_px as usize;
        let columns = (1..).find(|n| n * n >= thumbnails.len()).unwrap_or(1);
        let row = columns * side * 3;
        let mut pixels = vec![0; row * columns * side];
        for (place, chip) in thumbnails.iter().enumerate().filter(|(_, c)| (c.width, c.height) == (side_px, side_px)) {
            let start = place / columns * side * row + place % columns * side * 3;
            for (y, line) in chip.pixels.chunks_exact(side * 3).enumerate() {
                pixels[start + y * row..][..side * 3].copy_from_slice(line);
            }
        }
        let width = (columns * side) as u32;
        Self { picture: Chip { width, height: width, pixels } }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn export<'a>(columns: &'a [&'a str], labels: &'a [Vec<String>]) -> Export<'a> {
        Export { length: 2, vectors: &[1.0, -0.5, 0.25, 3e-7], columns, labels }
    }

    #[test]
    fn tables_have_a_line_per_vector_and_a_head_only_for_several_columns() {
        let labels = [vec!["Ada\tL".to_string(), "1".into()], vec!["Bob\n".into(), "2".into()]];
        let several = export(&["name", "photo"], &labels);
        assert_eq!(several.vectors_tsv(), "1\t-0.5\n0.25\t0.0000003\n");
        assert_eq!(several.metadata_tsv(), "name\tphoto\nAda L\t1\nBob \t2\n");
        let labels = [vec!["7".to_string()], vec!["3".into()]];
        assert_eq!(export(&["digit"], &labels).metadata_tsv(), "7\n3\n");
    }

    #[test]
    fn the_configs_name_the_shape_and_the_files() {
        let labels = [vec!["7".to_string()], vec!["3".into()]];
        let export = export(&["digit"], &labels);
        let config: serde_json::Value = serde_json::from_str(&export.config_json("digits", 28)).unwrap();
        let embedding = &config["embeddings"][0];
        assert_eq!(embedding["tensorShape"], serde_json::json!([2, 2]));
        assert_eq!(embedding["sprite"]["singleImageDim"], serde_json::json!([28, 28]));
        let board = export.config_pbtxt("digits", 28);
        let lines: Vec<&str> = board.lines().map(str::trim).collect();
        assert_eq!(lines[..3], ["embeddings {", "tensor_name: \"digits\"", "tensor_path: \"vectors.tsv\""]);
        assert_eq!(lines[4..8], ["sprite {", "image_path: \"sprite.png\"", "single_image_dim: 28", "single_image_dim: 28"]);
    }

    #[test]
    fn the_sprite_is_square_and_row_by_row() {
        let one = |value| Chip { width: 2, height: 2, pixels: vec![value; 12] };
        let sprite = Sprite::of(&[one(1), one(2), one(3), one(4), one(5)], 2).picture;
        assert_eq!((sprite.width, sprite.height), (6, 6));
        let at = |x: usize, y: usize| sprite.pixels[(y * 6 + x) * 3];
        assert_eq!([at(0, 0), at(2, 0), at(4, 1), at(0, 2), at(3, 3), at(4, 2), at(5, 5)], [1, 2, 3, 4, 5, 0, 0]);
        assert_eq!(Sprite::of(&[], 2).picture.width, 2);
    }
}
