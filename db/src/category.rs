//! What streams are about: a list that admins keep.

use sqlx::{Any, Row, Transaction, any::AnyRow};

use crate::{CategoryId, Db, DbError, Result, error::storable, image};

/// A category's row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Category {
    /// Row id.
    pub id: CategoryId,
    /// Name in addresses.
    pub slug: String,
    /// Name for people.
    pub name: String,
    /// Id of an image.
    pub image: Option<String>,
    /// Counts changes, for entity tags.
    pub version: i64,
}

/// A category to make, or what an edit makes of one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewCategory {
    /// Name in addresses.
    pub slug: String,
    /// Name for people.
    pub name: String,
    /// Id of an image.
    pub image: Option<String>,
}

impl Db {
    /// Makes a category. `Conflict` of `slug`.
    pub async fn create_category(&self, new: NewCategory) -> Result<Category> {
        check(&new)?;
        let id = CategoryId::fresh();
        let mut tx = self.begin_write().await?;
        want_image(&mut tx, &new).await?;
        sqlx::query("INSERT INTO categories (id, slug, name, image) VALUES ($1, $2, $3, $4)")
            .bind(id.0)
            .bind(&*new.slug)
            .bind(&*new.name)
            .bind(new.image.as_deref())
            .execute(&mut *tx)
            .await?;
        tx.commit().await?;
        Ok(Category {
            id,
            slug: new.slug,
            name: new.name,
            image: new.image,
            version: 1,
        })
    }

    /// Changes a category if it is still of this version; gives whether it was. Streams that carry its
    /// name are found by the new one after the next [`Db::index_streams`]. `NotFound`, or `Conflict` of
    /// `slug`.
    pub async fn edit_category(
        &self,
        id: CategoryId,
        version: i64,
        new: &NewCategory,
    ) -> Result<bool> {
        check(new)?;
        let mut tx = self.begin_write().await?;
        want_image(&mut tx, new).await?;
        let changed = sqlx::query(
            "UPDATE categories SET slug = $3, name = $4, image = $5, version = version + 1
             WHERE id = $1 AND version = $2",
        )
        .bind(id.0)
        .bind(version)
        .bind(&*new.slug)
        .bind(&*new.name)
        .bind(new.image.as_deref())
        .execute(&mut *tx)
        .await?
        .rows_affected();
        if changed == 0 {
            return Ok(false);
        }
        sqlx::query("UPDATE streams SET indexed = 0 WHERE category_id = $1")
            .bind(id.0)
            .execute(&mut *tx)
            .await?;
        tx.commit().await?;
        Ok(true)
    }

    /// Removes a category; its streams are without one then. `NotFound`.
    pub async fn delete_category(&self, id: CategoryId) -> Result<()> {
        let mut tx = self.begin_write().await?;
        sqlx::query("UPDATE streams SET indexed = 0, version = version + 1 WHERE category_id = $1")
            .bind(id.0)
            .execute(&mut *tx)
            .await?;
        let changed = sqlx::query("DELETE FROM categories WHERE id = $1")
            .bind(id.0)
            .execute(&mut *tx)
            .await?
            .rows_affected();
        if changed == 0 {
            return Err(DbError::NotFound { what: "category" });
        }
        tx.commit().await?;
        Ok(())
    }

    /// The category with this slug.
    pub async fn category_by_slug(&self, slug: &str) -> Result<Option<Category>> {
        if slug.contains('\0') {
            return Ok(None);
        }
        let row =
            sqlx::query("SELECT id, slug, name, image, version FROM categories WHERE slug = $1")
                .bind(slug)
                .fetch_optional(self.reads())
                .await?;
        Ok(row.as_ref().map(from_row).transpose()?)
    }

    /// Categories by slug, after this one, at most `limit`.
    pub async fn list_categories(&self, after: Option<&str>, limit: u32) -> Result<Vec<Category>> {
        let after = after.unwrap_or_default();
        storable("cursor", after)?;
        let rows = sqlx::query(
            "SELECT id, slug, name, image, version FROM categories WHERE slug > $1 ORDER BY slug LIMIT $2",
        )
        .bind(after)
        .bind(i64::from(limit))
        .fetch_all(self.reads())
        .await?;
        Ok(rows.iter().map(from_row).collect::<sqlx::Result<_>>()?)
    }
}

/// `NotFound` for a picture that is not there.
async fn want_image(tx: &mut Transaction<'static, Any>, new: &NewCategory) -> Result<()> {
    match &new.image {
        Some(id) => image::want(tx, &id.parse()?).await,
        None => Ok(()),
    }
}

fn check(new: &NewCategory) -> Result<()> {
    storable("slug", &new.slug)?;
    storable("name", &new.name)?;
    storable("image", new.image.as_deref().unwrap_or_default())
}

fn from_row(row: &AnyRow) -> sqlx::Result<Category> {
    Ok(Category {
        id: CategoryId(row.try_get("id")?),
        slug: row.try_get("slug")?,
        name: row.try_get("name")?,
        image: row.try_get("image")?,
        version: row.try_get("version")?,
    })
}
