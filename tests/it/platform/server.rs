//! A running program on either database, and people who use it.

use reqwest::{Method, RequestBuilder, Response, StatusCode};
use serde_json::{Value, json};
use weir_bench::server::{Server, succeeded};

use crate::{postgres, program::weir};

/// The password of everybody here.
pub const PASSWORD: &str = "correct horse";

/// Which database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Sqlite,
    Postgres,
}

/// The program, and a client for it.
pub struct Platform {
    pub server: Server,
    pub http: reqwest::Client,
    pub kind: Kind,
    /// The PostgreSQL database; `None` on SQLite.
    pub database_url: Option<String>,
}

/// Somebody with an account who has logged in.
#[derive(Debug, Clone)]
pub struct Person {
    pub token: String,
}

/// Makes of each `async fn case(platform: Platform)` two tests, `sqlite::case` and `postgres::case`.
macro_rules! on_both {
    ($($case:ident),+ $(,)?) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $case() {
                use crate::platform::server::{Kind, Platform};
                super::$case(Platform::start(Kind::Sqlite).await).await;
            })+
        }
        mod postgres {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $case() {
                use crate::platform::server::{Kind, Platform};
                super::$case(Platform::start(Kind::Postgres).await).await;
            })+
        }
    };
}
pub(crate) use on_both;

impl Platform {
    pub async fn start(kind: Kind) -> Self {
        Self::start_with(kind, &[]).await
    }

    /// With settings, as variables of the environment.
    pub async fn start_with(kind: Kind, settings: &[(&str, &str)]) -> Self {
        let database_url = match kind {
            Kind::Sqlite => None,
            Kind::Postgres => Some(postgres::new_database().await),
        };
        let mut environment = settings.to_vec();
        if let Some(url) = &database_url {
            environment.push(("WEIR_DATA_DATABASE_URL", url));
        }
        Self {
            server: Server::start_with(weir(), &environment).await.unwrap(),
            http: reqwest::Client::builder()
                .redirect(reqwest::redirect::Policy::none())
                .build()
                .unwrap(),
            kind,
            database_url,
        }
    }

    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.server.url())
    }

    /// The database's URL, for who changes it beside the server.
    pub fn database(&self) -> String {
        let file = || weir_db::Db::sqlite_url(&self.server.data_dir().join("weir.db"));
        self.database_url.clone().unwrap_or_else(file)
    }

    /// A request by nobody.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, self.url(path))
    }

    /// A request by somebody.
    pub fn by(&self, person: &Person, method: Method, path: &str) -> RequestBuilder {
        self.request(method, path).bearer_auth(&person.token)
    }

    /// Runs `weir …` beside the server and gives what it printed.
    pub fn command(&self, arguments: &[&str]) -> String {
        let output = self.server.command(arguments).output().unwrap();
        String::from_utf8(succeeded(&output).unwrap().to_vec()).unwrap()
    }

    /// Makes a user of this role by the command line, and logs in.
    pub async fn person(&self, name: &str, role: &str) -> Person {
        let mut create = self.server.command(&[
            "user",
            "create",
            "--name",
            name,
            "--role",
            role,
            "--password-stdin",
        ]);
        let mut child = create
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::null())
            .spawn()
            .unwrap();
        std::io::Write::write_all(&mut child.stdin.take().unwrap(), PASSWORD.as_bytes()).unwrap();
        assert!(child.wait().unwrap().success());
        self.log_in(name).await
    }

    pub async fn log_in(&self, name: &str) -> Person {
        let body = json!({"name": name, "password": PASSWORD});
        let answer = self.request(Method::POST, "/api/v1/login").json(&body);
        let answer = expect(answer, StatusCode::OK).await;
        Person {
            token: answer["token"].as_str().unwrap().to_owned(),
        }
    }

    /// A stream of this person; gives what creating it answered, its key included.
    pub async fn stream(&self, owner: &Person, slug: &str) -> Value {
        let request = self
            .by(owner, Method::POST, "/api/v1/streams")
            .json(&json!({"slug": slug}));
        expect(request, StatusCode::CREATED).await
    }
}

/// Sends a request that must be answered with this status; gives the JSON of the answer, or null.
pub async fn expect(request: RequestBuilder, status: StatusCode) -> Value {
    read(request.send().await.unwrap(), status).await
}

/// The same for an answer that is there.
pub async fn read(response: Response, status: StatusCode) -> Value {
    let got = response.status();
    let address = response.url().clone();
    let body = response.text().await.unwrap();
    assert_eq!(got, status, "{address}: {body}");
    serde_json::from_str(&body).unwrap_or(Value::Null)
}

/// Sends a request that must be refused with this status and code; gives the problem's detail.
pub async fn refused(request: RequestBuilder, status: StatusCode, code: &str) -> String {
    let problem = expect(request, status).await;
    assert_eq!(problem["code"], code, "{problem}");
    problem["detail"].as_str().unwrap_or_default().to_owned()
}
