//! Certificates and users.

use etcd_client::PermissionType;
use portolan_lang::{AttributePath, Value};
use portolan_provider::{Change, ErrorKind};

use crate::world::World;

#[tokio::test(flavor = "multi_thread")]
async fn members_and_clients_show_certificates() {
    let world = World::start_with_tls();
    let pem = |file: &str| Value::string(world.text(file));
    let good = [
        ("certificate_authority", pem("ca.crt")),
        ("client_certificate", pem("client.crt")),
        ("client_key", pem("client.key")),
    ];
    world.connect(good).await.expect("connects");

    let [authority, ..] = [("certificate_authority", pem("ca.crt"))];
    assert!(world.connect([authority]).await.is_err(), "a client without a certificate is let in");
    let wrong = [
        ("certificate_authority", pem("client.crt")),
        ("client_certificate", pem("client.crt")),
        ("client_key", pem("client.key")),
    ];
    let refused = world.connect(wrong).await.expect_err("a member of an unknown authority is believed");
    assert!(refused.message.contains("certificate"), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_may_do_what_its_role_says() {
    let world = World::start();
    let mut root = world.client().await;
    root.user_add("root", "root's", None).await.expect("a user");
    root.user_grant_role("root", "root").await.expect("a role");
    root.user_add("portolan", "portolan's", None).await.expect("a user");
    root.role_add("writer").await.expect("a role");
    let all = etcd_client::Permission::new(PermissionType::Readwrite, "/own/").with_prefix();
    root.role_grant_permission("writer", all).await.expect("a permission");
    root.user_grant_role("portolan", "writer").await.expect("a role");
    root.auth_enable().await.expect("is enabled");

    let user = |password: &str| [("username", Value::string("portolan")), ("password", Value::string(password))];
    let refused = world.connect(user("wrong")).await.expect_err("is refused");
    assert_eq!(refused.kind, ErrorKind::Denied, "{refused:?}");
    assert!(!refused.message.contains("wrong"), "{refused:?}");

    let provider = world.connect(user("portolan's")).await.expect("connects");
    let key = |name: &str| {
        Value::object([("key", Value::string(name)), ("value", Value::string("1")), ("expires", Value::FALSE)])
    };
    provider.session.apply("etcd_key", Change::Create { planned: &key("/own/a") }).await.expect("creates");
    let refused =
        provider.session.apply("etcd_key", Change::Create { planned: &key("/other") }).await.expect_err("is refused");
    assert_eq!(refused.kind, ErrorKind::Denied, "{refused:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_connection_is_refused() {
    let world = World::start();
    let path = |name: &'static str| Some(AttributePath::attribute(name));
    let cases = [
        ([("endpoints", Value::strings(["127.0.0.1:2379"]))], path("endpoints")),
        ([("endpoints", Value::strings::<&str>([]))], path("endpoints")),
        ([("username", Value::string("somebody"))], path("username")),
        ([("password", Value::string("secret"))], path("password")),
        ([("client_key", Value::string("key"))], path("client_key")),
    ];
    for (given, at) in cases {
        let refused = world.connect(given).await.expect_err("is refused");
        assert_eq!((refused.kind, &refused.path), (ErrorKind::Invalid, &at), "{refused:?}");
        assert!(!refused.message.contains("secret"), "{refused:?}");
    }
}
