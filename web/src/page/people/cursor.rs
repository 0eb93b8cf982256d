//! Addresses of lists that come in pages.

/// The address of the page that begins at a cursor.
pub fn page_of(address: &str, cursor: Option<String>) -> String {
    match cursor {
        Some(cursor) => {
            let joint = if address.contains('?') { '&' } else { '?' };
            format!(
                "{address}{joint}cursor={}",
                js_sys::encode_uri_component(&cursor)
            )
        }
        None => address.to_owned(),
    }
}
