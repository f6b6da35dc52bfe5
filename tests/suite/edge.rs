//! What a fleet in a directory does with requests: the built program writes it, the real nginx
//! serves it, and clients ask.

#![cfg(feature = "nginx")]

use std::os::unix::fs::PermissionsExt;

use crate::program::Project;

#[test]
fn a_configuration_with_a_secret_is_for_its_owner_alone() {
    let project = Project::new(
        r#"
variable "key" {
  sensitive = true
}

nginx "edge" {
  directory {
    path = "out"
  }
}

application "shop" {
  external "orders" {
    addresses = ["192.0.2.10:8080"]
  }
}

route "open" {
  nginx = nginx.edge
  hosts = ["open.example.com"]

  location "/" {
    to = application.shop.external.orders
  }
}

route "secret" {
  nginx = nginx.edge
  hosts = ["secret.example.com"]

  location "/" {
    to      = application.shop.external.orders
    headers = { X-Key = var.key }
  }
}
"#,
    );
    let mode = |path: &str| std::fs::metadata(project.path(path)).expect("a file").permissions().mode() & 0o777;
    assert!(!project.succeed(&["plan", "--var=key=hush"]).all().contains("hush"));
    assert!(!project.succeed(&["apply", "--auto-approve", "--var=key=hush"]).all().contains("hush"));
    assert!(project.read("out/conf.d/secret.conf").contains("hush"));
    assert_eq!(mode("out/conf.d/secret.conf"), 0o600);
    assert_eq!(mode("out/conf.d/open.conf"), 0o644);

    // Others that may read it are a change from outside, which is mended.
    let readable = std::fs::Permissions::from_mode(0o644);
    std::fs::set_permissions(project.path("out/conf.d/secret.conf"), readable).expect("sets");
    project.succeed(&["apply", "--auto-approve", "--var=key=hush"]);
    assert_eq!(mode("out/conf.d/secret.conf"), 0o600);
}
