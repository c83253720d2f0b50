//! The options in the environment.

use super::{SETTINGS, Setting, SettingValue};
use spoa_facts::nearest;
use std::ffi::OsStr;

/// Reads the value of an option's variable. An empty variable is an absent one.
pub(in crate::run) fn from_environment(
    setting: &Setting,
    text: &OsStr,
) -> Result<Option<SettingValue>, String> {
    if text.is_empty() {
        return Ok(None);
    }
    let parsed = match text.to_str() {
        Some(text) => setting.parse(text),
        None => Err("it is not UTF-8".to_owned()),
    };
    parsed.map(Some).map_err(|problem| {
        format!(
            "invalid value '{}' of the environment variable {}: {problem}",
            text.to_string_lossy(),
            setting.env
        )
    })
}

/// Warns about variables that look like misspelt options.
///
/// The program's own options have the variables of `user`.
pub(in crate::run) fn warnings<'u>(
    variables: impl Iterator<Item = String>,
    user: impl Iterator<Item = &'u str> + Clone,
) -> impl Iterator<Item = String> {
    let options = move || {
        let settings = SETTINGS.iter().map(|setting| setting.env);
        let all = settings.chain(user.clone());
        all.filter_map(|name| name.strip_prefix("SPOA_"))
    };
    variables.filter_map(move |variable| {
        let name = variable.strip_prefix("SPOA_")?;
        if options().any(|option| option == name) {
            return None;
        }
        // The program may have variables of its own, so only a near name counts.
        let meant = nearest(name, options())?;
        Some(format!(
            "environment variable `{variable}` is not an option and is ignored: did you mean \
             `SPOA_{meant}`?"
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variable_with_nearly_the_name_of_an_option_is_warned_about() {
        let variables = ["SPOA_MAX_CONECTIONS", "SPOA_LOG", "SPOA_DB_PATH", "HOME"];
        let variables = || variables.iter().map(ToString::to_string);
        let found: Vec<_> = warnings(variables(), [].into_iter()).collect();
        assert_eq!(
            found,
            [
                "environment variable `SPOA_MAX_CONECTIONS` is not an option and is ignored: did you \
                 mean `SPOA_MAX_CONNECTIONS`?"
            ]
        );
        let found = warnings(variables(), ["SPOA_DB_PATHS"].into_iter()).last();
        assert!(found.is_some_and(|it| it.ends_with("did you mean `SPOA_DB_PATHS`?")));
    }
}
