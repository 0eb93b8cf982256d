//! Who gets in.

use super::*;

#[test]
fn the_first_answer_asks_for_credentials() {
    let mut world = World::new();
    let user = User::new(client(5_000), "viewer");
    let answer = user
        .ask_openly(&mut world, kind::ALLOCATE, &[TRANSPORT_UDP])
        .unwrap();
    assert_eq!(answer.code(), 401);
    let message = answer.message();
    assert!(message.attribute(NONCE).is_some());
    let algorithms = message.attribute(PASSWORD_ALGORITHMS);
    assert_eq!(algorithms, Some(&super::super::auth::ALGORITHMS[..]));
    // With the headers of IP and UDP, no more than twice what was asked.
    assert!(
        answer.bytes.len() + 28 <= 2 * (28 + 28),
        "{}",
        answer.bytes.len()
    );
    assert_eq!(world.server.stats().challenges, 1);
    assert_eq!(world.server.stats().refused(Refusal::Unauthorized), 0);
}

#[test]
fn what_would_be_amplified_is_not_answered() {
    let mut world = World::new();
    let user = User::new(client(5_000), "viewer");
    assert!(user.ask_openly(&mut world, kind::ALLOCATE, &[]).is_none());
    let stream = Client {
        transport: Transport::Stream,
        ..client(5_000)
    };
    let user = User::new(stream, "viewer");
    let answer = user.ask_openly(&mut world, kind::ALLOCATE, &[]).unwrap();
    assert_eq!(answer.code(), 401, "no forged source over TCP");
    assert_eq!(world.server.stats().unanswered, 1);
}

#[test]
fn right_credentials_get_an_allocation_by_either_hash() {
    let mut world = World::new();
    let choices = [None, Some(Algorithm::Md5), Some(Algorithm::Sha256)];
    for (port, algorithm) in (5_000..).zip(choices) {
        let mut user = User::greeted(&mut world, client(port), "viewer");
        user.algorithm = algorithm;
        let answer = user.ask(&mut world, kind::ALLOCATE, &[TRANSPORT_UDP]);
        assert_eq!(answer.code(), 0, "{algorithm:?}");
    }
    assert_eq!(world.server.stats().allocations, 3);
}

#[test]
fn wrong_and_ended_credentials_do_not() {
    let mut world = World::new();
    let right = User::greeted(&mut world, client(5_000), "viewer");
    let refused = |world: &mut World, user: &User, wanted: u16| {
        let answer = user.ask(world, kind::ALLOCATE, &[TRANSPORT_UDP]);
        assert_eq!(answer.code(), wanted, "{:?}", user.credentials);
        assert_eq!(world.server.stats().allocations, 0);
    };
    let mut user = right.clone();
    user.credentials.password.push('x');
    refused(&mut world, &user, 401);
    user.credentials = credentials_of("somebody else");
    user.credentials.username = right.credentials.username.clone();
    refused(&mut world, &user, 401);
    // Made with another secret; and with the right one, but without an end.
    let now = UNIX_EPOCH + Duration::from_secs(EPOCH);
    user.credentials = credentials::issue(b"south", "viewer", now, Duration::from_secs(60));
    refused(&mut world, &user, 401);
    user.credentials = Credentials {
        username: "viewer".to_owned(),
        password: credentials::password(SECRET, "viewer"),
    };
    refused(&mut world, &user, 401);
    user.credentials = credentials::issue(SECRET, "viewer", now, Duration::from_secs(60));
    assert!(world.pass(60).is_empty());
    refused(&mut world, &user, 401);
    // A user name that is longer than any of ours, though it is right.
    user.credentials = credentials_of(&"x".repeat(200));
    refused(&mut world, &user, 401);
    assert_eq!(world.server.stats().refused(Refusal::Unauthorized), 6);
    let answer = right.ask(&mut world, kind::ALLOCATE, &[TRANSPORT_UDP]);
    assert_eq!(answer.code(), 0);
}

#[test]
fn a_nonce_is_its_clients_and_ends() {
    let mut world = World::new();
    let (mut user, relayed) = User::allocated(&mut world, client(5_000), "viewer");
    let mut other = user.clone();
    other.client = client(5_001);
    let answer = other.ask(&mut world, kind::ALLOCATE, &[TRANSPORT_UDP]);
    assert_eq!(answer.code(), 438, "a captured request is of no use");
    other.take_nonce(&answer);
    assert_eq!(
        other
            .ask(&mut world, kind::ALLOCATE, &[TRANSPORT_UDP])
            .code(),
        0
    );
    for _ in 0..4 {
        assert_eq!(user.permit(&mut world, &media()[..1]), 0);
        assert_eq!(world.media_says(relayed, media()[0], b"x", 1).len(), 1);
        assert_eq!(user.ask(&mut world, kind::REFRESH, &[]).code(), 0);
        world.pass(500);
    }
    let answer = user.ask(&mut world, kind::REFRESH, &[]);
    assert_eq!(answer.code(), 438);
    user.take_nonce(&answer);
    assert_eq!(user.ask(&mut world, kind::REFRESH, &[]).code(), 0);
}

#[test]
fn half_of_the_credentials_is_a_bad_request() {
    let mut world = World::new();
    let user = User::greeted(&mut world, client(5_000), "viewer");
    let name = user.credentials.username.clone();
    let all: [(u16, &[u8]); 3] = [
        (USERNAME, name.as_bytes()),
        (REALM, REALM_NAME.as_bytes()),
        (NONCE, &user.nonce),
    ];
    for left_out in 0..3 {
        let mut request = Vec::new();
        let transaction = world.transaction();
        let mut writer = Writer::new(&mut request, kind::ALLOCATE, &transaction);
        for (kind, value) in all
            .iter()
            .enumerate()
            .filter(|(n, _)| *n != left_out)
            .map(|it| it.1)
        {
            writer.attribute(*kind, value);
        }
        writer.integrity(&user.key());
        assert_eq!(user.send(&mut world, &request).unwrap().code(), 400);
    }
    // A password algorithm without the list that it was chosen from, another list, one not in it.
    let lists: [(&[u8], &[u8]); 4] = [
        (&[], &[0, 1, 0, 0]),
        (&[0, 1, 0, 0], &[0, 1, 0, 0]),
        (&super::super::auth::ALGORITHMS, &[0, 3, 0, 0]),
        (&super::super::auth::ALGORITHMS, &[]),
    ];
    for (offered, chosen) in lists {
        let mut request = Vec::new();
        let transaction = world.transaction();
        let mut writer = Writer::new(&mut request, kind::ALLOCATE, &transaction);
        for (kind, value) in &all {
            writer.attribute(*kind, value);
        }
        if !offered.is_empty() {
            writer.attribute(PASSWORD_ALGORITHMS, offered);
        }
        if !chosen.is_empty() {
            writer.attribute(PASSWORD_ALGORITHM, chosen);
        }
        writer.integrity_sha256(&user.key());
        assert_eq!(user.send(&mut world, &request).unwrap().code(), 400);
    }
}

#[test]
fn an_allocation_is_its_users() {
    let mut world = World::new();
    let (user, _) = User::allocated(&mut world, client(5_000), "viewer");
    let mut thief = user.clone();
    thief.credentials = credentials_of("thief");
    assert_eq!(thief.ask(&mut world, kind::REFRESH, &[]).code(), 441);
    assert_eq!(thief.permit(&mut world, &media()[..1]), 441);
    assert_eq!(thief.bind(&mut world, 0x4000, media()[0]), 441);
    assert_eq!(world.server.stats().refused(Refusal::WrongCredentials), 3);
}

#[test]
fn anybody_may_ask_where_it_is_but_not_often() {
    let mut world = World::new();
    let user = User::new(client(5_000), "viewer");
    let ask = |world: &mut World| user.ask_openly(world, kind::BINDING, &[]);
    let answer = ask(&mut world).unwrap();
    let seen = answer.address(super::super::attribute::XOR_MAPPED_ADDRESS);
    assert_eq!(seen, user.client.peer);
    let answered = (0..1_000).filter(|_| ask(&mut world).is_some()).count();
    assert!(answered < 100, "{answered}");
    world.pass(1);
    assert!(ask(&mut world).is_some());
}

#[test]
fn credentials_end_with_their_session() {
    let mut world = World::new();
    let who = credentials::pseudonym(SECRET, "session 1");
    let (user, relayed) = User::allocated(&mut world, client(5_000), &who);
    let (other, _) = User::allocated(&mut world, client(5_001), "another");
    let now = world.now();
    world.server.session_ended(now, "session 1");
    assert_eq!(world.server.stats().ended, 1);
    // A player that comes back at once may know no other credentials yet.
    let returns = User::greeted(&mut world, client(5_002), &who);
    world.pass(59);
    let allocate = |world: &mut World, user: &User| {
        let answer = user.ask(world, kind::ALLOCATE, &[TRANSPORT_UDP]);
        (answer.code(), answer)
    };
    assert_eq!(allocate(&mut world, &returns).0, 0);
    world.pass(1);
    let mut late = User::greeted(&mut world, client(5_003), &who);
    let (code, answer) = allocate(&mut world, &late);
    assert_eq!(code, 401);
    late.take_nonce(&answer);
    assert_eq!(
        allocate(&mut world, &late).0,
        401,
        "a fresh nonce is no help"
    );
    // Under the same user name with another end, too.
    let later = UNIX_EPOCH + Duration::from_secs(EPOCH + 60);
    late.credentials = credentials::issue(SECRET, &who, later, Duration::from_secs(86_400));
    assert_eq!(allocate(&mut world, &late).0, 401);
    let others = User::greeted(&mut world, client(5_004), "another");
    assert_eq!(allocate(&mut world, &others).0, 0);
    // Nobody speaks through what is allocated: it ends, however often it is refreshed.
    for _ in 0..9 {
        world.pass(60);
        user.ask(&mut world, kind::REFRESH, &[]);
    }
    assert_eq!(user.ask(&mut world, kind::REFRESH, &[]).code(), 437);
    assert_eq!(
        other.ask(&mut world, kind::REFRESH, &[]).code(),
        437,
        "unused as well"
    );
    assert!(world.media_says(relayed, media()[0], b"x", 1).is_empty());
    assert_eq!(allocate(&mut world, &user).0, 401);
}

#[test]
fn an_ended_sessions_allocation_that_another_session_uses_lives_on() {
    let mut world = World::new();
    let who = credentials::pseudonym(SECRET, "session 1");
    let (user, relayed) = User::allocated(&mut world, client(5_000), &who);
    let now = world.now();
    world.server.session_ended(now, "session 1");
    for _ in 0..10 {
        assert_eq!(user.permit(&mut world, &media()[..1]), 0);
        world.pass(250);
        assert_eq!(world.media_says(relayed, media()[0], b"x", 1).len(), 1);
        let answer = user.ask(&mut world, kind::REFRESH, &[]);
        match answer.code() {
            0 => assert_eq!(answer.lifetime(), 600),
            438 => break,
            code => panic!("{code}"),
        }
    }
    assert_eq!(world.server.stats().allocations, 1);
}

#[test]
fn an_answer_to_a_stranger_is_at_most_twice_the_question() {
    let mut world = World::new();
    let user = User::new(client(5_000), "viewer");
    let kinds = [
        kind::BINDING,
        kind::ALLOCATE,
        kind::REFRESH,
        kind::CREATE_PERMISSION,
        kind::CHANNEL_BIND,
        kind::SEND,
        kind::DATA,
        kind::BINDING_INDICATION,
    ];
    let stuffing = [0x5a; 1_200];
    let mut answered = 0;
    for kind in kinds {
        // Nothing, half of what is needed, credentials of nobody; each short and long.
        for len in [0, 1, 4, 20, 100, 1_200] {
            for attributes in [
                &[(USERNAME, &stuffing[..len])][..],
                &[(REALM, &stuffing[..len]), (NONCE, &stuffing[..len])],
                &[(0x0008, &stuffing[..20]), (USERNAME, &stuffing[..len])],
                &[(USERNAME, &stuffing[..len]), (0x0008, &stuffing[..20])],
                &[],
            ] {
                world.passed += Duration::from_millis(100);
                let mut question = Vec::new();
                let transaction = world.transaction();
                let mut writer = Writer::new(&mut question, kind, &transaction);
                for (kind, value) in attributes {
                    writer.attribute(*kind, value);
                }
                let answers = world.say(&user.client, &question);
                assert!(answers.len() <= 1);
                for said in answers {
                    let Said::Client(to, answer, _) = said else {
                        panic!("{said:?}");
                    };
                    assert_eq!(to, user.client);
                    assert!(answer.len() + 28 <= 2 * (question.len() + 28));
                    answered += 1;
                }
            }
        }
    }
    assert!(answered > 50, "{answered}");
}
