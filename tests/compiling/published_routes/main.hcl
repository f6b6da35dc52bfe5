# What a fleet publishes comes after all its routes and after what they wait for; a record waits for
# it, and who refers to the fleet does not.

cluster "a" {
  node_addresses = ["192.0.2.1"]

  directory {
    path = "out/a"
  }
}

application "shop" {
  placement {
    clusters = [cluster.a]
  }

  service "web" {
    image    = "shop/web:1"
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
  version   = "1.22"
  addresses = ["192.0.2.80"]

  etcd {
    endpoints = ["https://192.0.2.5:2379"]
    prefix    = "/portolan/edge"
    nodes     = 3
  }
}

nginx "files" {
  directory {
    path = "out/files"
  }
}

dns_zone "corp" {
  name        = "example.com"
  nameservers = ["ns1.example.net"]

  directory {
    path = "out/names"
  }
}

route "web" {
  nginx = nginx.edge
  hosts = ["web.example.com"]

  tls {
    certificate = "certificate"
    key         = "key"
  }
  location "/" {
    to = application.shop.service.web
  }
}

route "files" {
  nginx = nginx.files
  hosts = ["files.example.com"]

  location "/" {
    to = application.shop.service.web
  }
}

dns_record "web" {
  zone   = dns_zone.corp
  name   = "web"
  type   = "A"
  values = nginx.edge.addresses
}

dns_record "files" {
  zone   = dns_zone.corp
  name   = "files"
  type   = "CNAME"
  values = ["web"]
}
