//! A secret stands where it has to, and nowhere else.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use crate::program::{Project, Said};

const PASSWORD: &str = "Kx7-hush-hush-9182";

/// A password that changes, and one that stands in the middle of a text.
const MORE: &str = r#"
resource "terraform_data" "derived" {
  input = {
    url   = "postgres://shop:${var.database_password}@db/orders"
    parts = [upper(var.database_password), base64encode(var.database_password)]
  }
}

output "url" {
  value     = terraform_data.derived.output.url
  sensitive = true
}
"#;

/// The forms in which the secret must not be found: as it is, and as what is made of it.
fn forms() -> [String; 4] {
    [PASSWORD.to_owned(), PASSWORD.to_uppercase(), "S3g3LWh1c2gtaHVzaC05MTgy".to_owned(), hexadecimal(PASSWORD)]
}

fn hexadecimal(text: &str) -> String {
    text.bytes().map(|byte| format!("{byte:02x}")).collect()
}

fn holds_secret(content: &[u8]) -> bool {
    let finds = |form: &String| content.windows(form.len()).any(|window| window == form.as_bytes());
    forms().iter().any(finds)
}

fn says_nothing(project: &Project, arguments: &[&str]) -> Said {
    let said = project.run(arguments);
    assert!(!holds_secret(said.all().as_bytes()), "{arguments:?} tells the secret");
    said
}

#[test]
fn a_secret_is_nowhere_but_where_it_has_to_be() {
    let project = Project::example("shop");
    project.write("more.hcl", MORE);
    let variables = project.read("portolan.vars.hcl").replace("only-for-the-example", PASSWORD);
    assert!(holds_secret(variables.as_bytes()));
    project.write("portolan.vars.hcl", variables);

    let plans = [&["plan"][..], &["plan", "--json"], &["plan", "--markdown"], &["validate", "--json"]];
    plans.iter().for_each(|plan| assert_eq!(says_nothing(&project, plan).code, Some(0)));
    assert_eq!(says_nothing(&project, &["apply", "--auto-approve"]).code, Some(0));
    assert_eq!(says_nothing(&project, &["apply", "--auto-approve", "--json"]).code, Some(0));

    // What is there no longer fits, in plans of all kinds and in errors.
    let drifted = project.path("out/beijing/shop/secret-orders.yaml");
    let text = fs::read_to_string(&drifted).expect("a manifest");
    fs::write(&drifted, text.replace(PASSWORD, "Kx7-hush-hush-other")).expect("writes");
    for plan in plans {
        let said = says_nothing(&project, plan);
        assert!(!said.all().contains("hush-other"), "{plan:?} tells what stands in the place of a secret");
    }
    let changed = "--var=database_password=Kx7-hush-hush-9182-new";
    says_nothing(&project, &["plan", changed]);
    assert_eq!(says_nothing(&project, &["apply", "--auto-approve", changed]).code, Some(0));
    assert_eq!(says_nothing(&project, &["apply", "--auto-approve"]).code, Some(0));

    let places: Vec<PathBuf> =
        project.files("").into_iter().filter(|(_, content)| holds_secret(content)).map(|(path, _)| path).collect();
    let expected = [
        "out/beijing/shop/secret-accounts.yaml",
        "out/beijing/shop/secret-orders.yaml",
        "out/shanghai/shop/secret-orders.yaml",
        "portolan.vars.hcl",
    ];
    assert_eq!(places, expected.map(PathBuf::from));
    let keys = ["out/edge/tls/shop.key", ".portolan/key", ".portolan/state.db"];
    for private in expected.iter().take(3).chain(&keys) {
        let mode = project.path(private).metadata().expect("a file").permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{private}");
    }
    says_nothing(&project, &["destroy", "--auto-approve"]);
    assert!(project.files("out").is_empty());
}
