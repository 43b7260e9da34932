//! Documents and items.

use std::time::SystemTime;

use sqlx::AnyConnection;
use trackgate_schemes::AccountId;
use trackgate_schemes::store::Answer;

use super::SqlStore;
use super::fault::Fault;
use super::log::tell;
use super::rows::{Columns, account_exists};
use crate::ports::{Documents, EventKind, Item, ItemFilter, Items};
use crate::stores::kept;

/// The condition of an [`ItemFilter`]: collection, account, first place, last place.
macro_rules! item_filter {
    () => {
        " FROM items WHERE collection = $1 AND account = $2 AND place >= $3 AND place <= $4"
    };
}

/// What [`item_filter`] finds, in this order of its places.
macro_rules! items_by {
    ($order:literal) => {
        concat!(
            "SELECT id, account, place, body",
            item_filter!(),
            " ORDER BY place ",
            $order,
            ", id LIMIT $5 OFFSET $6"
        )
    };
}

impl Documents for SqlStore {
    fn document<'a>(&'a self, tracker: &'a str, account: AccountId) -> Answer<'a, Option<String>> {
        let tracker = kept::text(tracker);
        self.read(move |connection| {
            Box::pin(async move {
                let row = sqlx::query("SELECT body FROM documents WHERE account = $1 AND tracker = $2")
                    .bind(account.0)
                    .bind(tracker?)
                    .fetch_optional(connection)
                    .await?;
                row.map(|row| Columns::of(&row).text()).transpose()
            })
        })
    }

    fn replace_document<'a>(
        &'a self,
        tracker: &'a str,
        account: AccountId,
        before: Option<&'a str>,
        text: &'a str,
    ) -> Answer<'a, bool> {
        let tracker = kept::text(tracker);
        let before = before.map(kept::text).transpose();
        let text = kept::text(text);
        self.write(move |connection| {
            Box::pin(async move {
                let (tracker, before, text) = (tracker?, before?, text?);
                if !account_exists(connection, account).await? {
                    return Err(kept::no_account().into());
                }
                let query = match before {
                    None => sqlx::query(
                        "INSERT INTO documents (account, tracker, body) VALUES ($1, $2, $3) \
                         ON CONFLICT (account, tracker) DO NOTHING",
                    )
                    .bind(account.0)
                    .bind(tracker)
                    .bind(text),
                    Some(before) => {
                        sqlx::query("UPDATE documents SET body = $3 WHERE account = $1 AND tracker = $2 AND body = $4")
                            .bind(account.0)
                            .bind(tracker)
                            .bind(text)
                            .bind(before)
                    }
                };
                let done = query.execute(&mut *connection).await?;
                changed(connection, account, done.rows_affected()).await
            })
        })
    }
}

impl Items for SqlStore {
    fn item<'a>(&'a self, collection: &'a str, id: &'a str) -> Answer<'a, Option<Item>> {
        let (collection, id) = (kept::text(collection), kept::text(id));
        self.read(move |connection| {
            Box::pin(async move {
                let row = sqlx::query("SELECT id, account, place, body FROM items WHERE collection = $1 AND id = $2")
                    .bind(collection?)
                    .bind(id?)
                    .fetch_optional(connection)
                    .await?;
                row.map(|row| read(&mut Columns::of(&row))).transpose()
            })
        })
    }

    fn items<'a>(&'a self, collection: &'a str, account: AccountId, filter: ItemFilter) -> Answer<'a, Vec<Item>> {
        let collection = kept::text(collection);
        self.read(move |connection| {
            Box::pin(async move {
                let collection = collection?;
                let Some(last) = filter.last() else { return Ok(Vec::new()) };
                let rows = sqlx::query(if filter.newest_first { items_by!("DESC") } else { items_by!("ASC") })
                    .bind(collection)
                    .bind(account.0)
                    .bind(filter.from)
                    .bind(last)
                    .bind(i64::from(filter.limit))
                    .bind(i64::from(filter.offset))
                    .fetch_all(connection)
                    .await?;
                rows.iter().map(|row| read(&mut Columns::of(row))).collect()
            })
        })
    }

    fn count_items<'a>(&'a self, collection: &'a str, account: AccountId, filter: ItemFilter) -> Answer<'a, u64> {
        let collection = kept::text(collection);
        self.read(move |connection| {
            Box::pin(async move {
                let collection = collection?;
                let Some(last) = filter.last() else { return Ok(0) };
                let row = sqlx::query(concat!("SELECT COUNT(*)", item_filter!()))
                    .bind(collection)
                    .bind(account.0)
                    .bind(filter.from)
                    .bind(last)
                    .fetch_one(connection)
                    .await?;
                u64::try_from(Columns::of(&row).int()?).map_err(|_| Fault::Corrupt("a count"))
            })
        })
    }

    fn add_item<'a>(&'a self, collection: &'a str, item: Item) -> Answer<'a, bool> {
        let collection = kept::text(collection);
        self.write(move |connection| {
            Box::pin(async move {
                if !account_exists(connection, item.account).await? {
                    return Err(kept::no_account().into());
                }
                let done = sqlx::query(
                    "INSERT INTO items (collection, id, account, place, body) VALUES ($1, $2, $3, $4, $5) \
                     ON CONFLICT (collection, id) DO NOTHING",
                )
                .bind(collection?)
                .bind(kept::text(&item.id)?)
                .bind(item.account.0)
                .bind(item.place)
                .bind(kept::text(&item.body)?)
                .execute(&mut *connection)
                .await?;
                changed(connection, item.account, done.rows_affected()).await
            })
        })
    }

    fn replace_item<'a>(&'a self, collection: &'a str, before: &'a Item, after: Item) -> Answer<'a, bool> {
        let collection = kept::text(collection);
        let before = before.clone();
        self.write(move |connection| {
            Box::pin(async move {
                let texts = (collection?, kept::text(&before.id)?, kept::text(&before.body)?, kept::text(&after.body)?);
                if (&after.id, after.account) != (&before.id, before.account) {
                    return Err(kept::another_item().into());
                }
                let done = sqlx::query(
                    "UPDATE items SET place = $1, body = $2 \
                     WHERE collection = $3 AND id = $4 AND account = $5 AND place = $6 AND body = $7",
                )
                .bind(after.place)
                .bind(texts.3)
                .bind(texts.0)
                .bind(texts.1)
                .bind(before.account.0)
                .bind(before.place)
                .bind(texts.2)
                .execute(&mut *connection)
                .await?;
                changed(connection, before.account, done.rows_affected()).await
            })
        })
    }

    fn delete_item<'a>(&'a self, collection: &'a str, account: AccountId, id: &'a str) -> Answer<'a, bool> {
        let (collection, id) = (kept::text(collection), kept::text(id));
        self.write(move |connection| {
            Box::pin(async move {
                let done = sqlx::query("DELETE FROM items WHERE collection = $1 AND id = $2 AND account = $3")
                    .bind(collection?)
                    .bind(id?)
                    .bind(account.0)
                    .execute(&mut *connection)
                    .await?;
                changed(connection, account, done.rows_affected()).await
            })
        })
    }
}

/// Whether a statement changed a row; if so, it is told.
async fn changed(connection: &mut AnyConnection, account: AccountId, rows: u64) -> Result<bool, Fault> {
    if rows == 0 {
        return Ok(false);
    }
    tell(connection, SystemTime::now(), &EventKind::Document(account)).await?;
    Ok(true)
}

fn read(row: &mut Columns<'_>) -> Result<Item, Fault> {
    Ok(Item { id: row.text()?.into(), account: AccountId(row.int()?), place: row.int()?, body: row.text()? })
}
