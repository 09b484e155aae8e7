//! Opens a native ONNX Runtime library. Unsafe code of the workspace stands here
//! and in `wherein-store` (memory maps, the processor's own inner product).

use std::ffi::CStr;
use std::path::Path;

use ort::sys::{ORT_API_VERSION, OrtApi, OrtApiBase};

/// The table of functions of the ONNX Runtime library at `path`, and its
/// version. The library stays loaded until the process ends. An `Err` says why
/// the library cannot be used.
#[expect(
    unsafe_code,
    reason = "a C library can be opened and asked for its functions in no other way"
)]
pub(crate) fn open(path: &Path) -> Result<(OrtApi, String), String> {
    // SAFETY: the file is one that the user's environment, or the program's
    // own data directory, names as ONNX Runtime: its initialisers are trusted
    // like the program's. `OrtGetApiBase`, `GetVersionString` and `GetApi` have
    // had these signatures in every release; `GetApi` gives null for a version
    // it does not know, else a table that is never freed or changed, which is
    // why the library is never closed.
    unsafe {
        let library = libloading::Library::new(path).map_err(|error| error.to_string())?;
        let entry = library
            .get::<unsafe extern "C" fn() -> *const OrtApiBase>(b"OrtGetApiBase\0")
            .map_err(|_| "it has no OrtGetApiBase, so it is not ONNX Runtime".to_owned())?;
        let base = entry()
            .as_ref()
            .ok_or_else(|| "OrtGetApiBase gave nothing".to_owned())?;
        let version = CStr::from_ptr((base.GetVersionString)())
            .to_string_lossy()
            .into_owned();
        let api = (base.GetApi)(ORT_API_VERSION).as_ref().ok_or_else(|| {
            format!("ONNX Runtime {version} is too old, 1.{ORT_API_VERSION} is needed")
        })?;
        let api = api.clone();
        std::mem::forget(library);
        Ok((api, version))
    }
}
