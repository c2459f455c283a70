//! What the files of a training on pictures are called. They are written as those of digits are.

use super::Kind;

pub use crate::digits::export::write;

/// What a kind's files begin with.
pub fn prefix(kind: Kind, size: usize) -> String {
    format!("pictures-{}-{size}", kind.name())
}
