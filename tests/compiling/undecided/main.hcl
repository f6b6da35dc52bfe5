# What decides what there will be, and depends on something that is not there yet.

resource "terraform_data" "later" {
  input = { text = "x", number = 1 }
}

locals {
  is_large = terraform_data.later.output.number > 1
  unset    = terraform_data.later.output.text
}

cluster "a" {
  directory {
    path = "out/a"
  }
}

cluster "b" {
  directory {
    path = "out/b"
  }
}

cluster "later" {
  directory {
    path = local.unset
  }
}

nginx "edge" {
  directory {
    path = "out/edge"
  }
}

dns_zone "corp" {
  name        = local.unset
  nameservers = ["ns.example.com"]
  directory {
    path = "out/zones"
  }
}

application "clusters" {
  placement {
    clusters = local.is_large ? [cluster.a] : [cluster.b]
  }
}

application "elements" {
  placement {
    clusters = [local.is_large ? cluster.a : cluster.b]
  }
}

application "rules" {
  placement {
    clusters        = [cluster.a]
    strategy        = local.unset
    max_per_cluster = terraform_data.later.output.number
  }
}

application "weights" {
  placement {
    clusters = [cluster.a, cluster.b]
    strategy = "weighted"
    weights  = { a = terraform_data.later.output.number, b = 1 }
  }
}

application "all-weights" {
  placement {
    clusters = [cluster.a, cluster.b]
    strategy = "weighted"
    weights  = terraform_data.later.output.weights
  }
}

application "services" {
  namespace = local.unset
  placement {
    clusters = [cluster.a]
  }
  service "web" {
    kind     = local.unset
    image    = "web:1"
    replicas = terraform_data.later.output.number
    runtime  = local.unset
    resources {
      cpu    = "1"
      memory = "1Gi"
    }
  }
}

application "there" {
  placement {
    clusters = [cluster.a]
  }
  external "one" {
    addresses = ["192.0.2.1:80"]
  }
  external "two" {
    addresses = ["192.0.2.2:80"]
  }
}

route "fleet" {
  nginx = local.is_large ? nginx.edge : nginx.edge
  hosts = ["a.example.com"]
  location "/" {
    to = local.is_large ? application.there.external.one : application.there.external.two
  }
}

route "words" {
  nginx = nginx.edge
  hosts = ["b.example.com"]
  location "/" {
    match = local.unset
    to    = application.there.external.one
  }
  location "/two" {
    balance = local.unset
    to      = application.there.external.two
  }
}

dns_record "zone" {
  zone   = local.is_large ? dns_zone.corp : dns_zone.corp
  name   = local.unset
  type   = local.unset
  values = ["192.0.2.1"]
}

resource "kubernetes_object" "later" {
  provider = cluster.later
  manifest = { apiVersion = "v1", kind = "Namespace", metadata = { name = "x" } }
}
