//! Settings from environment variables.

use super::{GivenBy, Setting, table::rows};

/// Returns the settings of an environment, for any command: rows that do not count for it are skipped when they are
/// applied. Empty values are left out (spec/gateway 2.3), unknown variables are none of our business.
pub fn environment<N, V>(variables: impl IntoIterator<Item = (N, V)>) -> Vec<Setting>
where
    N: AsRef<str>,
    V: Into<String>,
{
    let mut settings: Vec<Setting> =
        variables.into_iter().flat_map(|(name, value)| of_variable(name.as_ref(), &value.into())).collect();
    // The order of an environment says nothing; that of the table does not change from run to run.
    settings.sort_by_key(|setting| rows().iter().position(|row| std::ptr::eq(row, setting.row)));
    settings
}

/// One variable may mean different things to different commands.
fn of_variable(name: &str, value: &str) -> Vec<Setting> {
    let rows = rows().iter().filter(|row| row.variable == Some(name) && !value.is_empty());
    let setting = |row| Setting { row, by: GivenBy::Variable(name.to_owned()), value: value.to_owned() };
    rows.map(setting).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn empty_and_unknown_variables_are_left_out() {
        let settings = environment([
            ("MICRO_API_NAMESPACE", " "),
            ("MICRO_API_ADDRESS", ""),
            ("PATH", "/bin"),
            ("MICRO_LOG_LEVEL", "debug"),
        ]);
        let names: Vec<_> = settings.iter().map(|setting| setting.by.name()).collect();
        assert_eq!(names, ["MICRO_LOG_LEVEL", "MICRO_API_NAMESPACE"]);
    }
}
