//! Which errors a system call can be made to fail with: those of its manual page that a machine can
//! produce, for the arguments that it is really called with.

/// The errors for a call, as strace shows it with what descriptors lead to:
/// `read(3</tmp/x>, "", 1) = 0`.
///
/// Empty for calls that cannot fail, and for those where strace cannot do what a kernel does: it
/// leaves the call out, so `close` would leave open what the system has closed also when it
/// complains, and a wake by `futex` would be lost.
pub(crate) fn errors(name: &str, line: &str) -> Vec<&'static str> {
    let has = |flag: &str| line.contains(flag);
    let errors: &[&str] = match name {
        "open" | "openat" | "openat2" if has("O_CREAT") || has("O_TMPFILE") => {
            &["EMFILE", "ENFILE", "ENOMEM", "EACCES", "ENOSPC", "EROFS", "EIO"]
        }
        "open" | "openat" | "openat2" => &["EMFILE", "ENFILE", "ENOMEM", "EACCES", "EIO"],
        // Neither is kept anywhere, so that nothing can be full or broken.
        "read" | "readv" | "write" | "writev" if has("<pipe:[") || has("<anon_inode:[") => {
            &["EINTR"]
        }
        "read" | "pread64" | "readv" => &["EINTR", "EIO"],
        "write" | "pwrite64" | "writev" => &["EINTR", "ENOSPC", "EIO"],
        // A descriptor that is no socket says so before anything else can fail.
        "sendto" | "sendmsg" | "recvfrom" | "recvmsg" if has("ENOTSOCK") => &[],
        "sendto" | "sendmsg" => &["EINTR", "ENOMEM", "ENOBUFS"],
        "recvfrom" | "recvmsg" if has("MSG_DONTWAIT") => &["ENOMEM"],
        "recvfrom" | "recvmsg" => &["EINTR", "ENOMEM"],
        "socket" | "socketpair" => &["EMFILE", "ENFILE", "ENOMEM"],
        "pipe2" | "epoll_create1" | "memfd_create" | "pidfd_open" => {
            &["EMFILE", "ENFILE", "ENOMEM"]
        }
        "fcntl" if has("F_DUPFD") => &["EMFILE"],
        "fcntl" if has("F_OFD_SETLKW") => &["EINTR", "ENOLCK"],
        "fcntl" if has("F_OFD_SETLK") || has("F_OFD_GETLK") => &["ENOLCK"],
        "flock" if has("LOCK_NB") => &["ENOLCK"],
        "flock" => &["EINTR", "ENOLCK"],
        "dup" => &["EMFILE"],
        "dup2" | "dup3" => &["EBUSY"],
        "mmap" | "mprotect" | "mremap" => &["ENOMEM"],
        "clone" | "clone3" | "fork" | "vfork" => &["EAGAIN", "ENOMEM"],
        // Of a table of descriptors the page has less; a filter forbids all of it.
        "unshare" => &["ENOMEM", "EPERM"],
        "execve" => &["EACCES", "EAGAIN", "EIO", "ENOMEM"],
        "poll" | "ppoll" => &["EINTR", "ENOMEM"],
        "epoll_wait" | "epoll_pwait" | "epoll_pwait2" => &["EINTR"],
        "epoll_ctl" if has("EPOLL_CTL_ADD") => &["ENOMEM", "ENOSPC"],
        "wait4" | "waitid" if !has("WNOHANG") => &["EINTR"],
        "clock_nanosleep" | "nanosleep" => &["EINTR"],
        "chdir" => &["EACCES", "EIO", "ENOENT"],
        "getcwd" => &["ENOENT", "ENOMEM"],
        // By descriptor without a privilege, as kernels before 6.10 have it.
        "linkat" if has("AT_EMPTY_PATH") => &["ENOENT", "EACCES", "EIO", "ENOSPC"],
        "link" | "linkat" | "rename" | "renameat" | "renameat2" => &["EACCES", "EIO", "ENOSPC"],
        "unlink" | "unlinkat" => &["EACCES", "EIO", "EROFS"],
        "mkdir" | "mkdirat" => &["EACCES", "EIO", "ENOSPC"],
        "fchmod" | "fchmodat" => &["EIO", "EPERM", "EROFS"],
        "ftruncate" | "fsync" | "fdatasync" => &["EIO", "ENOSPC"],
        "fstat" | "statx" | "newfstatat" if has("AT_EMPTY_PATH") || name == "fstat" => &["EIO"],
        "stat" | "lstat" | "statx" | "newfstatat" => &["EACCES", "EIO", "ENOMEM"],
        "access" | "faccessat" | "faccessat2" | "readlink" | "readlinkat" => {
            &["EACCES", "EIO", "ENOMEM"]
        }
        "getdents64" => &["EIO", "ENOENT"],
        _ => &[],
    };
    errors.to_vec()
}

#[cfg(test)]
mod tests {
    use super::errors;

    #[test]
    fn the_arguments_decide_what_can_happen() {
        assert!(
            errors("openat", "openat(3, \".\", O_RDWR|O_TMPFILE, 0600) = 4").contains(&"ENOSPC")
        );
        assert!(!errors("openat", "openat(3, \"x\", O_RDONLY) = 4").contains(&"ENOSPC"));
        assert!(errors("close", "close(3) = 0").is_empty());
        assert!(errors("write", "write(3</tmp/x>, \"q\", 1) = 1").contains(&"ENOSPC"));
        assert_eq!(errors("write", "write(3<pipe:[7]>, \"q\", 1) = 1"), ["EINTR"]);
        assert!(errors("sendto", "sendto(7, \"\", 0) = -1 ENOTSOCK").is_empty());
    }
}
