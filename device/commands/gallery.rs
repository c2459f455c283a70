//! `lookalike gallery`: who is in a gallery file, and how somebody leaves it.

use super::{Common, Outcome, json, line};
use anyhow::{Result, ensure};
use lookalike::setup;
use serde::Serialize;
use std::path::PathBuf;

/// Lists or removes the people of a gallery
#[derive(clap::Args)]
#[command(after_help = "Examples: lookalike gallery list --gallery booth.gallery\n          \
    lookalike gallery remove --gallery booth.gallery \"Ada Lovelace\"")]
pub struct Options {
    /// Gallery file; without it, the board file's
    #[arg(long, global = true, value_name = "FILE")]
    gallery: Option<PathBuf>,
    /// One JSON object a line on stdout
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    action: Action,
}

#[derive(clap::Subcommand)]
enum Action {
    /// Lists names and pictures
    #[command(after_help = "Example: lookalike gallery list --gallery booth.gallery")]
    List,
    /// Forgets people wholly: names, vectors and thumbnails
    #[command(after_help = "Example: lookalike gallery remove --gallery booth.gallery \"Ada Lovelace\"")]
    Remove {
        /// Names as `gallery list` shows them
        #[arg(required = true, value_name = "NAME")]
        names: Vec<String>,
    },
}

#[derive(Serialize)]
struct Listed<'a> {
    name: &'a str,
    pictures: Vec<&'a str>,
}

#[derive(Serialize)]
struct Removed<'a> {
    name: &'a str,
    removed_pictures: usize,
}

/// A name that nobody has is a failed input.
pub fn run(common: Common, options: Options) -> Result<Outcome> {
    let (board, models) = common.open(None)?;
    let file = options.gallery.unwrap_or(board.gallery.file);
    ensure!(
        file.exists(),
        "there is no gallery {}: enrol somebody first with `lookalike enroll --gallery {0} DIR`",
        file.display()
    );
    let mut gallery = setup::gallery(&models, &board.recognise, &file)?;
    match &options.action {
        Action::List => {
            for person in gallery.people() {
                let person = person?;
                let pictures: Vec<&str> = person.pictures.iter().map(|p| p.file.as_str()).collect();
                if options.json {
                    line(&json::to_line(&Listed { name: &person.name, pictures })?)?;
                } else {
                    line(&format!("{}: {}", person.name, pictures.join(", ")))?;
                }
            }
            Ok(Outcome::Fine)
        }
        Action::Remove { names } => {
            let removed: Vec<usize> = names.iter().map(|name| gallery.remove(name)).collect();
            if removed.iter().any(|&n| n > 0) {
                gallery.save()?;
            }
            for (name, &removed_pictures) in names.iter().zip(&removed) {
                if options.json {
                    line(&json::to_line(&Removed { name, removed_pictures })?)?;
                } else if removed_pictures > 0 {
                    line(&format!("{name}: {} forgotten", super::count(removed_pictures, "picture")))?;
                } else {
                    eprintln!("lookalike: nobody in {} is called {name}: see `lookalike gallery list`", file.display());
                }
            }
            Ok(Outcome::of(removed.iter().filter(|&&n| n == 0).count()))
        }
    }
}
