use super::*;
use tempfile::TempDir;

/// A folder with files of these names and texts.
fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    folder
}

fn boxed(x: f32, y: f32, w: f32, h: f32) -> Truth {
    Truth { rect: Some(Rect { x, y, w, h }), landmarks: None, ignored: false }
}

/// What a source among files is read as, with paths below their folder.
fn photos(source: &str, files: &[(&str, &str)]) -> Vec<(String, Vec<Truth>)> {
    let folder = folder(files);
    let below = |path: PathBuf| path.strip_prefix(folder.path()).unwrap().display().to_string();
    read(&folder.path().join(source)).unwrap().into_iter().map(|p| (below(p.path), p.faces)).collect()
}

/// The whole sentence that refuses it, without the folder's name.
fn refusal(source: &str, files: &[(&str, &str)]) -> String {
    let folder = folder(files);
    let error = read(&folder.path().join(source)).unwrap_err();
    format!("{error:#}").replace(&format!("{}/", folder.path().display()), "")
}

#[track_caller]
fn refused(source: &str, text: &str, sentence: &str) {
    let refusal = refusal(source, &[(source, text), ("images/x", ""), ("img_celeba/x", "")]);
    assert!(refusal.starts_with(sentence), "{refusal}");
}

const FULL: &str = "image,x,y,w,h,lex,ley,rex,rey,nx,ny,lmx,lmy,rmx,rmy";
const TEN: [[f32; 2]; 5] = [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0], [7.0, 8.0], [9.0, 10.0]];

#[test]
fn rows_of_one_photo_are_gathered_in_order_of_first_appearance() {
    let text = "image,x,y,w,h\nb.jpg,1,2,3,4\nd/a.jpg,5,6,7,8.5\nb.jpg,-1,0,2,2\n";
    let wanted = [
        ("b.jpg".to_string(), vec![boxed(1.0, 2.0, 3.0, 4.0), boxed(-1.0, 0.0, 2.0, 2.0)]),
        ("d/a.jpg".to_string(), vec![boxed(5.0, 6.0, 7.0, 8.5)]),
    ];
    assert_eq!(photos("t.csv", &[("t.csv", text)]), wanted);
}

#[test]
fn boxes_points_or_both_may_be_known_of_a_face() {
    let rows = ["a.jpg,1,2,3,4,,,,,,,,,,", "b.jpg,,,,,1,2,3,4,5,6,7,8,9,10", "c.jpg,1,2,3,4,1,2,3,4,5,6,7,8,9,10"];
    let read = photos("t.csv", &[("t.csv", &format!("{FULL}\n{}", rows.join("\n")))]);
    let known: Vec<_> = read.iter().map(|(_, faces)| (faces[0].rect.is_some(), faces[0].landmarks)).collect();
    assert_eq!(known, [(true, None), (false, Some(TEN)), (true, Some(TEN))]);
}

#[test]
fn spreadsheets_marks_quotes_and_other_columns_do_not_disturb() {
    let text = "\u{feff}note,path,\"x\",y,w,h,invalid\r\n\r\nold,\"a, \"\"b\"\".jpg\",1,2,3,4,0\r\n ,c.jpg, 1 ,2,0,4,1\r\n";
    let read = photos("T.CSV", &[("T.CSV", text)]);
    let names: Vec<&str> = read.iter().map(|(name, _)| &name[..]).collect();
    assert_eq!(names, ["a, \"b\".jpg", "c.jpg"]);
    assert_eq!(read[0].1, [boxed(1.0, 2.0, 3.0, 4.0)]);
    assert_eq!(read[1].1, [Truth { ignored: true, ..boxed(1.0, 2.0, 0.0, 4.0) }]);
}

#[test]
fn a_row_without_box_and_points_says_that_there_is_no_face() {
    assert_eq!(photos("t.csv", &[("t.csv", "image,x,y,w,h\na.jpg,,,,\n")]), [("a.jpg".to_string(), vec![])]);
    for rows in ["a.jpg,,,,\na.jpg,1,2,3,4", "a.jpg,1,2,3,4\na.jpg,,,,", "a.jpg,,,,\na.jpg,,,,"] {
        refused("t.csv", &format!("image,x,y,w,h\n{rows}"), "t.csv, line 3: a row without box and points says");
    }
}

#[test]
fn broken_csv_is_refused_with_its_line() {
    refused("t.csv", "", "t.csv is empty: its first line");
    refused("t.csv", "image,x,y,w,h\n\n", "t.csv is empty: there should be a photo");
    refused("t.csv", "file,x,y,w,h\n", "t.csv, line 1: no column is called image");
    refused("t.csv", "image,x,y,w\n", "t.csv, line 1: no column is called h");
    refused("t.csv", "image,x,y,w,h,lex,ley\n", "t.csv, line 1: no column is called rex");
    for (row, sentence) in [
        ("a.jpg,1,2,3", "it has 4 fields for 5 columns"),
        ("a,b.jpg,1,2,3,4", "it has 6 fields for 5 columns"),
        ("\"a.jpg,1,2,3,4", "a double quote is not closed"),
        (",1,2,3,4", "it names no picture"),
        ("a.jpg,one,2,3,4", "column x: `one` is not a number"),
        ("a.jpg,1,2,NaN,4", "column w: `NaN` is not a number"),
        ("a.jpg,1,2,3,1e39", "column h: `1e39` is not a number, or too large"),
        ("a.jpg,1,2,,4", "w is empty: fill all of x,y,w,h or none"),
        ("a.jpg,1,2,0,4", "its box has no width"),
        ("a.jpg,1,2,3,-4", "its box has a negative width or height"),
    ] {
        refused("t.csv", &format!("image,x,y,w,h\n\n{row}\n"), &format!("t.csv, line 3: {sentence}"));
    }
    refused("t.csv", &format!("{FULL}\na.jpg,,,,,1,2,3,4,,,7,8,9,10"), "t.csv, line 2: nx is empty: fill all of lex,ley");
    refused("t.csv", "image,x,y,w,h,invalid\na.jpg,1,2,3,4,yes", "t.csv, line 2: `yes` in column invalid is neither 0 nor 1");
    refused("t.csv", "image,x,y,w,h,invalid\na.jpg,,,,,1", "t.csv, line 2: it is of an invalid face");
}

const WIDER: &str = "0--Parade/a b.jpg\n2\n1 2 3 4 0 0 0 0 0 0 \n5 6 7 8 2 0 0 1 2 0\n1--Hand/c.jpg\n0\n0 0 0 0 0 0 0 0 0 0\n\
    d.jpg\n1\n5 6 0 8 0 0 0 0 0 0\n";

#[test]
fn widers_list_has_invalid_faces_faces_without_size_and_photos_without_faces() {
    let wanted = [
        ("images/0--Parade/a b.jpg".to_string(), vec![boxed(1., 2., 3., 4.), Truth { ignored: true, ..boxed(5., 6., 7., 8.) }]),
        ("images/1--Hand/c.jpg".to_string(), vec![]),
        ("images/d.jpg".to_string(), vec![Truth { ignored: true, ..boxed(5., 6., 0., 8.) }]),
    ];
    assert_eq!(photos("w.txt", &[("w.txt", WIDER), ("images/x", "")]), wanted);
}

#[test]
fn widers_pictures_lie_beside_the_list_or_one_folder_up() {
    let place = |others: &[&str]| {
        let others = others.iter().map(|name| (*name, ""));
        let folder = folder(&[("split/w.txt", WIDER)].into_iter().chain(others).collect::<Vec<_>>());
        let path = read(&folder.path().join("split/w.txt")).unwrap()[1].path.display().to_string();
        path.replace(&format!("{}/", folder.path().display()), "")
    };
    assert_eq!(place(&["WIDER_train/images/x", "split/images/x"]), "split/images/1--Hand/c.jpg");
    assert_eq!(place(&["WIDER_train/images/x", "WIDER_val/images/x"]), "split/../WIDER_train/images/1--Hand/c.jpg");
    let val = "WIDER_val/images/d.jpg";
    assert_eq!(place(&["WIDER_train/images/x", val]), "split/../WIDER_val/images/1--Hand/c.jpg", "there they are");
    let refusal = refusal("w.txt", &[("w.txt", WIDER)]);
    assert_eq!(refusal, "the pictures of w.txt are not there: put them into WIDER_train/images");
}

#[test]
fn a_cut_or_wrong_list_of_widers_is_refused_with_its_line() {
    assert!(refusal("w.txt", &[("w.txt", "\n")]).starts_with("w.txt is empty"));
    refused("w.txt", "a.jpg\n", "w.txt, line 1: no count of faces follows a.jpg: the list is cut short");
    refused("w.txt", "a.jpg\n2\n1 2 3 4 0 0 0 0 0 0\n", "w.txt, line 2: 2 faces are counted, but 1 follow");
    refused("w.txt", "a.jpg\nb.jpg\n", "w.txt, line 2: here should be how many faces are in a.jpg");
    let one = "a.jpg\n1\n1 2 3 4 0 0 0 0 0 0\n";
    let too_many = one.replace("\n1\n", "\n2\n") + "b.jpg\n0\n";
    refused("w.txt", &too_many, "w.txt, line 4: here should be one of 2 faces in a.jpg: `b.jpg` is not a number");
    let too_few = one.to_string() + "1 2 3 4 0 0 0 0 0 0\nb.jpg\n0\n";
    refused("w.txt", &too_few, "w.txt, line 5: here should be how many faces are in 1 2 3 4 0 0 0 0 0 0: a count above may");
    let face = "w.txt, line 3: here should be one of 1 faces in a.jpg: ";
    refused("w.txt", &one.replace(" 4", ""), &format!("{face}it has 9 numbers instead of ten"));
    refused("w.txt", &one.replace(" 4", " inf"), &format!("{face}`inf` is not a number"));
    refused("w.txt", &one.replace(" 4", " -4"), &format!("{face}its box has a negative width"));
}

const BOXES: &str = "2\nimage_id x_1 y_1 width height\n000001.jpg    95  71 226 313\n000002.jpg    0  0 0 0\n";
const POINTS: &str = "2\nlefteye_x lefteye_y righteye_x righteye_y nose_x nose_y leftmouth_x leftmouth_y rightmouth_x rightmouth_y\n\
    000001.jpg 1 2 3 4 5 6 7 8 9 10\n000002.jpg 1 2 3 4 5 6 7 8 9 10\n";

#[test]
fn celebas_boxes_and_points_are_joined_whichever_list_is_named() {
    let files = [(CELEBA_BOXES, BOXES), (CELEBA_POINTS, POINTS), ("img_celeba/x", "")];
    let pointed = Truth { rect: None, landmarks: Some(TEN), ignored: false };
    let both = Truth { landmarks: Some(TEN), ..boxed(95.0, 71.0, 226.0, 313.0) };
    let wanted =
        [("img_celeba/000001.jpg".to_string(), vec![both]), ("img_celeba/000002.jpg".to_string(), vec![pointed.clone()])];
    assert_eq!(photos(CELEBA_BOXES, &files), wanted);
    assert_eq!(photos(CELEBA_POINTS, &files), wanted);
    assert_eq!(photos(CELEBA_POINTS, &files[1..])[0].1, [pointed]);
}

#[test]
fn of_celebas_boxes_alone_a_photo_without_one_is_left_out() {
    let wanted = [("000001.jpg".to_string(), vec![boxed(95.0, 71.0, 226.0, 313.0)])];
    assert_eq!(photos(CELEBA_BOXES, &[(CELEBA_BOXES, BOXES), ("000001.jpg", "")]), wanted, "pictures beside the list");
    let refusal = refusal(CELEBA_BOXES, &[(CELEBA_BOXES, BOXES)]);
    assert_eq!(refusal, "the pictures of list_bbox_celeba.txt are not there: put them into img_celeba");
}

#[test]
fn celebas_lists_that_do_not_fit_are_refused() {
    let with = |points: &str| refusal(CELEBA_BOXES, &[(CELEBA_BOXES, BOXES), (CELEBA_POINTS, points), ("img_celeba/x", "")]);
    let fewer = POINTS.replace("2\nl", "1\nl").replace("000002.jpg 1 2 3 4 5 6 7 8 9 10\n", "");
    assert!(with(&fewer).starts_with("list_landmarks_celeba.txt, line 1: it lists 1 photos, but list_bbox_celeba.txt lists 2"));
    let other = with(&POINTS.replace("000002", "000003"));
    assert!(other.starts_with("list_landmarks_celeba.txt, line 4: 000003.jpg stands where list_bbox_celeba.txt has 000002"));
    let some = with(&POINTS.replace("1.jpg 1 ", "1.jpg "));
    assert!(some.starts_with("list_landmarks_celeba.txt, line 3: 9 numbers follow 000001.jpg instead of 10"), "{some}");
    refused("list_landmarks_align_celeba.txt", POINTS, "list_landmarks_align_celeba.txt belongs to CelebA's cropped pictures");
    refused(CELEBA_BOXES, "", "list_bbox_celeba.txt is empty");
    refused(CELEBA_BOXES, "a\n", "list_bbox_celeba.txt, line 1: here should be how many photos are listed, not `a`");
    refused(CELEBA_BOXES, &BOXES.replace("2\ni", "3\ni"), "list_bbox_celeba.txt, line 1: 3 photos are counted, but 2 follow");
    refused(CELEBA_BOXES, &BOXES.replace("226", "-226"), "list_bbox_celeba.txt, line 3: its box has a negative width");
    refused(CELEBA_BOXES, &BOXES.replace("226", "wide"), "list_bbox_celeba.txt, line 3: `wide` is not a number");
}

#[test]
fn a_folder_holds_photos_without_a_face() {
    let files = [("f/b.JPG", ""), ("f/deep/er/c.jpeg", ""), ("f/a.png", ""), ("f/notes.txt", ""), ("empty/notes.txt", "")];
    let wanted = ["f/a.png", "f/b.JPG", "f/deep/er/c.jpeg"].map(|name| (name.to_string(), vec![]));
    assert_eq!(photos("f", &files), wanted);
    assert!(refusal("empty", &files).starts_with("empty holds no .jpg"));
}

#[test]
fn what_is_not_there_or_of_no_known_kind_is_refused() {
    assert!(refusal("t.csv", &[]).starts_with("there is no t.csv: name"));
    refused("t.json", "{}", "t.json is of no kind that is known: name");
    let folder = folder(&[]);
    std::fs::write(folder.path().join("t.csv"), b"image\xff").unwrap();
    let error = read(&folder.path().join("t.csv")).unwrap_err().to_string();
    assert!(error.ends_with("t.csv cannot be read: it has to be a text in UTF-8"), "{error}");
}

#[test]
fn faces_outside_of_their_photo_are_told_in_words() {
    let (outside, pointed) =
        (Err("its box lies outside of the photo".to_string()), Err("its points lie outside of the photo".into()));
    assert_eq!(check(&boxed(0.0, 0.0, 100.0, 80.0), 100, 80), Ok(()));
    assert_eq!(check(&boxed(-4.0, 10.0, 10.0, 10.0), 100, 80), Ok(()), "a little beyond the border");
    assert_eq!(check(&boxed(95.1, 10.0, 10.0, 10.0), 100, 80), outside, "its centre is outside");
    assert_eq!(check(&boxed(-4.0, -4.0, 10.0, 10.0), 100, 80), outside, "a third of it is inside");
    assert_eq!(check(&Truth { ignored: true, ..boxed(200.0, 10.0, 10.0, 10.0) }, 100, 80), Ok(()));
    let points = |by: f32| Truth { rect: None, landmarks: Some(TEN.map(|[x, y]| [x + by, y])), ignored: false };
    assert_eq!(check(&points(90.0), 100, 80), Ok(()), "their mean is 95");
    assert_eq!(check(&points(96.0), 100, 80), pointed);
}
