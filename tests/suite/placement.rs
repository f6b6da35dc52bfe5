//! How replicas are divided over clusters, as people see it.

use portolan_test_support::{Cluster, Proxy};
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
    let mut divisions = plan["placement"].as_array().expect("divisions").iter();
    let found = divisions.find(|division| division["service"] == service).cloned();
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

/// How many replicas of a service each cluster has, by what is written for it.
fn replicas(project: &Project, service: &str) -> Vec<(&'static str, u64)> {
    let here = |cluster: &'static str| {
        let files = project.files(&format!("out/{cluster}"));
        let is_it = |path: &std::path::Path| path.to_string_lossy().contains(service);
        let mut texts = files.iter().filter(|(path, _)| is_it(path)).map(|(_, text)| String::from_utf8_lossy(text));
        let number = |text: &str| text.lines().find_map(|line| line.trim().strip_prefix("replicas: "))?.parse().ok();
        let found = texts.find_map(|text| number(&text));
        found.map(|replicas| (cluster, replicas))
    };
    ["beijing", "tianjin", "shanghai"].into_iter().filter_map(here).collect()
}

#[test]
fn weights_stay_until_they_are_measured_anew() {
    let project = Project::new(SHOP);
    project.succeed(&["apply", "--auto-approve"]);
    let before = project.files("out");
    // A cluster that has become larger moves nothing by itself.
    let larger = SHOP.replacen("cpu = \"4\"", "cpu = \"32\"", 1);
    project.write("main.hcl", &larger);
    project.is_settled();

    // It shows what would change, and changes nothing without approval.
    project.refused(&["rebalance"], "there is nobody to ask");
    assert_eq!(project.files("out"), before);
    project.refused(&["rebalance", "shop.wbe"], "Did you mean shop.web?");
    project.refused(&["rebalance", "--refresh-only"], "Leave out --refresh-only");
    // What is not named keeps its weights.
    let other = project.succeed(&["rebalance", "shop.db", "--auto-approve"]).text;
    assert!(!line(&other, "service.web").contains("→"), "{other}");

    let said = project.succeed(&["rebalance", "shop.web", "--auto-approve"]).text;
    let web = line(&said, "service.web");
    assert!(web.contains("tianjin 1 → 4 (room for 6"), "{web}");
    assert!(web.contains("; measured anew; asked for by "), "{web}");
    let shown = project.succeed(&["show"]).text;
    assert!(line(&shown, "service.web").contains("measured anew; asked for by "), "{shown}");
    assert_eq!(replicas(&project, "web"), [("beijing", 1), ("tianjin", 4), ("shanghai", 1)]);
    project.is_settled();
    // There is less room for the other one since, which is measured and moves nothing; then there is
    // nothing left to settle.
    let again = project.succeed(&["rebalance", "--auto-approve"]).text;
    assert!(again.contains("0 to add, 0 to change, 0 to destroy"), "{again}");
    let again = project.succeed(&["rebalance", "--auto-approve"]).text;
    assert!(again.contains("No changes."), "{again}");
}

#[test]
fn the_loss_of_a_cluster_can_be_looked_at_beforehand() {
    let project = Project::new(SHOP.replace("replicas = 6", "replicas = 12"));
    project.succeed(&["apply", "--auto-approve"]);
    let (files, state) = (project.files("out"), project.succeed(&["show", "--json"]).text);

    let plan = project.succeed(&["plan", "--simulate-loss=beijing"]).text;
    assert!(plan.starts_with("If cluster.beijing were lost now:"), "{plan}");
    assert!(plan.contains("application.shop.service.web  loses 6 in beijing: 6 would run elsewhere"), "{plan}");
    assert!(
        plan.contains("application.shop.service.db   loses 1 in beijing: cannot move, because of volumes"),
        "{plan}"
    );
    assert!(plan.contains("There would be room for all that can move."), "{plan}");
    // The full difference, in which nothing is done to the lost cluster and no survivor shrinks.
    assert!(plan.contains("replicas = 3 -> 6"), "{plan}");
    assert!(!plan.contains("@beijing") && !plan.contains("will be deleted"), "{plan}");
    assert!(plan.contains("nothing is changed"), "{plan}");

    // Without two of them there is too little room, and how much is missing is said.
    let json = project.succeed(&["plan", "--simulate-loss=beijing", "--simulate-loss=cluster.shanghai", "--json"]);
    let json: Json = serde_json::from_str(&json.text).expect("JSON");
    let loss = &json["simulated_loss"];
    assert_eq!(loss["clusters"], json!(["cluster.beijing", "cluster.shanghai"]), "{loss}");
    let (db, web) = (&loss["services"][0], &loss["services"][1]);
    assert_eq!((&db["bound"], &db["moved"], &db["missing"]), (&json!(true), &json!(0), &json!(0)), "{loss}");
    assert_eq!(web["lost"], json!({"beijing": 6, "shanghai": 3}), "{loss}");
    assert_eq!((&web["moved"], &web["missing"]), (&json!(5), &json!(4)), "{loss}");
    assert_eq!(loss["missing"]["cpu_millis"], json!(2000));
    assert_eq!(loss["missing"]["memory_bytes"], json!(4u64 << 30));
    assert_eq!(json["applyable"], json!(false));
    let markdown = project.succeed(&["plan", "--simulate-loss=beijing", "--markdown"]).text;
    assert!(markdown.contains("| service | what it would lose | what would become of that |"), "{markdown}");

    // Nothing was changed by looking at it, and nothing comes of it.
    assert_eq!((project.files("out"), project.succeed(&["show", "--json"]).text), (files, state));
    project.is_settled();
    project.refused(&["plan", "--simulate-loss=bejing"], "Did you mean beijing?");
    let refused = project.run(&["plan", "--simulate-loss=beijing", "--out=plan"]);
    assert!(refused.code == Some(1) && refused.error.contains("--out"), "{}", refused.all());
    assert!(!project.path("plan").exists());
}

#[test]
fn the_nodes_of_clusters_are_looked_at_where_no_capacity_is_declared() {
    let Some(live) = measured("web", 4) else { return };
    let web = division(&live, &[], "application.shop.service.web");
    let clusters = web["clusters"].as_array().expect("clusters");
    assert_eq!(clusters.len(), 2, "{web}");
    // How much room there is depends on what else runs there; that both have some does not.
    assert!(
        clusters.iter().all(|cluster| cluster["room"].as_u64() >= Some(1) && cluster["weight"].as_f64() >= Some(1.0)),
        "{web}"
    );
    let replicas = clusters.iter().filter_map(|cluster| cluster["replicas"].as_u64());
    assert_eq!(replicas.sum::<u64>(), 4, "{web}");
    live.apply();
    live.is_settled();
}

#[test]
fn each_service_may_have_a_placement_of_its_own() {
    let (before, rest) = SHOP.split_once("  placement {\n    clusters").expect("a placement");
    let (_, services) = rest.split_once("  }\n").expect("its end");
    let own = "    placement {\n      clusters = [cluster.beijing]\n    }\n    resources {";
    let project = Project::new(format!("{before}{}", services.replace("    resources {", own)));
    project.succeed(&["apply", "--auto-approve"]);
    assert_eq!(replicas(&project, "web"), [("beijing", 6)]);
    project.is_settled();

    // One of them has none, and neither has the application.
    project.write("main.hcl", format!("{before}{}", services.replacen("    resources {", own, 1)));
    let said = project.refused(&["plan"], "Neither the service \"db\" nor its application says where it runs.");
    assert!(said.error.contains("service \"db\" {"), "it points at the service: {}", said.error);
}

#[test]
fn clusters_that_are_not_looked_at_are_as_they_were_measured() {
    let Some(live) = measured("web", 4) else { return };
    live.refused(&["plan", "--refresh=false"], "it is not read for this plan");
    live.apply();
    let division = |arguments: &[&str]| {
        let web = division(&live, arguments, "application.shop.service.web");
        let clusters = web["clusters"].as_array().expect("clusters").clone();
        let number = |cluster: &Json| (cluster["weight"].clone(), cluster["replicas"].as_u64().expect("a number"));
        clusters.iter().map(number).collect::<Vec<_>>()
    };
    let before = division(&[]);
    let settled = live.run(&["plan", "--refresh=false", "--detailed-exitcode"]);
    assert_eq!(settled.code, Some(0), "{}", settled.all());
    assert_eq!(live.run(&["plan", "--offline", "--detailed-exitcode"]).code, Some(0));

    // More replicas go by the weights that are recorded, also from a saved plan.
    live.write("main.hcl", live.read("main.hcl").replace("replicas = 4", "replicas = 7"));
    let after = division(&["--refresh=false"]);
    assert_eq!(after.iter().map(|(_, replicas)| replicas).sum::<u64>(), 7);
    assert!(before.iter().zip(&after).all(|(before, after)| before.0 == after.0 && before.1 <= after.1), "{after:?}");
    live.succeed(&["plan", "--refresh=false", "--out", "saved"]);
    live.succeed(&["apply", "saved"]);
    assert_eq!(division(&[]), after);
    live.refused(&["rebalance", "--refresh=false"], "without looking at them");
    // There is no room for so many, as far as it is known.
    live.write("main.hcl", live.read("main.hcl").replace("replicas = 7", "replicas = 100000"));
    live.refused(&["plan", "--refresh=false"], "room");
}

/// A service whose replicas are divided by what the clusters `a` and `b` have room for.
fn measured(name: &str, replicas: u32) -> Option<crate::live::Live> {
    let live = crate::live::Live::new(&["a", "b"], &crate::live::service(name, "shop/web:1", replicas, ""))?;
    live.write("main.hcl", live.read("main.hcl").replace("\"duplicated\"", "\"free_capacity\""));
    Some(live)
}

#[test]
fn room_is_counted_node_by_node() {
    // 16 cores, and 4.
    let Some(cluster) = Cluster::own_with_small(2, 1) else { return };
    let project = Project::new(format!(
        "cluster \"mixed\" {{\n  kubernetes {{\n    config_path = {:?}\n    context = {:?}\n  }}\n}}\n\
         cluster \"other\" {{\n  directory {{\n    path = \"out\"\n  }}\n  capacity {{\n    cpu = \"6\"\n  }}\n}}\n\
         application \"shop\" {{\n  placement {{\n    clusters = [cluster.mixed, cluster.other]\n  }}\n  \
         service \"big\" {{\n    image = \"shop/big:1\"\n    replicas = 3\n    \
         resources {{\n      cpu = \"6\"\n      memory = \"1Gi\"\n    }}\n  }}\n}}\n",
        cluster.kubeconfig(),
        cluster.context()
    ));
    // Their 20 cores are room for three, but none fits the small one.
    let big = division(&project, &[], "application.shop.service.big");
    let mixed = &big["clusters"][0];
    assert_eq!(
        (&mixed["cluster"], &mixed["room"], &mixed["replicas"]),
        (&json!("mixed"), &json!(2), &json!(2)),
        "{big}"
    );
    project.succeed(&["apply", "--auto-approve"]);
    let nodes = cluster.kubectl().within("shop").text(&["get", "pods", "--output=jsonpath={.items[*].spec.nodeName}"]);
    assert_eq!(nodes, "node-1 node-1");
    project.write("main.hcl", project.read("main.hcl").replace("replicas = 3", "replicas = 4"));
    project.refused(&["plan"], "room");
}

#[test]
fn what_a_lost_cluster_would_have_to_be_asked_stays_unknown() {
    let Some(live) = crate::live::Live::new(&["a", "b"], &crate::live::service("web", "shop/web:1", 2, "")) else {
        return;
    };
    let proxy = Proxy::before(live.cluster("b"));
    live.reach(&[("a", live.cluster("a").kubeconfig()), ("b", &proxy.kubeconfig())]);
    let data = "data \"kubernetes_nodes\" \"of_b\" {\n  provider = cluster.b\n}\n\
                output \"nodes\" {\n  value = length(data.kubernetes_nodes.of_b.nodes)\n}\n";
    live.write("data.hcl", data);
    live.apply();
    proxy.close();
    proxy.forget();
    let plan = live.succeed(&["plan", "--simulate-loss=b"]).text;
    let note = "Not read, so that it is not known what they say: data.kubernetes_nodes.of_b.";
    assert!(plan.contains(note), "{plan}");
    let json: Json = serde_json::from_str(&live.succeed(&["plan", "--simulate-loss=b", "--json"]).text).expect("JSON");
    assert_eq!(json["simulated_loss"]["unread"], json!(["data.kubernetes_nodes.of_b"]));

    // Where it decides what there is to be, that is the problem, and not that nobody answers.
    let decisive = "resource \"terraform_data\" \"each\" {\n  count = length(data.kubernetes_nodes.of_b.nodes)\n}\n";
    live.write("data.hcl", format!("{data}{decisive}"));
    let said = live.run(&["plan", "--simulate-loss=b"]);
    assert!(said.code == Some(1) && !said.error.contains("cannot be reached"), "{}", said.all());
    assert!(said.error_in_one_line().contains("data.kubernetes_nodes.of_b"), "{}", said.error);
    assert_eq!(proxy.requests(), Vec::<String>::new());
}
