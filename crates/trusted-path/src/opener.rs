//! Names that mean something else for each process that opens them.

use std::path::Path;

/// The number of the descriptor that a path names, of whoever opens it: `/dev/stdin`, `/dev/stdout`,
/// `/dev/stderr`, `/dev/fd/N` and `/proc/self/fd/N` (proc_pid_fd(5)), written just so.
///
/// Whoever has the descriptor already should use it: opening its name fails for a socket (ENXIO) and,
/// after a change of user, for a terminal or file of the former one (EACCES); and a file gets a second
/// position to write at. Whether the descriptor is open is not looked at.
///
/// ```
/// use std::path::Path;
/// assert_eq!(trusted_path::descriptor_named(Path::new("/dev/stdout")), Some(1));
/// assert_eq!(trusted_path::descriptor_named(Path::new("/dev/fd/7")), Some(7));
/// assert_eq!(trusted_path::descriptor_named(Path::new("/dev/null")), None);
/// ```
pub fn descriptor_named(path: &Path) -> Option<u32> {
    let path = path.to_str()?;
    match path {
        "/dev/stdin" => return Some(0),
        "/dev/stdout" => return Some(1),
        "/dev/stderr" => return Some(2),
        _ => (),
    }
    let number = path.strip_prefix("/dev/fd/").or_else(|| path.strip_prefix("/proc/self/fd/"))?;
    // The kernel knows no other way to write it: neither `+1` nor `01`.
    number.parse::<u32>().ok().filter(|parsed| parsed.to_string() == number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_the_kernel_would_find_is_a_descriptor() {
        for (path, number) in [
            ("/dev/stdin", Some(0)),
            ("/dev/stderr", Some(2)),
            ("/dev/fd/0", Some(0)),
            ("/proc/self/fd/1", Some(1)),
            ("/proc/self/fd/12", Some(12)),
            ("/dev/fd/", None),
            ("/dev/fd/+1", None),
            ("/dev/fd/01", None),
            ("/dev/fd/1/", None),
            ("/dev/fd/4294967296", None),
            ("/proc/1/fd/1", None),
            ("dev/stdout", None),
        ] {
            assert_eq!(descriptor_named(Path::new(path)), number, "{path}");
        }
    }
}
