//! Which inner loops the nets run on: the quickest that the processor has, or those that the user asked for.

use anyhow::{Result, bail, ensure};
use lookalike_kernels::Kernels;
use std::sync::OnceLock;

/// tract's own operators throughout.
const TRACT: &str = "tract";

/// What the user asked for; `None` inside is tract.
static FORCED: OnceLock<Option<Kernels>> = OnceLock::new();

/// Makes all nets that are opened from now on use the kernels of that name, or tract's own operators for `tract`.
///
/// # Errors
/// Where there are none of that name, this processor lacks the instructions, or others were chosen before.
pub fn force_kernels(name: &str) -> Result<()> {
    let chosen = match Kernels::from_name(name) {
        None if name == TRACT => None,
        None => bail!("there are no kernels `{name}`: choose one of {}", kernel_names().join(", ")),
        Some(kernels) => {
            let here = kernel_names().join(", ");
            ensure!(kernels.runs_here(), "this processor lacks the instructions for the kernels `{name}`: it has {here}");
            Some(kernels)
        }
    };
    ensure!(*FORCED.get_or_init(|| chosen) == chosen, "the kernels were chosen before");
    Ok(())
}

/// What [`force_kernels`] takes on this processor, quickest first.
pub fn kernel_names() -> Vec<&'static str> {
    Kernels::ALL.into_iter().filter(|k| k.runs_here()).map(Kernels::name).chain([TRACT]).collect()
}

/// The name of what nets use.
pub fn kernels_in_use() -> &'static str {
    kernels().map_or(TRACT, Kernels::name)
}

/// The kernels that nets use. None for tract's own operators, which outrun plain loops.
pub(super) fn kernels() -> Option<Kernels> {
    FORCED.get().copied().unwrap_or_else(|| Some(Kernels::best()).filter(|&best| best != Kernels::Scalar))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_kernels_are_refused_with_the_names_of_those_that_there_are() {
        let error = force_kernels("mmx").unwrap_err().to_string();
        assert!(error.contains("`mmx`") && error.contains("scalar, tract"), "{error}");
        let elsewhere = Kernels::ALL.into_iter().find(|k| !k.runs_here()).unwrap();
        assert!(force_kernels(elsewhere.name()).unwrap_err().to_string().contains("lacks"));
    }
}
