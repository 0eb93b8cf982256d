//! What a credential may be used for. A session has every scope; an API token has those that it was
//! made with. What the user may do is another question: see `rights.rs`.

pub(crate) use weir_protocol::Scope;

/// A scope as a type, so that an operation cannot forget to ask for one.
pub(crate) trait Needs {
    /// The scope.
    const SCOPE: Scope;
}

macro_rules! needs {
    ($($name:ident),+ $(,)?) => {
        $(
            #[doc = concat!("Needs [`Scope::", stringify!($name), "`].")]
            pub(crate) enum $name {}

            impl Needs for $name {
                const SCOPE: Scope = Scope::$name;
            }
        )+
    };
}

needs!(
    Account,
    Profile,
    StreamsRead,
    StreamsWrite,
    Rooms,
    Events,
    Insight,
    Webhooks,
    Admin,
);
