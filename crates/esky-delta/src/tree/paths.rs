//! Paths and links that a patch may name.

/// The longest path.
pub(super) const LONGEST: usize = 4096;

/// Whether a path stays inside of the tree on every platform.
pub(super) fn is_safe(path: &str) -> bool {
    let name_is_safe = |name: &str| {
        let no_name = name.is_empty() || name == "." || name == "..";
        !no_name && !name.contains(['\\', ':', '\0'])
    };
    path.len() <= LONGEST && path.split('/').all(name_is_safe)
}

/// Whether a link at `path` leads to some place inside of the tree.
pub(super) fn stays_inside(path: &str, target: &[u8]) -> bool {
    let Ok(target) = std::str::from_utf8(target) else {
        return false;
    };
    let mut depth = path.split('/').count() - 1;
    let inside = target.split('/').all(|name| match name {
        ".." => {
            let up = depth.checked_sub(1);
            depth = up.unwrap_or(0);
            up.is_some()
        }
        "." => true,
        name => {
            depth += 1;
            is_safe(name)
        }
    });
    inside && !target.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_that_leave_the_tree_are_refused() {
        for path in [
            "",
            "/a",
            "../a",
            "a/../../b",
            "a//b",
            "c:/a",
            "a\\b",
            "a/.",
            "a\0",
        ] {
            assert!(!is_safe(path), "{path:?}");
        }
        assert!(is_safe("lib/python3.11/a b.so.1"));
    }

    #[test]
    fn links_that_leave_the_tree_are_refused() {
        assert!(stays_inside("a/b/link", b"../c/./d"));
        for target in ["/etc", "../../../x", "..\\x", "", "c/../../../../x"] {
            assert!(!stays_inside("a/b/link", target.as_bytes()), "{target}");
        }
        assert!(!stays_inside("link", b"\xff"));
    }
}
