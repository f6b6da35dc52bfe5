//! Values that try to be more than values: each is refused, or is one word and no more.

use portolan_lang::AttributePath;
use portolan_nginx::check::{self, Target};
use portolan_nginx::directives::Context;
use portolan_nginx::render;
use portolan_nginx::syntax::Directive;
use portolan_nginx::variable::Variables;

use crate::tokens::read;

/// Texts that break out of something somewhere.
const ATTACKS: &[&str] = &[
    "a;b",
    "a; return 200 pwned; #",
    "a} location /x { return 200 pwned; ",
    "\"; return 200 pwned; \"",
    "'; return 200 pwned; '",
    "\\\"; return 200 pwned; #",
    "\\",
    "a\\",
    "a\r\nSet-Cookie: b=c",
    "a\nreturn 200 pwned;",
    "a\0b",
    "a\u{2028}b",
    "#comment",
    "/* comment */",
    "$request_body_nothing",
    "${host",
    "$",
    "../../etc/passwd",
    "/etc/../etc/passwd",
    "{{",
    "`id`",
    "$(id)",
    "%0d%0a",
    "a\tb",
];

/// Every place for a value that a configuration has.
fn places(text: &str) -> Vec<Directive> {
    vec![
        Directive::simple("server_name", &[text]),
        Directive::simple("listen", &[text]),
        Directive::simple("add_header", &["X-A", text]),
        Directive::simple("add_header", &[text, "a"]),
        Directive::simple("return", &["200", text]),
        Directive::simple("return", &["302", text]),
        Directive::simple("root", &[text]),
        Directive::simple("ssl_certificate", &[text]),
        Directive::simple("include", &[text]),
        Directive::simple("access_log", &[text]),
        Directive::simple("client_max_body_size", &[text]),
        Directive::simple("rewrite", &[text, "/a"]),
        Directive::simple("rewrite", &["^/a$", text]),
        Directive::simple("set", &[text, "a"]),
        Directive::simple("set", &["$a", text]),
        Directive::simple(text, &[]),
        Directive::with_block("location", &[text], vec![]),
        Directive::with_block("location", &["=", text], vec![]),
        Directive::with_block("location", &["~", text], vec![]),
        Directive::with_block("location", &["/"], vec![Directive::simple("proxy_pass", &[text])]),
        Directive::with_block("location", &["/"], vec![Directive::simple("proxy_set_header", &["Host", text])]),
    ]
}

#[test]
fn an_attack_is_refused_or_stays_one_word() {
    let (mut refused, mut harmless) = (0, 0);
    for text in ATTACKS {
        for directive in places(text) {
            let tree = [directive];
            let variables = Variables::of(&tree, []);
            let target = Target::ANY;
            let errors = check::check(&tree, Context::Server, &target, &variables, &AttributePath::root());
            if !errors.is_empty() {
                refused += 1;
                continue;
            }
            harmless += 1;
            let rendered = render::render(&tree).expect("what is checked renders");
            let [read] = &read(&rendered)[..] else { panic!("{text:?} became more than a directive:\n{rendered}") };
            let inner = read.block.iter().flatten().flat_map(|inner| &inner.words);
            let is_whole = read.words.iter().chain(inner).any(|word| word == text);
            assert!(is_whole, "{text:?} is not one word of\n{rendered}");
        }
    }
    assert!(refused > 300 && harmless > 100, "{refused} refused, {harmless} harmless");
}

#[test]
fn files_do_not_lead_out_of_their_place() {
    let tree = [
        Directive::simple("root", &["../../etc"]),
        Directive::simple("include", &["../*.conf"]),
        Directive::simple("access_log", &["logs/../../x"]),
        Directive::simple("listen", &["unix:../x"]),
    ];
    let target = Target::ANY;
    let errors = check::check(&tree, Context::Server, &target, &Variables::default(), &AttributePath::root());
    assert_eq!(errors.len(), 4, "{errors:?}");
}
