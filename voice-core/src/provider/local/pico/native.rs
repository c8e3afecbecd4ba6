//! The C library's calls, as far as one engine needs them. The only module with `unsafe`.
//!
//! Invariant: a handle that is here is valid, and so is the memory it points into, until the value is dropped; nothing
//! but the C library touches that memory meanwhile. Knows no text, no marks and no replies.
#![expect(unsafe_code, reason = "the C library has no safe door that lets its memory be zeroed before it is used")]

use std::ffi::{CStr, CString, c_char, c_void};
use std::path::Path;
use std::ptr;
use ttspico_sys as c;

/// Memory of one engine with its voice, in units of 16 bytes for its alignment: 8 MiB, of which a voice needs about
/// 4 MB. The C library says so if it is too little.
const MEMORY_UNITS: usize = (8 << 20) / 16;

/// Only names the voice within its system.
const VOICE: &CStr = c"voice";

/// A system of the C library with one engine.
pub(super) struct Native {
    system: c::pico_System,
    engine: c::pico_Engine,
    /// What `system` and `engine` point into; freed last.
    memory: Memory,
}

/// Whether the engine has more to do with what it was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Work {
    Busy,
    Idle,
}

impl Native {
    /// Opens an engine for the voice made of these two resources.
    pub(super) fn open(analysis: &Path, signal: &Path) -> Result<Self, String> {
        let memory = Memory::zeroed();
        let mut native = Self { system: ptr::null_mut(), engine: ptr::null_mut(), memory };
        let (start, bytes) = (native.memory.0.cast::<c_void>(), u32::try_from(MEMORY_UNITS * 16).unwrap_or(u32::MAX));
        // SAFETY: the memory is as long as said, aligned to 16 bytes, and lives until after `pico_terminate`.
        let status = unsafe { c::pico_initialize(start, bytes, &raw mut native.system) };
        native.check_system(status)?;
        // SAFETY: the system was initialized just above; the name ends with a zero.
        let status = unsafe { c::pico_createVoiceDefinition(native.system, VOICE.as_ptr().cast()) };
        native.check_system(status)?;
        for path in [analysis, signal] {
            native.add_resource(path)?;
        }
        // SAFETY: the voice has both of its resources, without which the library would crash here.
        let status = unsafe { c::pico_newEngine(native.system, VOICE.as_ptr().cast(), &raw mut native.engine) };
        native.check_system(status)?;
        Ok(native)
    }

    fn add_resource(&mut self, path: &Path) -> Result<(), String> {
        let path = path.to_str().ok_or("the path of its files is not UTF-8")?;
        let path = CString::new(path).map_err(|_zero| "the path of its files has a zero in it")?;
        let (mut resource, mut name) = (ptr::null_mut(), [0; c::PICO_RETSTRINGSIZE]);
        // SAFETY: the system is initialized; the path ends with a zero.
        let status = unsafe { c::pico_loadResource(self.system, path.as_ptr().cast(), &raw mut resource) };
        self.check_system(status)?;
        // SAFETY: the resource was loaded just above; a name has at most `PICO_MAX_RESOURCE_NAME_SIZE` bytes, fewer
        // than there is room for.
        let status = unsafe { c::pico_getResourceName(self.system, resource, name.as_mut_ptr()) };
        self.check_system(status)?;
        let name: *const c_char = name.as_ptr();
        // SAFETY: both names end with a zero; the library copies them.
        let status = unsafe { c::pico_addResourceToVoiceDefinition(self.system, VOICE.as_ptr().cast(), name.cast()) };
        self.check_system(status)
    }

    /// Gives text in UTF-8; says how many of its bytes were taken.
    pub(super) fn put_text(&mut self, text: &[u8]) -> Result<usize, String> {
        let (bytes, mut taken) = (i16::try_from(text.len()).unwrap_or(i16::MAX), 0);
        // SAFETY: the engine is open; the text has at least the bytes said.
        let status = unsafe { c::pico_putTextUtf8(self.engine, text.as_ptr(), bytes, &raw mut taken) };
        self.check_engine(status)?;
        Ok(usize::try_from(taken).unwrap_or(0))
    }

    /// Works a little on and writes what it made to the front of `out`; says how many samples they are.
    pub(super) fn get_samples(&mut self, out: &mut [i16]) -> Result<(usize, Work), String> {
        let bytes = i16::try_from(size_of_val(out)).unwrap_or(i16::MAX);
        let (mut made_bytes, mut kind) = (0, 0);
        let out = out.as_mut_ptr().cast::<c_void>();
        // SAFETY: the engine is open; `out` has at least the bytes said, and the library writes 16-bit samples only.
        let status = unsafe { c::pico_getData(self.engine, out, bytes, &raw mut made_bytes, &raw mut kind) };
        let samples = usize::try_from(made_bytes).unwrap_or(0) / size_of::<i16>();
        match status {
            c::PICO_STEP_BUSY => Ok((samples, Work::Busy)),
            c::PICO_STEP_IDLE => Ok((samples, Work::Idle)),
            error => Err(self.engine_says(error)),
        }
    }

    /// Forgets the text it was given and the samples it has not handed out.
    pub(super) fn forget(&mut self) -> Result<(), String> {
        let mode = i32::try_from(c::PICO_RESET_SOFT).unwrap_or_default();
        // SAFETY: the engine is open.
        let status = unsafe { c::pico_resetEngine(self.engine, mode) };
        self.check_engine(status)
    }

    fn check_system(&self, status: c::pico_Status) -> Result<(), String> {
        let said = |message| {
            // SAFETY: the library itself looks whether the system is one; a message has at most as many bytes as
            // there is room for.
            unsafe { c::pico_getSystemStatusMessage(self.system, status, message) }
        };
        if status == c::PICO_OK { Ok(()) } else { Err(sentence(status, said)) }
    }

    fn check_engine(&self, status: c::pico_Status) -> Result<(), String> {
        if status == c::PICO_OK { Ok(()) } else { Err(self.engine_says(status)) }
    }

    fn engine_says(&self, status: c::pico_Status) -> String {
        // SAFETY: the engine is open; a message has at most as many bytes as there is room for.
        sentence(status, |message| unsafe { c::pico_getEngineStatusMessage(self.engine, status, message) })
    }
}

impl Drop for Native {
    fn drop(&mut self) {
        if !self.system.is_null() {
            // SAFETY: the system is one; it disposes of its engine and its resources. Its memory is freed after it.
            let _gone = unsafe { c::pico_terminate(&raw mut self.system) };
        }
    }
}

/// The library's sentence for a status.
fn sentence(status: c::pico_Status, said: impl FnOnce(*mut c_char) -> c::pico_Status) -> String {
    let mut message = [0_u8; c::PICO_RETSTRINGSIZE];
    said(message.as_mut_ptr().cast());
    match CStr::from_bytes_until_nul(&message) {
        Ok(text) if !text.is_empty() => text.to_string_lossy().into_owned(),
        _ => format!("its error {status}"),
    }
}

/// Zeroed memory that only the C library writes to. The library reads some of it before it wrote it; what was there
/// before would change how it speaks from one engine to the next.
struct Memory(*mut u128);

impl Memory {
    fn zeroed() -> Self {
        Self(Box::into_raw(vec![0_u128; MEMORY_UNITS].into_boxed_slice()).cast())
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        // SAFETY: the pointer came from a box of so many units, and this is the only place that frees it.
        drop(unsafe { Box::from_raw(ptr::slice_from_raw_parts_mut(self.0, MEMORY_UNITS)) });
    }
}
