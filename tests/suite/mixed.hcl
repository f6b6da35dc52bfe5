# Everything that a directory can take, with dependencies between all kinds. The test puts the
# number in.
locals {
  size = SIZE
}

cluster "a" {
  node_addresses = ["192.0.2.1"]
  directory {
    path = "out/a"
  }
  capacity {
    cpu    = "96"
    memory = "384Gi"
    pods   = 6600
  }
}

cluster "b" {
  node_addresses = ["192.0.2.2"]
  directory {
    path = "out/b"
  }
  capacity {
    cpu    = "48"
    memory = "192Gi"
    pods   = 3300
  }
}

application "shop" {
  for_each  = toset([for n in range(4) : "shop-${n}"])
  namespace = each.key

  placement {
    clusters = [cluster.a, cluster.b]
  }

  service "web" {
    image      = "web:1"
    replicas   = 4
    depends_on = [service.api]

    port "http" {
      number = 8080
    }
    resources {
      cpu    = "100m"
      memory = "64Mi"
    }
  }

  service "api" {
    image    = "api:1"
    replicas = 3

    port "http" {
      number = 8080
    }
    resources {
      cpu    = "100m"
      memory = "64Mi"
    }
    config = {
      "a.yaml" = "x: ${terraform_data.thing[0].output}"
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

dns_zone "corp" {
  name        = "example.com"
  nameservers = ["ns1.example.net"]
  directory {
    path = "out/names"
  }
}

dns_record "each" {
  count  = local.size
  zone   = dns_zone.corp
  name   = "host${count.index}"
  type   = "A"
  ttl    = 60
  values = nginx.edge.addresses
}

resource "terraform_data" "thing" {
  count = local.size
  input = "thing ${count.index}"
}

resource "terraform_data" "after" {
  count = local.size
  input = terraform_data.thing[count.index].output
}
