//! The routes of a site: patterns that stand for paths, so that no path becomes a name.

use std::fmt;
use std::str::FromStr;

/// A pattern of paths, such as `/users/*/orders`. A `*` is one segment; at the end it is all that are left.
#[derive(Clone, Debug)]
pub struct Route(String);

impl Route {
    /// Returns whether a path is on this route.
    pub fn has(&self, path: &[u8]) -> bool {
        let mut segments = path.split(|byte| *byte == b'/');
        let mut patterns = self.0.split('/').peekable();
        while let Some(pattern) = patterns.next() {
            match segments.next() {
                None => return false,
                Some(_) if pattern == "*" && patterns.peek().is_none() => return true,
                Some(segment) if pattern != "*" && segment != pattern.as_bytes() => return false,
                Some(_) => {}
            }
        }
        segments.next().is_none()
    }
}

impl FromStr for Route {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.starts_with('/') {
            true => Ok(Route(text.to_owned())),
            false => Err("begin it with `/`"),
        }
    }
}

impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_route_has_the_paths_that_its_pattern_stands_for() {
        for (route, path, has) in [
            ("/", "/", true),
            ("/", "/a", false),
            ("/users/*", "/users/7", true),
            ("/users/*", "/users/7/orders", true),
            ("/users/*", "/users", false),
            ("/users/*/orders", "/users/7/orders", true),
            ("/users/*/orders", "/users/7/orders/1", false),
            ("/users/*/orders", "/users/7/items", false),
            ("/*", "/anything/at/all", true),
            ("/a", "", false),
        ] {
            let route: Route = route.parse().unwrap();
            assert_eq!(route.has(path.as_bytes()), has, "{route} {path}");
        }
        assert!("users".parse::<Route>().is_err());
    }
}
