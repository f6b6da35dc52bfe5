//! The promises of the seam.

use async_trait::async_trait;
use portolan_lang::{AttributePath, Value};
use portolan_nginx::syntax::{Directive, to_value};
use portolan_provider::conformance::{self, Subject};

use crate::world::{CONFIG, FILE, World, config, file};

struct Configs {
    root: std::path::PathBuf,
}

#[async_trait]
impl Subject for Configs {
    fn resource_type(&self) -> &str {
        CONFIG
    }

    fn config(&self, number: usize) -> Value {
        // Some share a directory, which goes with the last of them.
        config(&format!("sites/{}/{number}.conf", number % 3), &[Directive::simple("gzip", &["on"])])
    }

    fn changed(&self, config: &Value) -> Value {
        let directives = to_value(&[Directive::simple("gzip", &["off"])]);
        config.with(&AttributePath::attribute("directives"), directives)
    }

    async fn change_outside(&self, identity: &str) {
        std::fs::write(self.root.join(identity), "gzip on; # by hand\n").expect("writes");
    }
}

struct Files {
    root: std::path::PathBuf,
}

#[async_trait]
impl Subject for Files {
    fn resource_type(&self) -> &str {
        FILE
    }

    fn config(&self, number: usize) -> Value {
        let content = Value::string(format!("page {number}\n"));
        file(&format!("pages/{number}.html"), if number.is_multiple_of(2) { content } else { content.sensitive() })
    }

    fn changed(&self, config: &Value) -> Value {
        config.with(&AttributePath::attribute("content"), Value::string("another page"))
    }

    async fn change_outside(&self, identity: &str) {
        std::fs::write(self.root.join(identity), "a page by hand").expect("writes");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn configurations_keep_the_promises() {
    let world = World::new().await;
    let configs = Configs { root: world.directory.path().to_owned() };
    assert_eq!(conformance::check(&world, &configs).await, Ok(()));
    assert!(!world.directory.path().join("sites").exists(), "empty directories are left");
}

#[tokio::test(flavor = "multi_thread")]
async fn files_keep_the_promises() {
    let world = World::new().await;
    let files = Files { root: world.directory.path().to_owned() };
    assert_eq!(conformance::check(&world, &files).await, Ok(()));
}
