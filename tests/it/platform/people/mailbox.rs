//! A mail server that keeps what it is given (RFC 5321).

use std::sync::{Arc, Mutex};

use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
};

use crate::program::until;

/// A mail.
#[derive(Debug, Clone)]
pub struct Received {
    pub to: String,
    pub subject: String,
    pub body: String,
}

/// The server.
#[derive(Clone)]
pub struct Mailbox {
    pub url: String,
    mails: Arc<Mutex<Vec<Received>>>,
}

impl Mailbox {
    pub async fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mailbox = Self {
            url: format!("smtp://{}", listener.local_addr().unwrap()),
            mails: Arc::default(),
        };
        let mails = mailbox.mails.clone();
        tokio::spawn(async move {
            loop {
                let (connection, _) = listener.accept().await.unwrap();
                tokio::spawn(serve(connection, mails.clone()));
            }
        });
        mailbox
    }

    pub fn mails(&self) -> Vec<Received> {
        self.mails.lock().unwrap().clone()
    }

    /// The newest mail to an address whose subject holds these words, once there is one.
    pub async fn mail(&self, to: &str, words: &str) -> Received {
        let find = || {
            let mails = self.mails();
            let mut fitting = mails.into_iter().rev();
            fitting.find(|mail| mail.to == to && mail.subject.contains(words))
        };
        until(&format!("a mail to {to} about {words}"), || async {
            find().is_some()
        })
        .await;
        find().unwrap()
    }
}

impl Received {
    /// The token in the link.
    pub fn token(&self) -> String {
        let (_, rest) = self.body.split_once("token=").expect("a link");
        rest.split_whitespace().next().unwrap().to_owned()
    }
}

async fn serve(connection: TcpStream, mails: Arc<Mutex<Vec<Received>>>) {
    let (read, mut write) = connection.into_split();
    let mut lines = BufReader::new(read).lines();
    write.write_all(b"220 mailbox\r\n").await.unwrap();
    let mut to = String::new();
    while let Ok(Some(line)) = lines.next_line().await {
        let word = line.to_ascii_uppercase();
        let answer: &[u8] = if word.starts_with("EHLO") {
            b"250 mailbox\r\n"
        } else if word.starts_with("RCPT TO:") {
            to = line[8..].split(['<', '>']).nth(1).unwrap().to_owned();
            b"250 yes\r\n"
        } else if word.starts_with("DATA") {
            write.write_all(b"354 go on\r\n").await.unwrap();
            let mut text = String::new();
            while let Ok(Some(line)) = lines.next_line().await {
                if line == "." {
                    break;
                }
                text += line.strip_prefix('.').unwrap_or(&line);
                text.push('\n');
            }
            mails.lock().unwrap().push(read_mail(&to, &text));
            b"250 taken\r\n"
        } else if word.starts_with("QUIT") {
            let _ = write.write_all(b"221 bye\r\n").await;
            return;
        } else {
            b"250 yes\r\n"
        };
        if write.write_all(answer).await.is_err() {
            return;
        }
    }
}

fn read_mail(to: &str, text: &str) -> Received {
    let (head, body) = text.split_once("\n\n").expect("a head and a body");
    let head = head.replace("\n ", " ");
    let field = |name: &str| {
        let mut lines = head.lines();
        let value = lines.find_map(|line| line.strip_prefix(&format!("{name}: ")));
        value.unwrap_or_default().to_owned()
    };
    let body = match field("Content-Transfer-Encoding").as_str() {
        "quoted-printable" => unquoted(body),
        "7bit" => body.to_owned(),
        other => panic!("a body in {other}"),
    };
    Received {
        to: to.to_owned(),
        subject: field("Subject"),
        body,
    }
}

/// RFC 2045 section 6.7.
fn unquoted(text: &str) -> String {
    let text = text.replace("=\n", "");
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        if *first == b'=' {
            let digits = std::str::from_utf8(&tail[..2]).unwrap();
            bytes.push(u8::from_str_radix(digits, 16).unwrap());
            rest = &tail[2..];
        } else {
            bytes.push(*first);
            rest = tail;
        }
    }
    String::from_utf8(bytes).unwrap()
}
