//! What carries the media of a WebRTC session: the candidate pair that is in use (webrtc-stats).

/// What carries media to this browser.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Carrier {
    /// UDP, as it should be.
    Udp,
    /// TCP: a network that blocks UDP.
    Tcp,
    /// A TURN server: a network that blocks the direct way.
    Relay,
}

impl Carrier {
    /// The word in `data-carrier`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Udp => "udp",
            Self::Tcp => "tcp",
            Self::Relay => "relay",
        }
    }
}

/// What of a report says which pair is in use. Its entries come in any order.
#[derive(Debug, Default)]
pub struct Pairs {
    /// Name, local candidate, and whether it was nominated and works.
    pairs: Vec<(String, String, bool)>,
    locals: Vec<(String, Carrier)>,
    selected: Option<String>,
}

impl Pairs {
    /// Takes an entry, by its members that are words and those that are true.
    pub fn take(&mut self, word: impl Fn(&str) -> Option<String>, is: impl Fn(&str) -> bool) {
        let name = |member| word(member).unwrap_or_default();
        match name("type").as_str() {
            "transport" => self.selected = word("selectedCandidatePairId").or(self.selected.take()),
            "candidate-pair" => {
                // Firefox says `selected`, and has no transports in its report.
                let works = is("selected") || (is("nominated") && name("state") == "succeeded");
                self.pairs
                    .push((name("id"), name("localCandidateId"), works));
            }
            "local-candidate" => {
                let carrier = match (name("candidateType").as_str(), name("protocol").as_str()) {
                    ("relay", _) => Carrier::Relay,
                    (_, "tcp") => Carrier::Tcp,
                    _ => Carrier::Udp,
                };
                self.locals.push((name("id"), carrier));
            }
            _ => {}
        }
    }

    /// What carries media; none while no pair is in use.
    pub fn carrier(&self) -> Option<Carrier> {
        let in_use = |(id, _, works): &&(String, String, bool)| match &self.selected {
            Some(selected) => id == selected,
            None => *works,
        };
        let (_, local, _) = self.pairs.iter().find(in_use)?;
        let candidate = self.locals.iter().find(|(id, _)| id == local);
        candidate.map(|(_, carrier)| *carrier)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(entries: &[&[(&str, &str)]]) -> Option<Carrier> {
        let mut pairs = Pairs::default();
        for entry in entries {
            let find = |name: &str| entry.iter().find(|(member, _)| *member == name);
            let word = |name: &str| find(name).map(|(_, value)| (*value).to_owned());
            pairs.take(word, |name| find(name).is_some_and(|(_, it)| *it == "true"));
        }
        pairs.carrier()
    }

    const UDP: &[(&str, &str)] = &[
        ("type", "local-candidate"),
        ("id", "U"),
        ("candidateType", "prflx"),
        ("protocol", "udp"),
    ];
    const TCP: &[(&str, &str)] = &[
        ("type", "local-candidate"),
        ("id", "T"),
        ("candidateType", "host"),
        ("protocol", "tcp"),
    ];
    const RELAY: &[(&str, &str)] = &[
        ("type", "local-candidate"),
        ("id", "R"),
        ("candidateType", "relay"),
        ("protocol", "udp"),
        ("relayProtocol", "tls"),
    ];

    fn pair<'a>(id: &'a str, local: &'a str, state: &'a str) -> [(&'a str, &'a str); 5] {
        [
            ("type", "candidate-pair"),
            ("id", id),
            ("localCandidateId", local),
            ("nominated", "true"),
            ("state", state),
        ]
    }

    #[test]
    fn the_pair_in_use_counts() {
        let transport = [("type", "transport"), ("selectedCandidatePairId", "2")];
        // An older pair stays nominated after the path has changed.
        let (old, new) = (pair("1", "U", "succeeded"), pair("2", "T", "succeeded"));
        assert_eq!(
            report(&[&old, UDP, &transport, TCP, &new]),
            Some(Carrier::Tcp)
        );
        assert_eq!(
            report(&[&pair("1", "U", "succeeded"), UDP]),
            Some(Carrier::Udp)
        );
        assert_eq!(
            report(&[RELAY, &pair("1", "R", "succeeded")]),
            Some(Carrier::Relay)
        );
        assert_eq!(report(&[UDP, &pair("1", "U", "failed")]), None);
        assert_eq!(report(&[UDP, TCP]), None);
    }
}
