//! A camera that need not be there yet: settings in, the camera of [`super::open`] out from the moment on that it can be opened.

use super::{Camera, Fault, NAP, Settings, open};
use crate::types::Frame;

/// See the module.
pub struct Awaited {
    settings: Settings,
    camera: Option<Box<dyn Camera>>,
}

impl Awaited {
    /// Of settings that were checked.
    pub fn new(settings: &Settings) -> Self {
        Self { settings: settings.clone(), camera: None }
    }
}

impl Camera for Awaited {
    fn read(&mut self, frame: &mut Frame) -> Result<(), Fault> {
        let camera = match &mut self.camera {
            Some(camera) => camera,
            none => match open(&self.settings) {
                Ok(camera) => none.insert(camera),
                Err(why) => {
                    frame.clear();
                    std::thread::sleep(NAP);
                    return Err(Fault::Gone(format!("{why:#}")));
                }
            },
        };
        camera.read(frame)
    }

    fn describe(&self) -> String {
        self.camera.as_ref().map_or_else(|| "none yet; it is waited for".into(), |camera| camera.describe())
    }
}
