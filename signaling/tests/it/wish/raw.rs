//! HTTP/1.1 by hand: what is sent is what stands in the test.

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::server::{Server, soon};

/// Media type of a session description.
pub const SDP: &str = "application/sdp";

/// Media type of trickled candidates.
pub const FRAGMENT: &str = "application/trickle-ice-sdpfrag";

/// A response as it came.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    /// Names in lower case, in order, repeated ones too.
    pub fields: Vec<(String, String)>,
    pub body: String,
}

impl Answer {
    /// The field of this name, which must be there once.
    pub fn field(&self, name: &str) -> &str {
        let all = self.all(name);
        assert_eq!(all.len(), 1, "{name}: {self:#?}");
        all[0]
    }

    /// All fields of this name.
    pub fn all(&self, name: &str) -> Vec<&str> {
        let of_name = self.fields.iter().filter(|(key, _)| key == name);
        of_name.map(|(_, value)| value.as_str()).collect()
    }

    /// A list field's members in lower case.
    pub fn list(&self, name: &str) -> Vec<String> {
        let values = self
            .all(name)
            .into_iter()
            .flat_map(|value| value.split(','));
        values.map(|it| it.trim().to_ascii_lowercase()).collect()
    }

    /// Checks status and problem document, and gives its detail.
    pub fn problem(&self, status: u16, code: &str) -> String {
        assert_eq!(self.status, status, "{self:#?}");
        assert_eq!(self.field("content-type"), "application/problem+json");
        let problem: serde_json::Value = serde_json::from_str(&self.body).unwrap();
        assert_eq!(problem["status"], status, "{problem}");
        assert_eq!(problem["code"], code, "{problem}");
        assert!(problem["title"].is_string(), "{problem}");
        problem["detail"].as_str().unwrap().to_owned()
    }

    /// Whether an empty body was sent, and said to be so.
    pub fn is_empty(&self) -> bool {
        self.body.is_empty() && self.all("transfer-encoding").is_empty()
    }
}

/// Sends a request line, fields and a body, and reads the answer to its end.
pub async fn send(server: &Server, request: &str, fields: &[(&str, &str)], body: &str) -> Answer {
    let mut connection = write(server, request, fields, body).await;
    let mut bytes = Vec::new();
    soon("the answer", connection.read_to_end(&mut bytes))
        .await
        .unwrap();
    let (head, body) = head(&bytes).expect("a whole head");
    let chunked = head.all("transfer-encoding") == ["chunked"];
    assert!(!chunked, "an answer of unknown length: {head:#?}");
    Answer {
        body: String::from_utf8(body.to_vec()).unwrap(),
        ..head
    }
}

/// Sends a request and gives the connection, for answers that have no end.
pub async fn write(
    server: &Server,
    request: &str,
    fields: &[(&str, &str)],
    body: &str,
) -> TcpStream {
    let host = server.base.strip_prefix("http://").unwrap();
    let mut text = format!("{request} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n");
    for (name, value) in fields {
        text += &format!("{name}: {value}\r\n");
    }
    if !body.is_empty() || request.starts_with("POST") || request.starts_with("PATCH") {
        text += &format!("Content-Length: {}\r\n", body.len());
    }
    text += "\r\n";
    let mut connection = TcpStream::connect(host).await.unwrap();
    connection.write_all(text.as_bytes()).await.unwrap();
    connection.write_all(body.as_bytes()).await.unwrap();
    connection
}

/// The head of a response, once it is whole, and what came after it.
pub fn head(bytes: &[u8]) -> Option<(Answer, &[u8])> {
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n")?;
    let text = std::str::from_utf8(&bytes[..end]).unwrap();
    let mut lines = text.split("\r\n");
    let status = lines.next().unwrap();
    let status = status.strip_prefix("HTTP/1.1 ").unwrap()[..3].parse();
    let fields = lines.map(|line| {
        let (name, value) = line.split_once(':').unwrap();
        (name.to_ascii_lowercase(), value.trim().to_owned())
    });
    let answer = Answer {
        status: status.unwrap(),
        fields: fields.collect(),
        body: String::new(),
    };
    Some((answer, &bytes[end + 4..]))
}

/// The values of all lines of a session description that begin so.
pub fn lines<'a>(sdp: &'a str, prefix: &'a str) -> Vec<&'a str> {
    assert!(sdp.ends_with("\r\n"), "the last line is not ended");
    sdp.split("\r\n")
        .filter_map(|line| line.strip_prefix(prefix))
        .collect()
}

/// The media sections of a session description, with their `m=` lines.
pub fn sections(sdp: &str) -> Vec<&str> {
    sdp.split("\r\nm=").skip(1).collect()
}
