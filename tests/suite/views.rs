//! Names whose answer depends on who asks, in the views of a real BIND; and primaries that do not know of
//! each other.

use std::collections::BTreeSet;
use std::path::Path;

use portolan_test_support::Named;

use crate::program::Project;

const SECRET: &str = "c2VjcmV0LW9mLXRoZS10ZXN0cw==";

/// The views, and who asks from where.
const VIEWS: [(&str, &str); 4] =
    [("beijing", "127.0.1.1"), ("elsewhere", "127.0.4.1"), ("shanghai", "127.0.2.1"), ("tianjin", "127.0.3.1")];

/// The views as docs/names.md has them: a key is a view's own, also where the program runs beside
/// those who ask in another.
fn views(home: &Path) -> String {
    let view = |(view, address): (&str, &str)| {
        let zone = Named::zone_file(home, view, "example.org", "");
        let others = VIEWS.iter().filter(|(other, _)| *other != view).map(|(other, _)| format!("!key {other}; "));
        format!(
            "view {view} {{ match-clients {{ {}key {view}; {address}; }};\n zone \"example.org\" {{ type primary; \
             file \"{}\"; allow-transfer {{ key {view}; }}; update-policy {{ grant {view} zonesub ANY; }}; }};\n}};\n",
            others.collect::<String>(),
            zone.display()
        )
    };
    let keys = VIEWS.map(|(view, _)| format!("key {view} {{ algorithm hmac-sha256; secret \"{SECRET}\"; }};\n"));
    keys.concat() + &VIEWS.map(view).concat()
}

/// The example, whose zones are on a server in place of directories.
fn example(server: &Named) -> Project {
    let example = include_str!("../../examples/sites/sites.hcl");
    let directory = "  directory {\n    path = \"out/${each.key}\"\n  }\n";
    assert!(example.contains(directory), "{example}");
    let way =
        format!("  rfc2136 {{\n    server = \"{}\"\n    key = \"${{each.key}}:{SECRET}\"\n  }}\n", server.address());
    Project::new(example.replace(directory, &way))
}

/// What each view answers, in the order of their names.
fn answers(server: &Named, name: &str) -> Vec<Vec<String>> {
    VIEWS.iter().map(|(_, address)| server.ask_from(address, name, "A")).collect()
}

#[test]
fn one_block_says_what_each_site_is_answered() {
    let Some(server) = Named::start(views) else { return };
    let project = example(&server);
    project.succeed(&["apply", "--auto-approve"]);
    project.is_settled();
    let (beijing, shanghai) = (["10.1.0.5"], ["10.2.0.5"]);
    assert_eq!(answers(&server, "registry.example.org"), [beijing, beijing, shanghai, beijing]);
    let intranet = VIEWS.map(|(_, address)| server.ask_from(address, "intranet.example.org", "CNAME").len());
    assert_eq!(intranet, [1, 0, 1, 1], "one view has no such name");

    // A site gets a registry of its own, and the others are left alone.
    project.write(
        "portolan.vars.hcl",
        "registries = { beijing = \"10.1.0.5\", shanghai = \"10.2.0.5\", tianjin = \"10.3.0.5\" }\n",
    );
    let said = project.succeed(&["apply", "--auto-approve"]);
    assert!(said.all().contains("dns_record.registry/rrset@tianjin"), "{}", said.all());
    assert!(!said.all().contains("dns_record.registry/rrset@shanghai"), "{}", said.all());
    assert_eq!(answers(&server, "registry.example.org")[3], ["10.3.0.5"]);
    project.succeed(&["destroy", "--auto-approve"]);
    assert!(answers(&server, "registry.example.org").iter().all(Vec::is_empty));
}

#[test]
fn weights_divide_the_views_and_values_go_round() {
    let Some(server) = Named::start(views) else { return };
    let project = example(&server);
    project.succeed(&["apply", "--auto-approve"]);
    let (one, other) = (["192.0.2.80"], ["198.51.100.80"]);
    assert_eq!(answers(&server, "shop.example.org"), [one, one, one, other]);
    // A name with several addresses has all of them, and each comes first at times. A fair server leaves
    // one out of 200 answers less than once in 10^59 runs.
    let firsts: BTreeSet<String> =
        (0..200).map(|_| server.ask_in_order("127.0.1.1", "www.example.org", "A").remove(0)).collect();
    assert_eq!(firsts.len(), 2, "{firsts:?}");

    let edit = |from: &str, to: &str| {
        let text = project.read("main.hcl");
        assert!(text.contains(from), "{text}");
        project.write("main.hcl", text.replace(from, to));
    };
    edit("\"192.0.2.80\"    = 3", "\"192.0.2.80\"    = 1");
    let said = project.succeed(&["apply", "--auto-approve"]);
    assert!(said.all().contains("dns_record.shop/rrset@shanghai"), "{}", said.all());
    assert_eq!(answers(&server, "shop.example.org"), [one, one, other, other]);
    edit("\"192.0.2.80\"    = 1", "\"192.0.2.80\"    = 99");
    project.refused(&["plan"], "at least 50 views");
}

const PRIMARIES: &str = r#"
variable "servers" {
  type = set(string)
}

dns_zone "public" {
  for_each    = var.servers
  name        = "example.com"
  nameservers = ["ns1.example.net"]
  rfc2136 {
    server = each.key
    key    = "KEY"
  }
}

dns_record "shop" {
  zone   = dns_zone.public
  name   = "shop"
  type   = "A"
  values = ["192.0.2.1", "192.0.2.2"]
}

dns_record "text" {
  zone   = dns_zone.public
  name   = "shop"
  type   = "TXT"
  values = ["hello"]
}
"#;

/// Takes away what a server kept of the changes of a zone, so that it starts with what it had at first.
fn restore(server: &mut Named) {
    server.stop();
    std::fs::remove_file(server.home().join("example.com.zone.jnl")).expect("a journal");
    server.run();
}

#[test]
fn several_primaries_are_seen_and_mended_one_by_one() {
    let start = || Named::dynamic(&[("example.com", "foreign IN A 192.0.2.99\n")]);
    let (Some(mut one), Some(mut two)) = (start(), start()) else { return };
    let project = Project::new(PRIMARIES.replace("KEY", Named::KEY));
    project.write("portolan.vars.hcl", format!("servers = [\"{}\", \"{}\"]\n", one.address(), two.address()));
    project.succeed(&["apply", "--auto-approve"]);
    project.is_settled();
    let shop = ["192.0.2.1", "192.0.2.2"];
    let are_whole = |servers: [&Named; 2]| {
        for server in servers {
            assert_eq!(server.ask("shop.example.com", "A"), shop);
            assert_eq!(server.ask("shop.example.com", "TXT"), ["\"hello\""]);
            assert_eq!(server.ask("foreign.example.com", "A"), ["192.0.2.99"]);
        }
    };
    are_whole([&one, &two]);

    // Both are changed, each in another way.
    one.change("example.com", "update delete shop.example.com. A 192.0.2.1");
    two.change("example.com", "update delete shop.example.com. TXT");
    let said = project.succeed(&["apply", "--auto-approve"]);
    for (part, server) in [("shop", &one), ("text", &two)] {
        let address = format!("dns_record.{part}/rrset@{}", server.address());
        assert!(said.all().contains(&address), "{address}: {}", said.all());
    }
    are_whole([&one, &two]);
    project.is_settled();

    // One is away: nothing is planned, and nothing is done to the other.
    two.stop();
    let serial = one.serial("example.com");
    let away = format!("cannot read the zone example.com on the name server at {}", two.address());
    project.refused(&["apply", "--auto-approve"], &away);
    project.refused(&["destroy", "--auto-approve"], &away);
    assert_eq!(one.serial("example.com"), serial);
    two.run();
    project.is_settled();

    // One is there again with an old copy, the serial of which went back.
    restore(&mut one);
    assert_eq!(one.ask("shop.example.com", "A"), [""; 0]);
    let said = project.succeed(&["apply", "--auto-approve"]);
    assert!(!said.all().contains(&format!("rrset@{}", two.address())), "only one differs: {}", said.all());
    are_whole([&one, &two]);
    project.is_settled();
    project.succeed(&["destroy", "--auto-approve"]);
    for server in [&one, &two] {
        assert_eq!(server.ask("shop.example.com", "A"), [""; 0]);
        assert_eq!(server.ask("foreign.example.com", "A"), ["192.0.2.99"]);
    }
}
