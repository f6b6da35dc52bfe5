# A record waits for the route that serves its name, unless the route waits for the record.

cluster "a" {
  directory {
    path = "out/a"
  }
}

application "shop" {
  placement {
    clusters = [cluster.a]
  }

  external "old" {
    addresses = ["192.0.2.10:8080"]
  }
}

nginx "edge" {
  version   = "1.22"
  addresses = ["192.0.2.80"]

  directory {
    path = "out/edge"
  }
}

dns_zone "corp" {
  name        = "example.com"
  nameservers = ["ns1.example.net"]

  directory {
    path = "out/names"
  }
}

route "plain" {
  nginx = nginx.edge
  hosts = ["Plain.example.com", "example.com"]

  location "/" {
    to = application.shop.external.old
  }
}

route "named" {
  nginx = nginx.edge
  hosts = ["${dns_record.named.name}.example.com"]

  location "/" {
    to = application.shop.external.old
  }
}

dns_record "plain" {
  zone   = dns_zone.corp
  name   = "plain"
  type   = "A"
  values = nginx.edge.addresses
}

dns_record "apex" {
  zone   = dns_zone.corp
  name   = "@"
  type   = "A"
  values = nginx.edge.addresses
}

dns_record "named" {
  zone   = dns_zone.corp
  name   = "named"
  type   = "A"
  values = nginx.edge.addresses
}

dns_record "text" {
  zone   = dns_zone.corp
  name   = "plain.example.com."
  type   = "TXT"
  values = ["nobody is reached by it"]
}
