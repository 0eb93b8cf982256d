//! The template of the modules' pages, in which `%name%` stands for the address of a packed file.

use anyhow::{Result, bail};

/// The page while its placeholders are filled.
#[derive(Clone)]
pub struct Page(String);

impl Page {
    /// A page with placeholders.
    pub fn new(template: String) -> Self {
        Self(template)
    }

    /// Writes `address` wherever the page names `%name%`.
    pub fn fill(&mut self, name: &str, address: &str) {
        self.0 = self.0.replace(&format!("%{name}%"), address);
    }

    /// The page, or an error that names the first placeholder nobody filled.
    pub fn finish(self) -> Result<String> {
        let mut parts = self.0.split('%');
        parts.next();
        if let Some(left) = parts.next() {
            bail!("index.html names %{left}%, which is not packed");
        }
        Ok(self.0)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn fills_every_mention() {
        let mut page = Page::new("<a href=%x.js%><b src=%x.js%>".to_owned());
        page.fill("x.js", "/assets/x-1.js");
        assert_eq!(
            page.finish().unwrap(),
            "<a href=/assets/x-1.js><b src=/assets/x-1.js>"
        );
    }

    #[test]
    fn a_forgotten_file_is_an_error_that_names_it() {
        let error = Page::new("<a href=%y.css%>".to_owned())
            .finish()
            .unwrap_err();
        assert!(error.to_string().contains("%y.css%"), "{error}");
    }
}
