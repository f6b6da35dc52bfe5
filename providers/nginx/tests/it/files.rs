//! What happens to the files of a tree.

use std::os::unix::fs::{PermissionsExt as _, symlink};

use portolan_lang::{AttributePath, Marks, Type, Value};
use portolan_nginx::syntax::Directive;
use portolan_provider::{Change, ErrorKind, Provider};

use crate::world::{CONFIG, FILE, World, config, file};

const KEY: &str = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";

fn gzip(value: &str) -> Value {
    config("conf.d/gzip.conf", &[Directive::simple("gzip", &[value])])
}

fn mode(world: &World, path: &str) -> u32 {
    let metadata = std::fs::metadata(world.directory.path().join(path)).expect("a file");
    metadata.permissions().mode() & 0o777
}

#[tokio::test]
async fn a_plan_shows_the_text() {
    let world = World::new().await;
    let planned = world.plan(CONFIG, None, &gzip("on")).await.expect("plans");
    let content = planned.value.get("content").expect("content");
    assert_eq!(
        content.as_str(),
        Some("# Managed by Portolan. Changes made here by hand are overwritten.\n\ngzip on;\n")
    );
    world.create(CONFIG, &gzip("on")).await.expect("creates");
    assert_eq!(Some(world.text("conf.d/gzip.conf").as_str()), content.as_str());
    assert_eq!(mode(&world, "conf.d/gzip.conf"), 0o644);
}

#[tokio::test]
async fn what_is_unknown_makes_the_text_unknown() {
    let world = World::new().await;
    let directive = Value::object([
        ("name", Value::string("server_name")),
        ("args", Value::unknown(Type::list(Type::String)).sensitive()),
    ]);
    let server = Value::object([("name", Value::string("server")), ("block", Value::tuple([directive]))]);
    let config = gzip("on").with(&AttributePath::attribute("directives"), Value::tuple([server]));
    assert_eq!(world.provider.validate(CONFIG, &config).len(), 0);
    let content = world.plan(CONFIG, None, &config).await.expect("plans").value.get("content").expect("content");
    assert!(!content.is_known());
    assert!(content.marks().contains(Marks::SENSITIVE));
}

#[tokio::test]
async fn the_version_decides_what_is_allowed() {
    let http2 = config("a.conf", &[Directive::simple("http2", &["on"])]);
    let world = World::of("nginx", "1.22").await;
    assert_eq!(world.provider.validate(CONFIG, &http2).len(), 0);
    let error = world.plan(CONFIG, None, &http2).await.expect_err("too old");
    assert_eq!(error.to_string(), "http2: nginx 1.22 does not know it: it came with 1.25.1");
    assert_eq!(error.path.expect("a path").to_string(), "directives[0].name");
    for (flavor, version) in [("nginx", "1.26"), ("tengine", "2.3.3")] {
        World::of(flavor, version).await.plan(CONFIG, None, &http2).await.expect(flavor);
    }
}

#[tokio::test]
async fn a_change_by_hand_is_drift_and_a_later_one_a_conflict() {
    let world = World::new().await;
    let object = world.create(CONFIG, &gzip("on")).await.expect("creates");
    world.write("conf.d/gzip.conf", "gzip on; # by hand\n");
    let live = world.read(CONFIG, &object).await.expect("reads").expect("is there");
    assert_eq!(live.get("content"), Some(Value::string("gzip on; # by hand\n")));
    assert_eq!(live.get("directives"), object.value.get("directives"));
    let error = world.update(CONFIG, &object, &gzip("off")).await.expect_err("a conflict");
    assert_eq!(error.kind, ErrorKind::Conflict);
    let error = world.delete(CONFIG, &object).await.expect_err("a conflict");
    assert_eq!(error.kind, ErrorKind::Conflict);
    assert_eq!(world.text("conf.d/gzip.conf"), "gzip on; # by hand\n");
}

#[tokio::test]
async fn a_file_of_somebody_else_is_not_overwritten() {
    let world = World::new().await;
    world.write("conf.d/gzip.conf", "# mine\n");
    let error = world.create(CONFIG, &gzip("on")).await.expect_err("is there already");
    assert_eq!(error.kind, ErrorKind::Failed);
    assert!(error.help.expect("help").contains("import"));
    let imported = world.session.import(CONFIG, "conf.d/gzip.conf").await.expect("reads").expect("an object");
    world.update(CONFIG, &imported, &gzip("on")).await.expect("updates");
    assert!(world.text("conf.d/gzip.conf").ends_with("gzip on;\n"));
}

#[tokio::test]
async fn keys_are_private_and_never_shown() {
    let world = World::new().await;
    let key = file("certs/shop.key", Value::string(KEY).sensitive());
    let object = world.create(FILE, &key).await.expect("creates");
    assert_eq!(mode(&world, "certs/shop.key"), 0o600);
    assert_eq!(object.value.get("mode"), Some(Value::string("0600")));
    let shown = format!("{:?}", world.read(FILE, &object).await);
    assert!(!shown.contains("AAAA"), "{shown}");
    world.write("certs/other.key", KEY);
    let imported = world.session.import(FILE, "certs/other.key").await.expect("reads").expect("an object");
    assert!(imported.value.get("content").is_some_and(|content| content.is_sensitive()));
}

#[tokio::test]
async fn a_configuration_with_a_secret_is_private_though_marks_are_gone_when_it_is_written() {
    let world = World::new().await;
    let secret = Value::tuple([Value::object([
        ("name", Value::string("add_header")),
        ("args", Value::tuple([Value::string("X-Key"), Value::string("hush").sensitive()])),
    ])]);
    let config = gzip("on").with(&AttributePath::attribute("directives"), secret);
    let planned = world.plan(CONFIG, None, &config).await.expect("plans").value.unmark_deep();
    assert_eq!(planned.get("mode"), Some(Value::string("0600")));
    let change = Change::Create { planned: &planned };
    world.session.apply(CONFIG, change).await.expect("creates");
    assert_eq!(mode(&world, "conf.d/gzip.conf"), 0o600);
}

#[tokio::test]
async fn a_mode_that_was_changed_by_hand_is_drift() {
    let world = World::new().await;
    let page = file("page.html", Value::string("page"));
    let object = world.create(FILE, &page).await.expect("creates");
    let path = world.directory.path().join("page.html");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o666)).expect("sets");
    let live = world.read(FILE, &object).await.expect("reads").expect("is there");
    assert_eq!(live.get("mode"), Some(Value::string("0666")));
    world.update(FILE, &object, &page).await.expect("mends");
    assert_eq!(mode(&world, "page.html"), 0o644);
}

#[tokio::test]
async fn links_are_not_followed() {
    let world = World::new().await;
    let outside = tempfile::tempdir().expect("a directory");
    symlink(outside.path(), world.directory.path().join("conf.d")).expect("a link");
    let error = world.create(CONFIG, &gzip("on")).await.expect_err("a link");
    assert!(error.message.contains("is a symbolic link"), "{error}");
    assert_eq!(std::fs::read_dir(outside.path()).expect("reads").count(), 0);
    std::fs::write(outside.path().join("secret"), "secret").expect("writes");
    symlink(outside.path().join("secret"), world.directory.path().join("page.html")).expect("a link");
    let error = world.session.import(FILE, "page.html").await.expect_err("a link");
    assert!(error.message.contains("it is a symbolic link"), "{error}");
}

#[tokio::test]
async fn paths_lead_nowhere_else() {
    let world = World::new().await;
    for path in ["../a.conf", "/etc/a.conf", "a/../../b.conf", ".a.conf", "a\n.conf"] {
        let errors = world.provider.validate(FILE, &file(path, Value::string("x")));
        assert_eq!(errors.len(), 1, "{path}");
        world.create(FILE, &file(path, Value::string("x"))).await.expect_err(path);
        world.session.import(FILE, path).await.expect_err(path);
    }
}

#[tokio::test]
async fn wrong_connections_are_told() {
    let provider = portolan_nginx::NginxProvider::new();
    let connection = |flavor: &str, version: &str| {
        Value::object([
            ("directory", Value::object([("path", Value::string("x"))])),
            ("flavor", Value::string(flavor)),
            ("version", Value::string(version)),
        ])
    };
    for (config, want) in [
        (connection("apache", "1.22"), "flavor"),
        (connection("nginx", "latest"), "version"),
        (Value::object::<&str>([]), "directory"),
    ] {
        let error = provider.connect(&config, "").await.err().expect("an error");
        assert_eq!(error.path.expect("a path").to_string(), want);
    }
}
