//! Writing many rows with few statements.
//!
//! Each statement costs a trip to the connection's thread and back, so rows are written by
//! the dozen. The numbers of rows in a statement are few, so that each statement is prepared
//! once and found again.

use sqlx::sqlite::SqliteConnection;

/// How many rows a statement takes; the last must be one.
const SIZES: [usize; 3] = [64, 8, 1];

/// One value of a row.
pub(crate) enum Cell {
    Null,
    Int(i64),
    Text(String),
    Blob(Vec<u8>),
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Cell::Text(text.to_owned())
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Cell::Text(text)
    }
}

impl From<i64> for Cell {
    fn from(int: i64) -> Self {
        Cell::Int(int)
    }
}

impl<T: Into<Cell>> From<Option<T>> for Cell {
    fn from(value: Option<T>) -> Self {
        value.map_or(Cell::Null, Into::into)
    }
}

/// A statement around `VALUES (?, …), (?, …)`.
pub(crate) struct Statement {
    pub(crate) before: &'static str,
    pub(crate) after: &'static str,
}

impl Statement {
    /// Carries out the statement for all of these rows.
    pub(crate) async fn execute<const WIDTH: usize>(
        &self,
        connection: &mut SqliteConnection,
        rows: Vec<[Cell; WIDTH]>,
    ) -> Result<(), sqlx::Error> {
        let mut rest = rows.into_iter();
        for size in SIZES {
            while rest.len() >= size {
                self.execute_some(connection, rest.by_ref().take(size), size).await?;
            }
        }
        Ok(())
    }

    async fn execute_some<const WIDTH: usize>(
        &self,
        connection: &mut SqliteConnection,
        rows: impl Iterator<Item = [Cell; WIDTH]>,
        size: usize,
    ) -> Result<(), sqlx::Error> {
        let mut query = sqlx::query(sqlx::AssertSqlSafe(self.text(WIDTH, size)));
        for cell in rows.flatten() {
            query = match cell {
                Cell::Null => query.bind(None::<i64>),
                Cell::Int(int) => query.bind(int),
                Cell::Text(text) => query.bind(text),
                Cell::Blob(bytes) => query.bind(bytes),
            };
        }
        query.execute(connection).await?;
        Ok(())
    }

    fn text(&self, width: usize, size: usize) -> String {
        let row = format!("({})", vec!["?"; width].join(","));
        format!("{}VALUES {}{}", self.before, vec![row.as_str(); size].join(","), self.after)
    }
}
