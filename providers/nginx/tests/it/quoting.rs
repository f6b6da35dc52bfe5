//! Every text comes back as it was: what is rendered is read by other readers than ours.

use std::io::Write as _;
use std::process::{Command, Stdio};

use portolan_nginx::render;
use portolan_nginx::syntax::{Argument, Block, Directive, from_value, to_value};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::tokens::{Read, read};
use crate::tools;

fn argument() -> impl Strategy<Value = Argument> {
    let text = prop_oneof![
        any::<String>().prop_map(|text| text.replace(|char: char| char.is_control() && char != '\t', "")),
        "[ -~\t]{0,40}",
        "[\\\\\"'$;{}# ]{0,12}",
    ];
    text.prop_map(|text| Argument::Text(text.into()))
}

fn tree() -> impl Strategy<Value = Vec<Directive>> {
    let simple = (argument(), vec(argument(), 0..4)).prop_map(|(name, arguments)| Directive {
        name,
        arguments,
        block: Block::None,
    });
    let directive = simple.prop_recursive(4, 24, 4, |inner| {
        (argument(), vec(argument(), 0..3), vec(inner, 0..4)).prop_map(|(name, arguments, directives)| Directive {
            name,
            arguments,
            block: Block::Directives(directives),
        })
    });
    vec(directive, 0..5)
}

/// The tree as the words that nginx is to read.
fn words(tree: &[Directive]) -> Vec<Read> {
    let text = |argument: &Argument| argument.text().expect("known").to_owned();
    let read = |directive: &Directive| Read {
        words: std::iter::once(&directive.name).chain(&directive.arguments).map(text).collect(),
        block: match &directive.block {
            Block::Directives(directives) => Some(words(directives)),
            _ => None,
        },
    };
    tree.iter().map(read).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn rendered_trees_are_read_as_they_were(tree in tree()) {
        let text = render::render(&tree).expect("renders");
        prop_assert_eq!(read(&text), words(&tree), "{}", text);
    }

    #[test]
    fn trees_survive_as_data(tree in tree()) {
        let at = portolan_lang::AttributePath::root();
        prop_assert_eq!(from_value(&to_value(&tree), &at).expect("a tree").len(), tree.len());
    }

    #[test]
    fn quoting_refuses_or_answers(text in any::<String>()) {
        match render::quote(&text) {
            Ok(word) => prop_assert_eq!(&read(&format!("{word};"))[0].words, &vec![text]),
            Err(_) => prop_assert!(text.len() > 1000 || text.chars().any(char::is_control)),
        }
    }
}

/// The words of each directive that crossplane reads; `None` where it is not installed.
fn crossplane(text: &str) -> Option<serde_json::Value> {
    let script = "import sys, json, crossplane.lexer as l\n\
                  words = [[t[0], bool(t[2])] for t in l._lex_file_object(sys.stdin)]\n\
                  json.dump(words, sys.stdout)";
    let python = tools::program("python3", "python3")?;
    let mut child = Command::new(python)
        .args(["-c", script])
        .env("PYTHONIOENCODING", "utf-8")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("python starts");
    child.stdin.take().expect("a pipe").write_all(text.as_bytes()).expect("writes");
    let output = child.wait_with_output().expect("python ends");
    if !output.status.success() {
        eprintln!("skipped: crossplane is not there (pip install crossplane)");
        return None;
    }
    serde_json::from_slice(&output.stdout).ok()
}

#[test]
fn crossplane_reads_the_same_words() {
    let arguments = ["plain", "two words", "a;b{c}#d", "it's \"quoted\"", "$host", "", "ü", "~*", "^/a(?<b>[0-9]+)/"];
    let tree = [Directive::with_block("location", &arguments, vec![Directive::simple("set", &["$a", "x y"])])];
    let Some(read) = crossplane(&render::render(&tree).expect("renders")) else { return };
    let words: Vec<&str> = read.as_array().expect("tokens").iter().filter_map(|token| token[0].as_str()).collect();
    let words: Vec<&str> = words.into_iter().filter(|word| !word.starts_with("# Managed")).collect();
    let want: Vec<&str> =
        ["location"].into_iter().chain(arguments).chain(["{", "set", "$a", "x y", ";", "}"]).collect();
    // Inside quotes crossplane keeps the backslash of an escaped quote.
    let words: Vec<String> = words.iter().map(|word| word.replace("\\\"", "\"")).collect();
    assert_eq!(words, want);
}
