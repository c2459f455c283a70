//! The truth files of the evaluation pictures (plain CSV, no quoting) in, rows out.

use anyhow::{Context, Result};
use lookalike::types::{Landmarks, Rect};
use std::collections::BTreeMap;
use std::path::Path;

/// One row by its column names.
pub struct Row(BTreeMap<String, String>);

impl Row {
    pub fn text(&self, column: &str) -> Result<&str> {
        self.0.get(column).map(String::as_str).with_context(|| format!("no column {column}"))
    }

    pub fn number(&self, column: &str) -> Result<f32> {
        self.text(column)?.parse().with_context(|| format!("column {column} is not a number"))
    }

    pub fn rect(&self) -> Result<Rect> {
        Ok(Rect { x: self.number("x")?, y: self.number("y")?, w: self.number("w")?, h: self.number("h")? })
    }

    pub fn landmarks(&self) -> Result<Landmarks> {
        let mut points = [[0.0; 2]; 5];
        for (point, name) in points.iter_mut().zip(["le", "re", "n", "lm", "rm"]) {
            *point = [self.number(&format!("{name}x"))?, self.number(&format!("{name}y"))?];
        }
        Ok(points)
    }
}

/// All rows of a file.
pub fn rows(path: &Path) -> Result<Vec<Row>> {
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let mut lines = text.lines();
    let columns: Vec<&str> = lines.next().unwrap_or_default().split(',').collect();
    Ok(lines.map(|l| Row(columns.iter().map(|c| c.to_string()).zip(l.split(',').map(String::from)).collect())).collect())
}
