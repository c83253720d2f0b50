//! The case of names that are made from identifiers.

/// Returns an identifier in kebab case: `not-found` for `NotFound` and `not_found`.
pub(crate) fn kebab(ident: &str) -> String {
    let mut out = String::new();
    let mut before = '-';
    for c in ident.chars() {
        if c == '_' {
            out.push('-');
        } else {
            if c.is_uppercase() && before != '-' && before != '_' && !before.is_uppercase() {
                out.push('-');
            }
            out.extend(c.to_lowercase());
        }
        before = c;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_joined_by_hyphens() {
        for (ident, name) in [
            ("Get", "get"),
            ("NotFound", "not-found"),
            ("ip_score", "ip-score"),
            ("HTTP", "http"),
        ] {
            assert_eq!(kebab(ident), name);
        }
    }
}
