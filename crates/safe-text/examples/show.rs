//! Shows its arguments so that none can fool the reader: `show "$(printf 'a\033[2Jb')"`.
#![expect(clippy::print_stdout, reason = "an example speaks to its user")]

fn main() {
    for argument in std::env::args_os().skip(1) {
        println!("{}", safe_text::escaped(&argument.to_string_lossy()));
    }
}
