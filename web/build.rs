//! Makes functions of the message files (Fluent, `texts/<language>/<part>.ftl`): one for each message, so that a text
//! which is missing in a language, or takes other values there, is an error of the build, and a module carries only the
//! texts that its pages say.

use std::{
    collections::{BTreeMap, BTreeSet},
    env,
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
};

use fluent_syntax::{
    ast::{
        Entry, Expression, InlineExpression, Pattern, PatternElement, Resource, Variant, VariantKey,
    },
    parser,
};

/// The first one has every message; the others must have the same.
const LANGUAGES: [(&str, &str); 2] = [("en", "English"), ("fr", "French")];

type Messages = BTreeMap<String, Pattern<String>>;

fn main() {
    println!("cargo::rerun-if-changed=texts");
    let root = PathBuf::from("texts");
    let mut code = String::new();
    for part in parts(&root.join(LANGUAGES[0].0)) {
        let read = |(folder, variant)| {
            (
                variant,
                messages(&root.join(folder).join(format!("{part}.ftl"))),
            )
        };
        let languages = LANGUAGES.map(read);
        // A text's pieces are what they are, be it one character.
        writeln!(
            code,
            "#[allow(clippy::single_char_add_str)] pub mod {part} {{ \
             #[allow(unused_imports)] use super::{{Display, Language, Plural, push}};"
        )
        .expect("a string takes text");
        for (name, first) in &languages[0].1 {
            function(&mut code, &part, name, first, &languages);
        }
        for (language, texts) in &languages[1..] {
            for name in texts.keys() {
                assert!(
                    languages[0].1.contains_key(name),
                    "{part}.ftl: {language} has {name}, which {} lacks",
                    LANGUAGES[0].1
                );
            }
        }
        code.push_str("}\n");
    }
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    fs::write(out.join("texts.rs"), code).expect("OUT_DIR can be written");
}

/// The names of the message files.
fn parts(folder: &Path) -> BTreeSet<String> {
    let files = fs::read_dir(folder).expect("the folder of message files can be listed");
    let names = files.map(|file| file.expect("it can be listed").path());
    names
        .filter(|path| path.extension().is_some_and(|end| end == "ftl"))
        .filter_map(|path| Some(path.file_stem()?.to_str()?.to_owned()))
        .collect()
}

fn messages(path: &Path) -> Messages {
    let text =
        fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let Resource { body } =
        parser::parse(text).unwrap_or_else(|(_, errors)| panic!("{}: {errors:?}", path.display()));
    let mut found = Messages::new();
    for entry in body {
        match entry {
            Entry::Message(message) => {
                let name = message.id.name;
                assert!(
                    message.attributes.is_empty(),
                    "{}: {name}: attributes are not used here",
                    path.display()
                );
                let value = message
                    .value
                    .unwrap_or_else(|| panic!("{}: {name} is empty", path.display()));
                let before = found.insert(name.clone(), value);
                assert!(before.is_none(), "{}: {name} twice", path.display());
            }
            Entry::Comment(_) | Entry::GroupComment(_) | Entry::ResourceComment(_) => {}
            Entry::Term(_) | Entry::Junk { .. } => {
                panic!(
                    "{}: only messages and comments are used here",
                    path.display()
                )
            }
        }
    }
    found
}

fn function(
    code: &mut String,
    part: &str,
    name: &str,
    first: &Pattern<String>,
    languages: &[(&str, Messages)],
) {
    let values = values(first);
    let ident = name.replace('-', "_");
    let plain = values.is_empty();
    let arguments: Vec<String> = values
        .iter()
        .map(|(value, counts)| {
            let kind = if *counts { "u64" } else { "impl Display" };
            format!("{value}: {kind}")
        })
        .collect();
    let (arguments, kind) = (
        arguments.join(", "),
        if plain { "&'static str" } else { "String" },
    );
    writeln!(
        code,
        "pub fn {ident}({arguments}) -> {kind} {{ match super::language() {{"
    )
    .expect("a string takes text");
    for (language, texts) in languages {
        let pattern = texts
            .get(name)
            .unwrap_or_else(|| panic!("{part}.ftl: {name} is missing in {language}"));
        let own = self::values(pattern);
        assert!(
            own.keys().eq(values.keys()),
            "{part}.ftl: {name} takes other values in {language}"
        );
        if plain {
            writeln!(code, "Language::{language} => {:?},", plain_text(pattern))
                .expect("a string takes text");
        } else {
            writeln!(
                code,
                "Language::{language} => {{ let mut text = String::new(); "
            )
            .expect("a string takes text");
            write_pattern(code, pattern, language);
            code.push_str("text }\n");
        }
    }
    code.push_str("} }\n");
}

/// What a text takes, and whether it counts.
fn values(pattern: &Pattern<String>) -> BTreeMap<String, bool> {
    let mut found = BTreeMap::new();
    collect(pattern, &mut found);
    found
}

fn collect(pattern: &Pattern<String>, found: &mut BTreeMap<String, bool>) {
    for element in &pattern.elements {
        match element {
            PatternElement::TextElement { .. } => {}
            PatternElement::Placeable { expression } => match expression {
                Expression::Inline(inline) => {
                    if let Some(value) = variable(inline) {
                        found.entry(value).or_insert(false);
                    }
                }
                Expression::Select { selector, variants } => {
                    let value = variable(selector).expect("a text is chosen by a value");
                    found.insert(value, true);
                    for variant in variants {
                        collect(&variant.value, found);
                    }
                }
            },
        }
    }
}

fn variable(inline: &InlineExpression<String>) -> Option<String> {
    match inline {
        InlineExpression::VariableReference { id } => Some(id.name.replace('-', "_")),
        InlineExpression::StringLiteral { .. } => None,
        InlineExpression::NumberLiteral { .. }
        | InlineExpression::FunctionReference { .. }
        | InlineExpression::MessageReference { .. }
        | InlineExpression::TermReference { .. }
        | InlineExpression::Placeable { .. } => {
            panic!("texts have only words, values and choices by number: {inline:?}")
        }
    }
}

fn plain_text(pattern: &Pattern<String>) -> String {
    let mut text = String::new();
    for element in &pattern.elements {
        match element {
            PatternElement::TextElement { value } => text.push_str(value),
            PatternElement::Placeable {
                expression: Expression::Inline(InlineExpression::StringLiteral { value }),
            } => text.push_str(value),
            PatternElement::Placeable { .. } => unreachable!("it takes no value"),
        }
    }
    text
}

fn write_pattern(code: &mut String, pattern: &Pattern<String>, language: &str) {
    for element in &pattern.elements {
        match element {
            PatternElement::TextElement { value } => {
                writeln!(code, "text.push_str({value:?});").expect("a string takes text");
            }
            PatternElement::Placeable { expression } => match expression {
                Expression::Inline(InlineExpression::StringLiteral { value }) => {
                    writeln!(code, "text.push_str({value:?});").expect("a string takes text");
                }
                Expression::Inline(inline) => {
                    let value = variable(inline).expect("words were handled above");
                    writeln!(code, "push(&mut text, &{value});").expect("a string takes text");
                }
                Expression::Select { selector, variants } => {
                    let value = variable(selector).expect("looked at before");
                    write_choice(code, &value, variants, language);
                }
            },
        }
    }
}

/// Exact numbers first, then the kinds of number that the language has.
fn write_choice(code: &mut String, value: &str, variants: &[Variant<String>], language: &str) {
    writeln!(
        code,
        "match (({value}), Plural::of(Language::{language}, {value})) {{"
    )
    .expect("a string takes text");
    let mut others = String::new();
    for variant in variants {
        let key = match &variant.key {
            VariantKey::NumberLiteral { value } => format!("({value}, _)"),
            VariantKey::Identifier { name } if name == "one" => "(_, Plural::One)".to_owned(),
            VariantKey::Identifier { name } if name == "other" => "_".to_owned(),
            VariantKey::Identifier { name } => {
                panic!("neither English nor French has the plural {name}")
            }
        };
        let mut arm = format!("{key} => {{ ");
        write_pattern(&mut arm, &variant.value, language);
        arm.push_str("}\n");
        if key == "_" {
            others = arm;
        } else {
            code.push_str(&arm);
        }
    }
    code.push_str(&others);
    code.push_str("}\n");
}
