//! The `Link` header fields of an answer (RFC 8288), as the browser gives them: one text, joined by commas.

/// A STUN or TURN server (RFC 9725, section 4.6).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IceServer {
    pub url: String,
    /// For TURN.
    pub username: Option<String>,
    /// For TURN.
    pub credential: Option<String>,
}

/// The ICE servers among the links.
pub fn ice_servers(links: &str) -> Vec<IceServer> {
    let servers = each(links).filter(|(_, parameters)| has_relation(parameters, "ice-server"));
    servers
        .map(|(url, parameters)| IceServer {
            url: url.to_owned(),
            username: parameter(parameters, "username"),
            credential: parameter(parameters, "credential"),
        })
        .collect()
}

/// The target of the first link with this relation.
pub fn with_relation(links: &str, relation: &str) -> Option<String> {
    each(links)
        .find(|(_, parameters)| has_relation(parameters, relation))
        .map(|(target, _)| target.to_owned())
}

/// Targets and their parameters. Targets are between angle brackets, where no comma separates, and no
/// parameter that we give has one.
fn each(links: &str) -> impl Iterator<Item = (&str, &str)> {
    links.split('<').skip(1).filter_map(|it| it.split_once('>'))
}

fn has_relation(parameters: &str, relation: &str) -> bool {
    parameter(parameters, "rel").as_deref() == Some(relation)
}

fn parameter(parameters: &str, name: &str) -> Option<String> {
    let begins = format!("{name}=\"");
    let mut rest = parameters;
    while let Some(at) = rest.find(&begins) {
        let (before, after) = rest.split_at(at);
        let value = &after[begins.len()..];
        if before.is_empty() || before.ends_with([';', ' ', '\t']) {
            return value.split_once('"').map(|(value, _)| value.to_owned());
        }
        rest = value;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINKS: &str = "<stun:stun.example>; rel=\"ice-server\", <turn:t.example?transport=udp>; \
        rel=\"ice-server\"; username=\"1,2:x\"; credential=\"a,b+/=\"; credential-type=\"password\", \
        </whep/session/7/layer>; rel=\"urn:ietf:params:whep:ext:core:layer\"";

    #[test]
    fn servers_come_with_their_credentials() {
        let server = |url: &str, username: Option<&str>, credential: Option<&str>| IceServer {
            url: url.to_owned(),
            username: username.map(str::to_owned),
            credential: credential.map(str::to_owned),
        };
        assert_eq!(
            ice_servers(LINKS),
            [
                server("stun:stun.example", None, None),
                server(
                    "turn:t.example?transport=udp",
                    Some("1,2:x"),
                    Some("a,b+/=")
                ),
            ]
        );
        assert_eq!(ice_servers(""), []);
        assert_eq!(ice_servers("</a>; rel=\"next\""), []);
    }

    #[test]
    fn a_target_is_found_by_its_relation_alone() {
        let layer = "urn:ietf:params:whep:ext:core:layer";
        assert_eq!(
            with_relation(LINKS, layer).as_deref(),
            Some("/whep/session/7/layer")
        );
        assert_eq!(
            with_relation("<stun:stun.example>; rel=\"ice-server\"", layer),
            None
        );
        assert_eq!(
            with_relation("</a>; title=\"rel=\"; rel=\"b\"", "b").as_deref(),
            Some("/a")
        );
        assert_eq!(with_relation("", layer), None);
    }
}
