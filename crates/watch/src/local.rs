//! Whether all changes of a folder pass through this machine, so that it can hear
//! of them.

use std::path::Path;

/// The file system of `path` when others may write to it unheard.
#[cfg(target_os = "linux")]
pub(crate) fn remote_file_system(path: &Path) -> Option<&'static str> {
    /// Numbers from `statfs(2)` and the kernel's `magic.h`.
    const REMOTE: [(u64, &str); 12] = [
        (0x6969, "NFS"),
        (0xff53_4d42, "CIFS"),
        (0xfe53_4d42, "SMB"),
        (0x517b, "SMB"),
        (0x0102_1997, "9P"),
        (0x6573_5546, "FUSE"),
        (0x00c3_6400, "Ceph"),
        (0x5346_414f, "AFS"),
        (0x7461_636f, "OCFS2"),
        (0x0116_1970, "GFS2"),
        (0x786f_4256, "a shared folder of VirtualBox"),
        (0x6170_6d66, "a shared folder of Parallels"),
    ];
    let kind = rustix::fs::statfs(path).ok()?.f_type as u64 & 0xffff_ffff;
    let found = REMOTE.iter().find(|(number, _)| *number == kind);
    found.map(|(_, name)| *name)
}

/// Elsewhere the system's own interface knows, or there is none to ask.
#[cfg(not(target_os = "linux"))]
pub(crate) fn remote_file_system(_: &Path) -> Option<&'static str> {
    None
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn a_folder_for_temporary_files_is_local() {
        let folder = tempfile::tempdir().expect("folder");
        assert_eq!(remote_file_system(folder.path()), None);
        assert_eq!(remote_file_system(Path::new("/nowhere/at/all")), None);
    }
}
