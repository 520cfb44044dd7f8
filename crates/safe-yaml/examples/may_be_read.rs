//! Says of each file whether it may be read: `may_be_read FILE…`.
#![expect(clippy::print_stdout, reason = "an example speaks to its user")]

fn main() {
    for path in std::env::args_os().skip(1) {
        let said =
            safe_yaml::read_file(&path).map_err(|error| error.to_string()).and_then(|text| {
                safe_yaml::check(&text).map(str::len).map_err(|error| error.to_string())
            });
        match said {
            Ok(length) => println!("{}: {length} bytes, fine", path.display()),
            Err(error) => println!("{}: {error}", path.display()),
        }
    }
}
