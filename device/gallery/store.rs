//! placeholder
use crate::types::{Embedding, Metric};

/// The network whose vectors a gallery holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EmbedderId {
    /// The manifest's name of it.
    pub name: String,
    /// SHA-256 of the model file, 64 lower-case hex digits.
    pub sha256: String,
    /// Numbers in an embedding.
    pub length: usize,
    /// How its vectors are compared.
    pub metric: Metric,
}

/// One enrolled person.
#[derive(Clone, Debug, PartialEq)]
pub struct Person {
    /// As shown.
    pub name: String,
    /// At least one, in the order of enrolment.
    pub pictures: Vec<Picture>,
}

/// One enrolled picture: what is kept of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Picture {
    /// File name of the source.
    pub file: String,
    /// What the embedder said.
    pub embedding: Embedding,
    /// The chip, made small, as JPEG.
    pub thumbnail: Vec<u8>,
}
