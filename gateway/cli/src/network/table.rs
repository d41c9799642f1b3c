//! Tables with a frame, as Micro v2 draws them: the header in the middle of its column, cells on its left.

/// Returns a table; nothing without rows.
pub(super) fn table<H: AsRef<str>>(header: &[H], rows: &[Vec<String>]) -> String {
    if rows.is_empty() {
        return String::new();
    }
    let cells = |at: usize| rows.iter().filter_map(move |row| row.get(at));
    let width = |at: usize, title: &str| {
        cells(at).map(|cell| cell.chars().count()).chain([title.chars().count()]).max().unwrap_or_default()
    };
    let widths: Vec<usize> = header.iter().enumerate().map(|(at, title)| width(at, title.as_ref())).collect();
    let rule = widths.iter().fold("+".to_owned(), |rule, width| rule + &"-".repeat(width + 2) + "+") + "\n";
    let titles = header.iter().zip(&widths).fold("|".to_owned(), |line, (title, width)| {
        let title = title.as_ref();
        line + &format!(" {title:^width$} |")
    });
    let lines = rows.iter().fold(String::new(), |lines, row| {
        let cells =
            row.iter().zip(&widths).fold("|".to_owned(), |line, (cell, width)| line + &format!(" {cell:width$} |"));
        lines + &cells + "\n"
    });
    format!("{rule}{titles}\n{rule}{lines}{rule}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_what_is_in_them() {
        let rows = vec![vec!["a-long-id".to_owned(), "∞".to_owned()], vec!["b".to_owned(), "1:2".to_owned()]];
        let expected = "+-----------+---------+\n|    ID     | ADDRESS |\n+-----------+---------+\n| a-long-id | ∞       |\n\
                        | b         | 1:2     |\n+-----------+---------+\n";
        assert_eq!(table(&["ID", "ADDRESS"], &rows), expected);
        assert_eq!(table(&["ID"], &[]), "");
    }
}
