//! How replicas are divided over clusters, as people see it.

use serde_json::{Value as Json, json};

use crate::program::Project;

/// Three clusters, and a shop of two services.
const SHOP: &str = r#"
cluster "beijing" {
  region = "north"
  directory {
    path = "out/beijing"
  }
  capacity {
    cpu = "8"
  }
}
cluster "tianjin" {
  region = "north"
  directory {
    path = "out/tianjin"
  }
  capacity {
    cpu = "4"
  }
}
cluster "shanghai" {
  region = "east"
  directory {
    path = "out/shanghai"
  }
  capacity {
    cpu = "4"
  }
}
application "shop" {
  placement {
    clusters = [cluster.beijing, cluster.tianjin, cluster.shanghai]
  }
  service "web" {
    image    = "shop/web:1"
    replicas = 6
    resources {
      cpu    = "500m"
      memory = "1Gi"
    }
  }
  service "db" {
    image = "shop/db:1"
    kind  = "stateful_set"
    volume "data" {
      path = "/data"
      size = "5Gi"
    }
    resources {
      cpu    = "500m"
      memory = "1Gi"
    }
  }
}
"#;

/// What is said of the division of a service.
fn line<'t>(text: &'t str, service: &str) -> &'t str {
    let divisions = text.split_once("Where replicas run, and why:").expect("divisions").1;
    divisions.lines().find(|line| line.contains(service)).unwrap_or_else(|| panic!("no {service} in {text}"))
}

/// The division of a service in a plan as JSON.
fn division(project: &Project, arguments: &[&str], service: &str) -> Json {
    let said = project.succeed(&[&["plan", "--json"], arguments].concat());
    let plan: Json = serde_json::from_str(&said.text).expect("JSON");
    let divisions = plan["placement"].as_array().expect("divisions").iter();
    let found = divisions.filter(|division| division["service"] == service).cloned().next();
    found.unwrap_or_else(|| panic!("no {service} in {}", plan["placement"]))
}

#[test]
fn a_plan_says_how_and_why_replicas_are_divided() {
    let project = Project::new(SHOP);
    let plan = project.succeed(&["plan"]).text;
    let web =
        "6 by free capacity: beijing 3 (room for 15), shanghai 2 (room for 8), tianjin 1 (room for 8); first placed";
    assert!(line(&plan, "service.web").ends_with(web), "{plan}");
    project.succeed(&["apply", "--auto-approve"]);

    // It is said also where nothing changes, and of what is recorded.
    let plan = project.succeed(&["plan"]).text;
    assert!(line(&plan, "service.web").ends_with("; unchanged: first placed"), "{plan}");
    assert!(plan.contains("No changes."), "{plan}");
    let shown = project.succeed(&["show"]).text;
    assert!(line(&shown, "service.web").contains("beijing 3 (room for 15)"), "{shown}");

    // Both numbers of what changes, the bound that holds a cluster back, and the occasion.
    project.write(
        "main.hcl",
        SHOP.replace("replicas = 6", "replicas = 10\n    placement {\n      max_per_cluster = 4\n    }"),
    );
    let plan = project.succeed(&["plan"]).text;
    let web = line(&plan, "service.web");
    assert!(web.contains("beijing 3 → 4 (room for 15, at most 4)"), "{web}");
    assert!(web.ends_with("the number of replicas has changed from 6 to 10"), "{web}");
    let json = division(&project, &[], "application.shop.service.web");
    assert_eq!((&json["replicas"], &json["changes"]), (&json!(10), &json!(true)), "{json}");
    let beijing = &json["clusters"][0];
    assert_eq!(
        (&beijing["cluster"], &beijing["before"], &beijing["replicas"]),
        (&json!("beijing"), &json!(3), &json!(4))
    );
    assert_eq!((&beijing["held"], &beijing["max"]), (&json!("max"), &json!(4)));
    let markdown = project.succeed(&["plan", "--markdown"]).text;
    assert!(markdown.contains("| service | where its replicas run | why |"), "{markdown}");

    // What is gone is decided no more.
    let (before, rest) = SHOP.split_once("  service \"db\"").expect("a database");
    assert!(rest.contains("volume"));
    project.write("main.hcl", format!("{before}}}\n"));
    let plan = project.succeed(&["plan"]).text;
    assert!(plan.contains("replicas of application.shop.service.db: no longer needed"), "{plan}");
    project.succeed(&["apply", "--auto-approve"]);
    assert!(!project.succeed(&["show"]).text.contains("service.db"), "the decision is gone");
    project.is_settled();
}
