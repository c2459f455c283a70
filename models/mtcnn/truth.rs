//! Lists of faces in photos in, as they are published or as plain CSV; photos with boxes and points out, for MT-CNN to learn from.
//!
//! ```text
//! *.csv                 one row per face: image,x,y,w,h and, where known, lex,ley,rex,rey,nx,ny,lmx,lmy,rmx,rmy and invalid
//! list_bbox_celeba.txt  CelebA (Liu et al. 2015): boxes, with the points of list_landmarks_celeba.txt beside it
//! any other *.txt       WIDER FACE (Yang et al. 2016): a photo, a count, and for each face its box and six marks
//! a folder              photos in which there is no face
//! ```

use anyhow::{Context, Result, anyhow, bail, ensure};
use lookalike::types::{Landmarks, Rect};
use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// A photo and the faces in it.
#[derive(Clone, Debug, PartialEq)]
pub struct Photo {
    /// Its file. Whether there is one is not checked here.
    pub path: PathBuf,
    /// All faces that are known of; none: there is no face in it.
    pub faces: Vec<Truth>,
}

/// What is known of a face: its box, its landmarks or both.
#[derive(Clone, Debug, PartialEq)]
pub struct Truth {
    /// The box, in pixels of the photo, of positive size unless the face is ignored; None: the recipe derives it from the landmarks.
    pub rect: Option<Rect>,
    /// The five points, where they are known.
    pub landmarks: Option<Landmarks>,
    /// A face that is no example: neither learned from nor taken for "no face" (WIDER's invalid ones, and those without a size).
    pub ignored: bool,
}

const RECT: [&str; 4] = ["x", "y", "w", "h"];
const POINTS: [&str; 10] = ["lex", "ley", "rex", "rey", "nx", "ny", "lmx", "lmy", "rmx", "rmy"];

const CELEBA_BOXES: &str = "list_bbox_celeba.txt";
const CELEBA_POINTS: &str = "list_landmarks_celeba.txt";

/// Where CelebA's uncropped pictures lie, seen from its lists: as published (`Anno/`, `Img/`) or moved; "" is beside them.
const CELEBA_PICTURES: [&str; 4] = ["img_celeba", "../img_celeba", "../Img/img_celeba", ""];

/// Where WIDER's pictures lie, seen from its list.
const WIDER_PICTURES: [&str; 6] =
    ["WIDER_train/images", "WIDER_val/images", "images", "../WIDER_train/images", "../WIDER_val/images", "../images"];

/// Reads one source: a CSV file, WIDER's list, CelebA's list, or a folder of photos in which there is no face. Of CelebA, a face
/// with neither a box of some size nor points is left out with its photo, for nobody can say where it is.
pub fn read(source: &Path) -> Result<Vec<Photo>> {
    let shown = source.display();
    let kinds = "name a .csv file, the list of WIDER FACE or CelebA (.txt), or a folder of photos without a face";
    ensure!(source.exists(), "there is no {shown}: {kinds}");
    if source.is_dir() {
        return faceless(source);
    }
    let name = source.file_name().unwrap_or_default().to_string_lossy();
    let is_celebas = name == CELEBA_BOXES || (name.starts_with("list_landmarks") && name.ends_with("_celeba.txt"));
    let photos = match name.rsplit_once('.').map(|(_, ending)| ending.to_lowercase()).as_deref() {
        Some("txt") if is_celebas => celeba(source)?,
        Some("txt") => wider(source)?,
        Some("csv") => csv(source)?,
        _ => bail!("{shown} is of no kind that is known: {kinds}"),
    };
    ensure!(!photos.is_empty(), "{shown} is empty: there should be a photo in it");
    Ok(photos)
}

/// Says in words what is wrong with a face in a photo of that size, if anything is. Nothing is asked of a face that is ignored.
pub fn check(face: &Truth, width: u32, height: u32) -> Result<(), String> {
    let (width, height) = (width as f32, height as f32);
    let lies_in = |x: f32, y: f32| (0.0..=width).contains(&x) && (0.0..=height).contains(&y);
    if face.ignored {
        return Ok(());
    }
    if let Some(Rect { x, y, w, h }) = face.rect {
        let inside = ((x + w).min(width) - x.max(0.0)).max(0.0) * ((y + h).min(height) - y.max(0.0)).max(0.0);
        if !lies_in(x + w / 2.0, y + h / 2.0) || inside < w * h / 2.0 {
            return Err("its box lies outside of the photo".into());
        }
    }
    if let Some(points) = face.landmarks {
        let mean = |axis: usize| points.iter().map(|p| p[axis]).sum::<f32>() / 5.0;
        if !lies_in(mean(0), mean(1)) {
            return Err("its points lie outside of the photo".into());
        }
    }
    Ok(())
}

/// The pictures in a folder and those in it, by their extensions, sorted. Links to folders are not followed.
fn faceless(folder: &Path) -> Result<Vec<Photo>> {
    let mut pictures = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(folder) = folders.pop() {
        let hint = || format!("the folder {} cannot be listed: check its permissions", folder.display());
        for entry in std::fs::read_dir(&folder).with_context(hint)? {
            let entry = entry.with_context(hint)?;
            let path = entry.path();
            let ending = path.extension().unwrap_or_default().to_ascii_lowercase();
            if entry.file_type().with_context(hint)?.is_dir() {
                folders.push(path);
            } else if ["jpg", "jpeg", "png"].iter().any(|e| ending == *e) {
                pictures.push(path);
            }
        }
    }
    ensure!(!pictures.is_empty(), "{} holds no .jpg, .jpeg or .png: name a folder of photos", folder.display());
    pictures.sort();
    Ok(pictures.into_iter().map(|path| Photo { path, faces: Vec::new() }).collect())
}

/// One row of a CSV file, by the columns' names.
struct Row<'h> {
    header: &'h [String],
    fields: Vec<String>,
}

impl Row<'_> {
    /// What stands in a column; of a column that there is not, nothing.
    fn text(&self, column: &str) -> &str {
        let at = self.header.iter().position(|name| name == column);
        at.and_then(|at| self.fields.get(at)).map_or("", |field| field)
    }

    /// The numbers of a box or of points; None where all of their fields are empty.
    fn numbers<const N: usize>(&self, columns: [&str; N]) -> Result<Option<[f32; N]>> {
        if columns.iter().all(|column| self.text(column).is_empty()) {
            return Ok(None);
        }
        let mut numbers = [0.0; N];
        for (to, column) in numbers.iter_mut().zip(columns) {
            let text = self.text(column);
            ensure!(!text.is_empty(), "{column} is empty: fill all of {} or none", columns.join(","));
            *to = number(text).with_context(|| format!("column {column}"))?;
        }
        Ok(Some(numbers))
    }

    /// The row's picture, and its face; None: the row says that the photo has none.
    fn face(&self) -> Result<(&str, Option<Truth>)> {
        let (columns, fields) = (self.header.len(), self.fields.len());
        ensure!(fields == columns, "it has {fields} fields for {columns} columns: put a path with commas in double quotes");
        let image = [self.text("image"), self.text("path")].into_iter().find(|name| !name.is_empty());
        let image = image.context("it names no picture: fill its column image")?;
        let ignored = match self.text("invalid") {
            "" | "0" => false,
            "1" => true,
            other => bail!("`{other}` in column invalid is neither 0 nor 1"),
        };
        let rect = self.numbers(RECT)?.map(rect).transpose()?;
        let has_size = rect.is_none_or(|r| r.w > 0.0 && r.h > 0.0);
        ensure!(ignored || has_size, "its box has no width or no height: leave x,y,w,h empty where there is no box");
        let landmarks = self.numbers(POINTS)?.map(points);
        let known = rect.is_some() || landmarks.is_some();
        ensure!(known || !ignored, "it is of an invalid face, but does not say where that is: give its box");
        Ok((image, known.then_some(Truth { rect, landmarks, ignored })))
    }
}

fn csv(path: &Path) -> Result<Vec<Photo>> {
    let at = |line: usize| format!("{}, line {line}", path.display());
    let text = text(path)?;
    let mut lines = lines(&text);
    let empty = || format!("{} is empty: its first line names its columns", path.display());
    let (line, header) = lines.next().with_context(empty)?;
    let header = fields(header).and_then(columns).with_context(|| at(line))?;
    let folder = path.parent().unwrap_or(Path::new(""));
    let mut photos: Vec<Photo> = Vec::new();
    let mut places = HashMap::new();
    for (line, row) in lines {
        let row = fields(row).map(|fields| Row { header: &header, fields }).with_context(|| at(line))?;
        let (image, face) = row.face().with_context(|| at(line))?;
        let image = folder.join(image);
        let Some(&place) = places.get(&image) else {
            places.insert(image.clone(), photos.len());
            photos.push(Photo { path: image, faces: face.into_iter().collect() });
            continue;
        };
        let faces: &mut Vec<Truth> = &mut photos[place].faces;
        match face {
            Some(face) if !faces.is_empty() => faces.push(face),
            _ => bail!("{}: a row without box and points says that there is no face: leave out its photo's others", at(line)),
        }
    }
    Ok(photos)
}

/// The names of the columns, if those that are needed are there.
fn columns(header: Vec<String>) -> Result<Vec<String>> {
    let is_there = |name: &str| header.iter().any(|column| column == name);
    ensure!(is_there("image") || is_there("path"), "no column is called image: the first line names the columns");
    let pointed = POINTS.iter().any(|name| is_there(name));
    if let Some(name) = RECT.iter().chain(POINTS.iter().filter(|_| pointed)).find(|name| !is_there(name)) {
        bail!("no column is called {name}: there have to be {}, and all or none of {}", RECT.join(","), POINTS.join(","));
    }
    Ok(header)
}

/// The fields of a row, without the spaces around them. Within double quotes a comma is a comma, and two quotes are one.
fn fields(row: &str) -> Result<Vec<String>> {
    let (mut fields, mut field, mut quoted) = (Vec::new(), String::new(), false);
    let mut chars = row.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '"' if quoted && chars.next_if_eq(&'"').is_some() => field.push('"'),
            '"' => quoted = !quoted,
            ',' if !quoted => fields.push(std::mem::take(&mut field).trim().to_string()),
            _ => field.push(c),
        }
    }
    ensure!(!quoted, "a double quote is not closed");
    fields.push(field.trim().to_string());
    Ok(fields)
}

fn wider(list: &Path) -> Result<Vec<Photo>> {
    let at = |line: usize| format!("{}, line {line}", list.display());
    let text = text(list)?;
    let mut lines = lines(&text).peekable();
    let mut photos = Vec::new();
    while let Some((line, path)) = lines.next() {
        let path = path.trim();
        let cut = "the list is cut short: copy it again";
        let (line, count) = lines.next().with_context(|| format!("{}: no count of faces follows {path}: {cut}", at(line)))?;
        let not_a_count = || format!("{}: here should be how many faces are in {path}: a count above may not fit", at(line));
        let count: usize = count.trim().parse().map_err(|_| anyhow!(not_a_count()))?;
        let mut faces = Vec::new();
        while faces.len() < count {
            let too_few = || format!("{}: {count} faces are counted, but {} follow: {cut}", at(line), faces.len());
            let (row, face) = lines.next().with_context(too_few)?;
            let whose = || format!("{}: here should be one of {count} faces in {path}", at(row));
            faces.push(wider_face(face).with_context(whose)?);
        }
        if count == 0 {
            lines.next_if(|(_, row)| row.split_whitespace().all(|field| field == "0"));
        }
        photos.push(Photo { path: path.into(), faces });
    }
    placed(list, &WIDER_PICTURES, photos)
}

/// From `x1 y1 w h blur expression illumination invalid occlusion pose`.
fn wider_face(row: &str) -> Result<Truth> {
    let values = row.split_whitespace().map(number).collect::<Result<Vec<_>>>()?;
    let [x, y, w, h, _, _, _, invalid, _, _] = values[..] else {
        bail!("it has {} numbers instead of ten, x y w h and six marks", values.len())
    };
    let rect = rect([x, y, w, h])?;
    Ok(Truth { rect: Some(rect), landmarks: None, ignored: invalid == 1.0 || w == 0.0 || h == 0.0 })
}

fn celeba(list: &Path) -> Result<Vec<Photo>> {
    let name = list.file_name().unwrap_or_default().to_string_lossy();
    ensure!(
        !name.contains("align"),
        "{} belongs to CelebA's cropped pictures: name {CELEBA_BOXES} or {CELEBA_POINTS}, of the uncropped ones",
        list.display()
    );
    let boxes = list.with_file_name(CELEBA_BOXES);
    let points_of = if name == CELEBA_BOXES { list.with_file_name(CELEBA_POINTS) } else { list.to_path_buf() };
    let boxed = |values| {
        let rect = Some(rect(values)?).filter(|r| r.w > 0.0 && r.h > 0.0);
        Ok(Truth { rect, landmarks: None, ignored: false })
    };
    let pointed = |values| Ok(Truth { rect: None, landmarks: Some(points(values)), ignored: false });
    let rows = match (boxes.is_file(), points_of.is_file()) {
        (true, true) => joined((&boxes, table(&boxes, boxed)?), (&points_of, table(&points_of, pointed)?))?,
        (true, false) => table(&boxes, boxed)?,
        (false, _) => table(&points_of, pointed)?,
    };
    let known = rows.into_iter().filter(|row| row.face.rect.is_some() || row.face.landmarks.is_some());
    let photos = known.map(|row| Photo { path: row.name.into(), faces: vec![row.face] }).collect();
    placed(list, &CELEBA_PICTURES, photos)
}

/// A row of one of CelebA's lists.
struct Listed {
    line: usize,
    name: String,
    face: Truth,
}

/// A list of CelebA's: a count, a line that names the columns, then rows of a name and `N` numbers.
fn table<const N: usize>(list: &Path, face: impl Fn([f32; N]) -> Result<Truth>) -> Result<Vec<Listed>> {
    let at = |line: usize| format!("{}, line {line}", list.display());
    let text = text(list)?;
    let mut lines = lines(&text);
    let (first, count) = lines.next().with_context(|| format!("{} is empty: copy it again", list.display()))?;
    let not_a_count = || format!("{}: here should be how many photos are listed, not `{count}`", at(first));
    let count: usize = count.trim().parse().map_err(|_| anyhow!(not_a_count()))?;
    let mut rows = Vec::new();
    for (line, row) in lines.skip(1) {
        let (name, values) = row.trim().split_once(char::is_whitespace).unwrap_or((row.trim(), ""));
        let values = values.split_whitespace().map(number).collect::<Result<Vec<_>>>().with_context(|| at(line))?;
        let given = values.len();
        let values = values.try_into().map_err(|_| anyhow!("{}: {given} numbers follow {name} instead of {N}", at(line)))?;
        rows.push(Listed { line, name: name.to_string(), face: face(values).with_context(|| at(line))? });
    }
    ensure!(rows.len() == count, "{}: {count} photos are counted, but {} follow: copy the list again", at(first), rows.len());
    Ok(rows)
}

/// The boxes, with the points of the same photos.
fn joined((path, mut boxes): (&Path, Vec<Listed>), (points_path, points): (&Path, Vec<Listed>)) -> Result<Vec<Listed>> {
    let (path, points_path) = (path.display(), points_path.display());
    let (here, there, release) = (boxes.len(), points.len(), "take both from the same release");
    ensure!(here == there, "{points_path}, line 1: it lists {there} photos, but {path} lists {here}: {release}");
    for (to, from) in boxes.iter_mut().zip(points) {
        let Listed { line, name, .. } = &from;
        ensure!(to.name == *name, "{points_path}, line {line}: {name} stands where {path} has {}: {release}", to.name);
        to.face.landmarks = from.face.landmarks;
    }
    Ok(boxes)
}

/// The photos as lying in the first of the folders that has one of them; if none has, in the first that there is.
fn placed(list: &Path, folders: &[&str], mut photos: Vec<Photo>) -> Result<Vec<Photo>> {
    if photos.is_empty() {
        return Ok(photos);
    }
    let beside = list.parent().unwrap_or(Path::new(""));
    let folders: Vec<PathBuf> = folders.iter().map(|folder| beside.join(folder)).collect();
    let has_one = |folder: &&PathBuf| photos.iter().any(|photo| folder.join(&photo.path).is_file());
    let is_there = |folder: &&PathBuf| folder.is_dir() && *folder != beside;
    let folder = folders.iter().find(has_one).or_else(|| folders.iter().find(is_there));
    let hint = || format!("the pictures of {} are not there: put them into {}", list.display(), folders[0].display());
    let folder = folder.with_context(hint)?;
    photos.iter_mut().for_each(|photo| photo.path = folder.join(&photo.path));
    Ok(photos)
}

fn text(path: &Path) -> Result<String> {
    let text = std::fs::read_to_string(path);
    let text = text.with_context(|| format!("{} cannot be read: it has to be a text in UTF-8", path.display()))?;
    Ok(text.strip_prefix('\u{feff}').map(String::from).unwrap_or(text))
}

/// The lines that are not blank, with their numbers.
fn lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty())
}

fn number(text: &str) -> Result<f32> {
    let number = text.parse().ok().filter(|n: &f32| n.is_finite());
    number.with_context(|| format!("`{text}` is not a number, or too large for one"))
}

fn rect([x, y, w, h]: [f32; 4]) -> Result<Rect> {
    ensure!(w >= 0.0 && h >= 0.0, "its box has a negative width or height: they follow its left upper corner as x y w h");
    Ok(Rect { x, y, w, h })
}

fn points(values: [f32; 10]) -> Landmarks {
    std::array::from_fn(|i| [values[2 * i], values[2 * i + 1]])
}

#[cfg(test)]
mod tests;
