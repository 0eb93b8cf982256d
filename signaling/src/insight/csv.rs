//! Tables for spreadsheets, sent as they are read.

use axum::{
    body::Body,
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use futures_util::{Stream, StreamExt, TryStreamExt};

use crate::ApiError;

/// One row.
pub(crate) type Row = Vec<String>;

/// A table whose rows come in pages, sent as a file of this name (plain ASCII without quotes). An
/// error after the first page breaks the transfer off, so that a table that ends early does not look
/// whole; one with the first page is answered as such.
pub(crate) async fn table(
    name: &str,
    columns: &[&str],
    pages: impl Stream<Item = Result<Vec<Row>, ApiError>> + Send + 'static,
) -> Result<Response, ApiError> {
    let mut pages = Box::pin(pages);
    let first = pages.next().await.transpose()?.unwrap_or_default();
    let head = columns.iter().map(|column| (*column).to_owned()).collect();
    let mut top = vec![head];
    top.extend(first);
    let rest = pages.map_ok(|rows| encode(&rows));
    let all = futures_util::stream::once(async move { Ok(encode(&top)) }).chain(rest);
    let disposition = format!("attachment; filename=\"{name}.csv\"");
    let disposition = HeaderValue::try_from(disposition).map_err(|_| ApiError::Internal)?;
    let headers = [
        (
            header::CONTENT_TYPE,
            HeaderValue::from_static("text/csv; charset=utf-8"),
        ),
        (header::CONTENT_DISPOSITION, disposition),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    Ok((headers, Body::from_stream(all)).into_response())
}

/// RFC 4180.
fn encode(rows: &[Row]) -> Bytes {
    let mut writer = csv::WriterBuilder::new()
        .terminator(csv::Terminator::CRLF)
        .from_writer(Vec::new());
    for row in rows {
        let cells = row.iter().map(|cell| guarded(cell).into_owned());
        writer
            .write_record(cells)
            .expect("rows of one width into memory");
    }
    writer.into_inner().expect("nothing fails in memory").into()
}

/// Spreadsheets take a cell that begins with one of these for a formula, and titles are written by
/// others. A quote in front makes it a text.
fn guarded(cell: &str) -> std::borrow::Cow<'_, str> {
    if cell.starts_with(['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠']) {
        return format!("'{cell}").into();
    }
    cell.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_texts_and_not_formulas() {
        let row = |cells: &[&str]| cells.iter().map(|cell| (*cell).to_owned()).collect();
        let text = encode(&[
            row(&["=1+1", "@SUM(A1)", "-2", "+3", "\tx"]),
            row(&["a,b", "say \"hi\"", "two\nlines", "12.5", ""]),
        ]);
        let expected =
            "'=1+1,'@SUM(A1),'-2,'+3,'\tx\r\n\"a,b\",\"say \"\"hi\"\"\",\"two\nlines\",12.5,\r\n";
        assert_eq!(text, expected);
    }

    #[tokio::test]
    async fn pages_follow_the_head() {
        let pages = futures_util::stream::iter([
            Ok(vec![vec!["1".to_owned()]]),
            Ok(vec![vec!["2".to_owned()], vec!["3".to_owned()]]),
        ]);
        let response = table("t", &["n"], pages).await.expect("a table");
        let body = axum::body::to_bytes(response.into_body(), 100).await;
        assert_eq!(body.expect("a body"), "n\r\n1\r\n2\r\n3\r\n");
        let broken = futures_util::stream::iter([Err(ApiError::Internal)]);
        assert!(table("t", &["n"], broken).await.is_err());
    }
}
