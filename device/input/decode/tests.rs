use super::*;

const SIZE: [u32; 2] = [800, 480];
const RANGES: [Range; 2] = [[0, 4095], [0, 4095]];
const TOUCH: Abilities =
    Abilities { slots: None, position: Some(RANGES), touch: true, click: false, moves: false, is_pad: false, letters: false };

fn decoder(able: Abilities, turn: Turn) -> Decoder {
    let mut decoder = Decoder::new(&able, Settings::default(), Panel { size: SIZE, turn });
    decoder.resume(State::default());
    decoder
}

/// One event a line: `x 100`, `y 100`, `touch 1`, `slot 1`, `id 7`, `mx 100`, `my 100`, `left 1`, `dx 9`, `dy 9`, `key q`, `key+ q`
/// (held), `dropped`, and `.` for the end of a packet.
fn hear_all(decoder: &mut Decoder, script: &str) -> Vec<Heard> {
    let mut heard = Vec::new();
    script.lines().flat_map(|line| line.split(',')).for_each(|step| decoder.take(event(step.trim()), &mut heard));
    heard
}

/// Without what a finger does on its way to a tap.
fn hear(decoder: &mut Decoder, script: &str) -> Vec<Heard> {
    let mut heard = hear_all(decoder, script);
    heard.retain(|heard| !matches!(heard, Heard::Event(Event::Press(_) | Event::Drag(_) | Event::Release(_))));
    heard
}

fn event(step: &str) -> InputEvent {
    let (name, value) = step.split_once(' ').unwrap_or((step, "0"));
    let number = || value.parse().unwrap();
    let letter = || match value {
        "q" => Key::KEY_Q.0,
        "esc" => Key::KEY_ESC.0,
        "space" => Key::KEY_SPACE.0,
        "tab" => Key::KEY_TAB.0,
        "c" => Key::KEY_C.0,
        "ctrl" => Key::KEY_LEFTCTRL.0,
        other => panic!("no key {other}"),
    };
    let (kind, code, value) = match name {
        "." => (EventType::SYNCHRONIZATION, Syn::SYN_REPORT.0, 0),
        "dropped" => (EventType::SYNCHRONIZATION, Syn::SYN_DROPPED.0, 0),
        "x" => (EventType::ABSOLUTE, Abs::ABS_X.0, number()),
        "y" => (EventType::ABSOLUTE, Abs::ABS_Y.0, number()),
        "slot" => (EventType::ABSOLUTE, Abs::ABS_MT_SLOT.0, number()),
        "id" => (EventType::ABSOLUTE, Abs::ABS_MT_TRACKING_ID.0, number()),
        "mx" => (EventType::ABSOLUTE, Abs::ABS_MT_POSITION_X.0, number()),
        "my" => (EventType::ABSOLUTE, Abs::ABS_MT_POSITION_Y.0, number()),
        "dx" => (EventType::RELATIVE, Rel::REL_X.0, number()),
        "dy" => (EventType::RELATIVE, Rel::REL_Y.0, number()),
        "touch" => (EventType::KEY, Key::BTN_TOUCH.0, number()),
        "left" => (EventType::KEY, Key::BTN_LEFT.0, number()),
        "key" => (EventType::KEY, letter(), 1),
        "key+" => (EventType::KEY, letter(), 2),
        "key-" => (EventType::KEY, letter(), 0),
        other => panic!("no event {other}"),
    };
    InputEvent::new(kind.0, code, value)
}

fn tap(x: u32, y: u32) -> Heard {
    Heard::Event(Event::Tap(Pixel { x, y }))
}

#[test]
fn a_press_and_a_release_are_a_tap_where_it_was_pressed() {
    let mut touch = decoder(TOUCH, Turn::None);
    assert_eq!(hear(&mut touch, "touch 1, x 2048, y 1024, ."), []);
    assert_eq!(hear(&mut touch, "x 2100, ."), []);
    assert_eq!(hear(&mut touch, "touch 0, ."), [tap(400, 120)]);
    assert_eq!(hear(&mut touch, "touch 1, ., touch 0, ."), [tap(410, 120)], "what did not change is not said again");
}

#[test]
fn the_corners_are_the_corners_whatever_the_turn() {
    for (turn, wanted) in [
        (Turn::None, [tap(0, 0), tap(799, 479)]),
        (Turn::Quarter, [tap(0, 799), tap(479, 0)]),
        (Turn::Half, [tap(799, 479), tap(0, 0)]),
        (Turn::ThreeQuarters, [tap(479, 0), tap(0, 799)]),
    ] {
        let mut touch = decoder(TOUCH, turn);
        let heard = hear(&mut touch, "x 0, y 0, touch 1, ., touch 0, ., x 4095, y 4095, touch 1, ., touch 0, .");
        assert_eq!(heard, wanted, "{turn:?}");
    }
}

#[test]
fn axes_may_begin_anywhere_and_lie() {
    let able = Abilities { position: Some([[-100, 99], [1000, 1999]]), ..TOUCH };
    let heard = hear(&mut decoder(able, Turn::None), "x 0, y 1500, touch 1, ., touch 0, .");
    assert_eq!(heard, [tap(400, 240)]);
    let heard = hear(&mut decoder(able, Turn::None), "x 5000, y -9, touch 1, ., touch 0, .");
    assert_eq!(heard, [tap(799, 0)]);
    let able = Abilities { position: Some([[0, 0]; 2]), ..TOUCH };
    assert_eq!(hear(&mut decoder(able, Turn::None), "touch 1, ., touch 0, ."), [tap(0, 0)]);
}

#[test]
fn a_wipe_is_no_tap() {
    let mut touch = decoder(TOUCH, Turn::None);
    assert_eq!(hear(&mut touch, "x 100, y 100, touch 1, ., x 900, ., x 110, ., touch 0, ."), []);
    assert_eq!(hear(&mut touch, "touch 1, ., x 400, ., touch 0, ."), [tap(21, 11)]);
}

/// `press`, `drag`, `release`, `tap` and where.
fn told(heard: Vec<Heard>) -> Vec<(&'static str, u32, u32)> {
    let name = |heard| match heard {
        Heard::Event(Event::Press(p)) => ("press", p.x, p.y),
        Heard::Event(Event::Drag(p)) => ("drag", p.x, p.y),
        Heard::Event(Event::Release(p)) => ("release", p.x, p.y),
        Heard::Event(Event::Tap(p)) => ("tap", p.x, p.y),
        other => panic!("{other:?}"),
    };
    heard.into_iter().map(name).collect()
}

#[test]
fn a_finger_is_followed_from_its_press_to_its_release() {
    let mut touch = decoder(TOUCH, Turn::None);
    let heard = hear_all(&mut touch, "x 0, y 0, touch 1, ., ., x 2048, ., y 2048, ., touch 0, .");
    assert_eq!(told(heard), [("press", 0, 0), ("drag", 400, 0), ("drag", 400, 240), ("release", 400, 240)]);
    let heard = hear_all(&mut touch, "touch 1, ., touch 0, .");
    assert_eq!(told(heard), [("press", 400, 240), ("release", 400, 240), ("tap", 400, 240)]);
    let able = Abilities { slots: Some(RANGES), position: None, ..TOUCH };
    let heard = hear_all(&mut decoder(able, Turn::None), "id 1, mx 0, my 0, ., id 2, mx 4095, ., id -1, .");
    let both = [("press", 0, 0), ("release", 0, 0), ("tap", 0, 0), ("press", 799, 0), ("release", 799, 0), ("tap", 799, 0)];
    assert_eq!(told(heard), both, "one finger goes and another comes in one packet");
}

#[test]
fn an_emulators_pointer_clicks() {
    let able = Abilities { touch: false, click: true, position: Some([[0, 32767]; 2]), ..TOUCH };
    assert_eq!(able.kind(), Some(Kind::Pointer));
    let mut pointer = decoder(able, Turn::None);
    assert_eq!(hear(&mut pointer, "x 16384, y 16384, ., left 1, ., left 0, ."), [tap(400, 240)]);
}

#[test]
fn of_several_fingers_the_first_counts() {
    let able = Abilities { slots: Some(RANGES), ..TOUCH };
    let mut touch = decoder(able, Turn::None);
    let first = "slot 0, id 7, mx 2048, my 2048, touch 1, x 2048, y 2048, .";
    let second = "slot 1, id 8, mx 100, my 100, .";
    assert_eq!(hear(&mut touch, first), []);
    assert_eq!(hear(&mut touch, second), []);
    assert_eq!(hear(&mut touch, "mx 3000, ., slot 0, id -1, ."), [tap(400, 240)], "the second finger's wipe is not the first's");
    assert_eq!(hear(&mut touch, "slot 1, id -1, touch 0, ."), [], "a finger that stayed is none to follow");
    assert_eq!(hear(&mut touch, "slot 0, id 9, mx 0, my 0, ., id -1, ."), [tap(0, 0)]);
}

#[test]
fn a_finger_that_follows_in_the_same_slot_is_another_tap() {
    let able = Abilities { slots: Some(RANGES), position: None, ..TOUCH };
    let mut touch = decoder(able, Turn::None);
    assert_eq!(hear(&mut touch, "id 1, mx 0, my 0, ., id 2, mx 4095, ."), [tap(0, 0)]);
    assert_eq!(hear(&mut touch, "id -1, slot 1, id 3, mx 2048, my 2048, ."), [tap(799, 0)]);
    assert_eq!(hear(&mut touch, "id -1, ."), [tap(400, 240)]);
}

#[test]
fn what_was_pressed_before_or_while_events_were_lost_is_no_tap() {
    let mut touch = decoder(TOUCH, Turn::None);
    assert_eq!(hear(&mut touch, "x 9, y 9, touch 1, ., dropped, touch 0, ."), [Heard::Lost]);
    touch.resume(State { position: [2048, 2048], is_down: true, ..State::default() });
    assert_eq!(hear(&mut touch, "touch 0, ."), []);
    assert_eq!(hear(&mut touch, "touch 1, ., touch 0, ."), [tap(400, 240)]);

    let able = Abilities { slots: Some(RANGES), ..TOUCH };
    let mut touch = decoder(able, Turn::None);
    assert_eq!(hear(&mut touch, "id 4, mx 9, my 9, ., dropped, id -1, ."), [Heard::Lost]);
    touch.resume(State { slot: 1, slots: vec![(-1, [0, 0]), (5, [2048, 2048])], ..State::default() });
    assert_eq!(hear(&mut touch, "id -1, ."), [], "it began unseen");
    assert_eq!(hear(&mut touch, "id 6, ., id -1, ."), [tap(400, 240)], "where the slot was last");
}

#[test]
fn a_mouse_moves_over_the_picture_and_stays_on_it() {
    let able = Abilities { position: None, touch: false, click: true, moves: true, ..TOUCH };
    let mut mouse = decoder(able, Turn::Quarter);
    assert_eq!(hear(&mut mouse, "left 1, ., left 0, ."), [tap(240, 400)]);
    assert_eq!(hear(&mut mouse, "dx 10, dy -10, ., left 1, ., dx 300, ., left 0, ."), [tap(250, 390)]);
    assert_eq!(hear(&mut mouse, "dx 9999, dy -9999, ., left 1, ., left 0, ."), [tap(479, 0)]);
}

#[test]
fn keys_mean_the_next_mode_or_the_end_once_each() {
    let able = Abilities { position: None, touch: false, letters: true, ..TOUCH };
    let mut keys = decoder(able, Turn::None);
    let (next, quit) = (Heard::Event(Event::Next), Heard::Event(Event::Quit));
    assert_eq!(hear(&mut keys, "key space, ., key+ space, ., key- space, ., key tab, ."), [next, next]);
    assert_eq!(hear(&mut keys, "key c, ., key q, ., key esc, ."), [quit, quit]);
    assert_eq!(hear(&mut keys, "key ctrl, ., key c, ., key- ctrl, ., key c, ."), [quit]);
}

#[test]
fn nothing_is_heard_that_was_not_asked_for() {
    let able = Abilities { letters: true, ..TOUCH };
    let settings = Settings { touch: false, keyboard: false };
    let mut silent = Decoder::new(&able, settings, Panel { size: SIZE, turn: Turn::None });
    silent.resume(State::default());
    assert_eq!(hear(&mut silent, "x 9, y 9, touch 1, ., touch 0, ., key q, ., key space, ."), []);
}

#[test]
fn devices_are_known_by_what_they_can_do() {
    let nothing = Abilities { position: None, touch: false, ..TOUCH };
    let kinds = [
        (TOUCH, Some(Kind::Touchscreen)),
        (Abilities { slots: Some(RANGES), ..nothing }, Some(Kind::Touchscreen)),
        (Abilities { is_pad: true, click: true, slots: Some(RANGES), ..TOUCH }, Some(Kind::Mouse)),
        (Abilities { click: true, moves: true, ..nothing }, Some(Kind::Mouse)),
        (Abilities { position: Some(RANGES), ..nothing }, None),
        (Abilities { letters: true, ..nothing }, None),
    ];
    for (able, kind) in kinds {
        assert_eq!(able.kind(), kind, "{able:?}");
    }
}
