//! Nets run here: the `Model` door.
