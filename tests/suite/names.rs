//! Names on a real name server, in one order with pods and routes.

use portolan_test_support::Named;

use crate::program::{Project, Said};

const SHOP: &str = r#"
variable "server" {}

variable "many" {
  default = 0
}

variable "max_delete" {
  default = "30%"
}

cluster "beijing" {
  node_addresses = ["198.51.100.11"]
  directory {
    path = "out/beijing"
  }
  capacity {
    cpu    = "8"
    memory = "16Gi"
    pods   = 100
  }
}

application "shop" {
  placement {
    clusters = [cluster.beijing]
  }
  service "web" {
    image    = "registry.example.com/web:1"
    replicas = 1
    port "http" {
      number    = 8080
      node_port = 30080
    }
    resources {
      cpu    = "100m"
      memory = "64Mi"
    }
  }
}

nginx "edge" {
  flavor    = "nginx"
  version   = "1.22"
  addresses = ["192.0.2.80"]
  directory {
    path = "out/edge"
  }
}

route "shop" {
  nginx = nginx.edge
  hosts = ["shop.example.com"]
  location "/" {
    to   = application.shop.service.web
    port = "http"
  }
}

dns_zone "corp" {
  name        = "example.com"
  nameservers = ["ns1.example.net"]
  rfc2136 {
    server = var.server
    key    = "KEY"
  }
  safety {
    max_delete = var.max_delete
  }
}

dns_record "shop" {
  zone   = dns_zone.corp
  name   = "shop"
  type   = "A"
  values = nginx.edge.addresses
}

dns_record "many" {
  for_each = toset([for at in range(var.many) : tostring(at)])
  zone     = dns_zone.corp
  name     = "many${each.key}"
  type     = "A"
  values   = ["192.0.2.1"]
}
"#;

/// The shop, whose name is served by a name server.
fn shop() -> Option<(Project, Named)> {
    let server = Named::dynamic(&[("example.com", "foreign IN A 192.0.2.99\n")])?;
    let project = Project::new(SHOP.replace("KEY", Named::KEY));
    project.write("portolan.vars.hcl", format!("server = \"{}\"\n", server.address()));
    Some((project, server))
}

const PODS: &str = "application.shop.service.web/deployment@beijing";
const ROUTE: &str = "route.shop/server";
const NAME: &str = "dns_record.shop/rrset";

/// Checks that a run says these things in this order.
fn says_in_order(said: &Said, things: [String; 4]) {
    let all = said.all();
    let places = things.map(|thing| all.find(&thing).unwrap_or_else(|| panic!("nothing is said of {thing}:\n{all}")));
    assert!(places.is_sorted(), "{all}");
}

#[test]
fn a_name_is_published_last_and_taken_back_first() {
    let Some((project, server)) = shop() else { return };
    let said = project.succeed(&["apply", "--auto-approve"]);
    assert_eq!(server.ask("shop.example.com", "A"), ["192.0.2.80"]);
    let created = |what: &str| format!("{what}: created");
    let creating = |what: &str| format!("{what}: creating");
    says_in_order(&said, [created(PODS), creating(ROUTE), created(ROUTE), creating(NAME)]);
    project.is_settled();

    let said = project.succeed(&["destroy", "--auto-approve"]);
    let deleted = |what: &str| format!("{what}: deleted");
    let deleting = |what: &str| format!("{what}: deleting");
    says_in_order(&said, [deleted(NAME), deleting(ROUTE), deleted(ROUTE), deleting(PODS)]);
    assert_eq!(server.ask("shop.example.com", "A"), [""; 0]);
    assert_eq!(server.ask("foreign.example.com", "A"), ["192.0.2.99"]);
}

#[test]
fn a_name_is_not_removed_because_something_does_not_answer() {
    let Some((project, mut server)) = shop() else { return };
    project.succeed(&["apply", "--auto-approve"]);
    let manifests = project.files("out/beijing");

    // Nothing is planned of what cannot be read, and so nothing that it depends on is taken away.
    server.stop();
    project.refused(&["destroy", "--auto-approve"], "cannot read the zone");
    project.refused(&["plan"], "cannot read the zone");
    assert_eq!(project.files("out/beijing"), manifests);
    server.run();
    assert_eq!(server.ask("shop.example.com", "A"), ["192.0.2.80"]);
    project.is_settled();
}

#[test]
fn many_records_are_few_messages_and_not_deleted_by_mistake() {
    let Some((project, server)) = shop() else { return };
    let before = server.serial("example.com");
    project.succeed(&["apply", "--auto-approve", "--var=many=1000"]);
    assert_eq!(server.ask("many999.example.com", "A"), ["192.0.2.1"]);
    // The server counts a serial for each message.
    let messages = server.serial("example.com") - before;
    assert!(messages < 10, "{messages} messages");

    let said = project.refused(&["apply", "--auto-approve", "--var=many=600"], "More would be deleted than may be");
    assert!(said.all().contains("400 of the 1002"), "{}", said.all());
    assert_eq!(server.ask("many999.example.com", "A"), ["192.0.2.1"]);
    project.succeed(&["apply", "--auto-approve", "--var=many=701"]);
    project.succeed(&["apply", "--auto-approve", "--var=many=1", "--var=max_delete=100%"]);
    // Of a few, all may go.
    project.succeed(&["apply", "--auto-approve"]);
    project.succeed(&["destroy", "--auto-approve"]);
    assert_eq!(server.ask("many0.example.com", "A"), [""; 0]);
    assert_eq!(server.ask("foreign.example.com", "A"), ["192.0.2.99"]);
}

const SITES: &str = r#"
variable "server" {}

variable "registries" {
  default = {
    beijing  = "192.0.2.10"
    shanghai = "192.0.2.20"
  }
}

dns_zone "site" {
  for_each    = var.registries
  name        = "example.org"
  nameservers = ["ns1.example.net"]
  owner       = "registry"
  rfc2136 {
    server = var.server
    key    = "${each.key}:c2VjcmV0LW9mLXRoZS10ZXN0cw=="
  }
}

dns_zone "reverse" {
  for_each    = { beijing = "beijing" }
  name        = "2.0.192.in-addr.arpa"
  nameservers = ["ns1.example.net"]
  rfc2136 {
    server = var.server
    key    = "${each.key}:c2VjcmV0LW9mLXRoZS10ZXN0cw=="
  }
}

dns_record "registry" {
  for_each = var.registries
  zone     = dns_zone.site[each.key]
  name     = "registry"
  type     = "A"
  values   = [each.value]
}

dns_record "mail" {
  zone    = dns_zone.site
  name    = "mail"
  type    = "A"
  values  = ["192.0.2.25"]
  reverse = dns_zone.reverse["beijing"]
}
"#;

#[test]
fn each_site_has_its_own_answer() {
    let sites = ["beijing", "shanghai"];
    let view = |home: &std::path::Path, site: &str| {
        let zone = |zone: &str| {
            let file = home.join(format!("{site}-{zone}"));
            let records = "$TTL 3600\n@ IN SOA ns1.example.net. hostmaster.example.com. 7 7200 900 1209600 300\n\
                           @ IN NS ns1.example.net.\n";
            std::fs::write(&file, records).expect("writes");
            format!(
                "zone \"{zone}\" {{ type primary; file \"{}\"; allow-transfer {{ key {site}; }}; \
                 update-policy {{ grant {site} zonesub ANY; }}; }};\n",
                file.display()
            )
        };
        let zones = ["example.org", "2.0.192.in-addr.arpa"].map(zone).concat();
        let key = format!("key {site} {{ algorithm hmac-sha256; secret \"c2VjcmV0LW9mLXRoZS10ZXN0cw==\"; }};\n");
        format!("{key}view {site} {{ match-clients {{ key {site}; }};\n{zones}}};\n")
    };
    let Some(server) = Named::start(|home| sites.map(|site| view(home, site)).concat()) else { return };
    let project = Project::new(SITES);
    project.write("portolan.vars.hcl", format!("server = \"{}\"\n", server.address()));
    project.succeed(&["apply", "--auto-approve"]);
    project.is_settled();
    let key = |site: &str| format!("hmac-sha256:{site}:c2VjcmV0LW9mLXRoZS10ZXN0cw==");
    for (site, address) in [("beijing", "192.0.2.10"), ("shanghai", "192.0.2.20")] {
        assert_eq!(server.ask_as(&key(site), "registry.example.org", "A"), [address]);
        assert_eq!(server.ask_as(&key(site), "mail.example.org", "A"), ["192.0.2.25"], "one record, in both views");
    }
    assert_eq!(server.ask_as(&key("beijing"), "25.2.0.192.in-addr.arpa", "PTR"), ["mail.example.org."]);

    // What was made is known when the state is lost, and what is marked goes with its mark.
    std::fs::remove_dir_all(project.path(".portolan")).expect("is removed");
    project.succeed(&["apply", "--auto-approve"]);
    project.succeed(&["destroy", "--auto-approve"]);
    assert_eq!(server.ask_as(&key("beijing"), "registry.a._portolan.example.org", "TXT"), [""; 0]);
    assert_eq!(server.ask_as(&key("beijing"), "registry.example.org", "A"), [""; 0]);
}

const ALIAS: &str = r#"
variable "server" {}

variable "target" {
  default = "www.example.net"
}

dns_zone "corp" {
  name        = "example.com"
  nameservers = ["ns1.example.net"]
  resolver    = var.server
  rfc2136 {
    server = var.server
    key    = "KEY"
  }
}

dns_record "top" {
  zone   = dns_zone.corp
  name   = "@"
  type   = "ALIAS"
  ttl    = 60
  values = [var.target]
}
"#;

#[test]
fn an_alias_has_the_addresses_of_another_name() {
    let others = "ns1 IN A 192.0.2.53\nwww IN CNAME cdn\ncdn IN A 192.0.2.1\ncdn IN A 192.0.2.2\ncdn IN AAAA 2001:db8::1\n\
                  text IN TXT \"no address\"\n";
    let Some(mut server) = Named::dynamic(&[("example.com", ""), ("example.net", others)]) else { return };
    let project = Project::new(ALIAS.replace("KEY", Named::KEY));
    project.write("portolan.vars.hcl", format!("server = \"{}\"\n", server.address()));
    project.succeed(&["apply", "--auto-approve"]);
    assert_eq!(server.ask("example.com", "A"), ["192.0.2.1", "192.0.2.2"]);
    assert_eq!(server.ask("example.com", "AAAA"), ["2001:db8::1"]);
    project.is_settled();

    // It follows.
    server.change("example.net", "update delete cdn.example.net. A 192.0.2.2\nupdate delete cdn.example.net. AAAA");
    let said = project.succeed(&["apply", "--auto-approve"]);
    assert!(said.all().contains("dns_record.top/aaaa"), "{}", said.all());
    assert_eq!(server.ask("example.com", "A"), ["192.0.2.1"]);
    assert_eq!(server.ask("example.com", "AAAA"), [""; 0]);
    project.is_settled();

    // What is not there any more, or cannot be asked, takes nothing away.
    project.refused(&["plan", "--var=target=nowhere.example.net"], "there is no nowhere.example.net");
    project.refused(&["plan", "--var=target=text.example.net"], "no address of text.example.net");
    server.stop();
    project.refused(&["plan"], "gave no answer about www.example.net");
    server.run();
    assert_eq!(server.ask("example.com", "A"), ["192.0.2.1"]);
}
