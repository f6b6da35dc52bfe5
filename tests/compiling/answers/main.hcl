cluster "beijing" {
  directory {
    path = "out/beijing"
  }
  capacity {
    cpu    = "48"
    memory = "192Gi"
    pods   = 300
  }
}

cluster "shanghai" {
  directory {
    path = "out/shanghai"
  }
  capacity {
    cpu    = "16"
    memory = "64Gi"
    pods   = 100
  }
}

application "shop" {
  placement {
    clusters = [cluster.beijing, cluster.shanghai]
    strategy = "weighted"
    weights  = { beijing = 3, shanghai = 1 }
  }
  service "web" {
    image    = "shop/web:1"
    replicas = 8
    resources {
      cpu    = "100m"
      memory = "64Mi"
    }
  }
}

variable "entrances" {
  default = {
    beijing  = "192.0.2.80"
    shanghai = "198.51.100.80"
  }
}

dns_zone "view" {
  for_each    = toset(["a", "b", "c", "d"])
  name        = "example.org"
  nameservers = ["ns1.example.net"]
  directory {
    path = "out/${each.key}"
  }
}

dns_zone "reverse" {
  name        = "2.0.192.in-addr.arpa"
  nameservers = ["ns1.example.net"]
  directory {
    path = "out/reverse"
  }
}

# As many views as replicas are in each cluster.
dns_record "web" {
  zone    = dns_zone.view
  name    = "web"
  type    = "A"
  weights = { for cluster, address in var.entrances : address => application.shop.service.web.clusters[cluster] }
}

# One that has no weight has no view.
dns_record "drained" {
  zone    = dns_zone.view
  name    = "drained"
  type    = "CNAME"
  weights = { "one.example.net" = 0, "two.example.net" = 5 }
}

dns_record "registry" {
  zone    = dns_zone.view
  name    = "registry"
  type    = "A"
  values  = ["192.0.2.5"]
  answers = { b = ["192.0.2.6", "192.0.2.7"], c = [] }
  reverse = dns_zone.reverse
}

output "registries" {
  value = dns_record.registry.values
}
