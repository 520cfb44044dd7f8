//! Tables in pages: what stands between two markers is replaced, and nothing else.

use std::path::Path;

use testbed::{Failure, Outcome};

/// Puts `content` between `<!-- name -->` and `<!-- /name -->`.
pub(crate) fn write(page: &str, name: &str, content: &str) -> Outcome {
    let path = testbed::root().join(page);
    let text = replaced(&testbed::read(&path)?, name, content).ok_or_else(|| {
        Failure::new(format!("{page} has no `<!-- {name} -->`, `<!-- /{name} -->`"))
    })?;
    write_file(&path, &text)?;
    println!("{page} has the table now");
    Ok(())
}

fn write_file(path: &Path, text: &str) -> Outcome {
    std::fs::write(path, text).map_err(Failure::at("write", path))
}

fn replaced(text: &str, name: &str, content: &str) -> Option<String> {
    let (begin, end) = (format!("<!-- {name} -->"), format!("<!-- /{name} -->"));
    let (before, rest) = text.split_once(&begin)?;
    let (_, after) = rest.split_once(&end)?;
    Some(format!("{before}{begin}\n\n{}\n\n{end}{after}", content.trim_end()))
}

#[cfg(test)]
mod tests {
    use super::replaced;

    #[test]
    fn only_what_is_between_the_markers_changes() {
        let text = "a\n<!-- t -->\nold\n<!-- /t -->\nb\n";
        let expected = "a\n<!-- t -->\n\nnew\n\n<!-- /t -->\nb\n";
        assert_eq!(replaced(text, "t", "new\n").as_deref(), Some(expected));
        assert_eq!(replaced(expected, "t", "new").as_deref(), Some(expected));
        assert_eq!(replaced(text, "u", ""), None);
    }
}
