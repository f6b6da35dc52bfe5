//! The forms that the database has had. A form is never changed once released: what is new
//! is a further script, and each database runs those that it has not run yet, in order.
//! A change of the stored forms in [`format`](crate::format) is one as well, even where the
//! tables stay the same. There is no way back.

use sqlx::SqliteConnection;

/// The scripts from the first form on; `PRAGMA user_version` counts those that were run.
pub(crate) const MIGRATIONS: &[&str] = &[include_str!("schema/0001.sql")];

/// Runs the scripts that a database of form `from` has not run yet. The caller's transaction
/// makes it all or nothing.
pub(crate) async fn migrate(
    connection: &mut SqliteConnection,
    from: usize,
    migrations: &[&'static str],
) -> Result<(), sqlx::Error> {
    if from >= migrations.len() {
        return Ok(());
    }
    for script in migrations.iter().skip(from) {
        sqlx::raw_sql(*script).execute(&mut *connection).await?;
    }
    let count = sqlx::AssertSqlSafe(format!("PRAGMA user_version = {}", migrations.len()));
    sqlx::raw_sql(count).execute(&mut *connection).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use sqlx::Connection;

    use super::*;

    const FIRST: &str = "CREATE TABLE a (x); INSERT INTO a VALUES (1);";
    const SECOND: &str = "ALTER TABLE a ADD COLUMN y; UPDATE a SET y = x + 1;";

    async fn version(connection: &mut SqliteConnection) -> i64 {
        sqlx::query_scalar("PRAGMA user_version").fetch_one(connection).await.expect("a version")
    }

    #[tokio::test]
    async fn a_database_runs_what_it_has_not_run_yet() {
        let mut connection = SqliteConnection::connect("sqlite::memory:").await.expect("a database");
        migrate(&mut connection, 0, &[FIRST]).await.expect("the first form");
        assert_eq!(version(&mut connection).await, 1);
        migrate(&mut connection, 1, &[FIRST, SECOND]).await.expect("the second form");
        assert_eq!(version(&mut connection).await, 2);
        let row: (i64, i64) = sqlx::query_as("SELECT x, y FROM a").fetch_one(&mut connection).await.expect("a row");
        assert_eq!(row, (1, 2));
    }

    #[tokio::test]
    async fn a_failed_script_leaves_the_form_as_it_was() {
        let mut connection = SqliteConnection::connect("sqlite::memory:").await.expect("a database");
        migrate(&mut connection, 0, &[FIRST]).await.expect("the first form");
        let mut transaction = connection.begin().await.expect("a transaction");
        assert!(migrate(&mut transaction, 1, &[FIRST, SECOND, "broken"]).await.is_err());
        drop(transaction);
        assert_eq!(version(&mut connection).await, 1);
        assert!(sqlx::query("SELECT y FROM a").fetch_one(&mut connection).await.is_err());
    }
}
