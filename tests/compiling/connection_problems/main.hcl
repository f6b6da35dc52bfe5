# What is told about connections once their keys are evaluated.

resource "terraform_data" "later" {}

cluster "site" {
  for_each = toset(["a", "a b", "a_b"])
  directory {
    path = "out/${each.key}"
  }
}

dns_zone "corp" {
  name        = "example.com"
  nameservers = ["ns.example.com"]
  directory {
    path = "out/zones"
  }
}

resource "kubernetes_object" "absent" {
  provider = cluster.site["b"]
  manifest = { apiVersion = "v1", kind = "Namespace", metadata = { name = "x" } }
}

resource "kubernetes_object" "number" {
  for_each = toset(["a"])
  provider = cluster.site[length(each.key)]
  manifest = { apiVersion = "v1", kind = "Namespace", metadata = { name = "x" } }
}

resource "kubernetes_object" "no_key" {
  provider = cluster.site[null]
  manifest = { apiVersion = "v1", kind = "Namespace", metadata = { name = "x" } }
}

resource "kubernetes_object" "other" {
  provider = dns_zone.corp
  manifest = { apiVersion = "v1", kind = "Namespace", metadata = { name = "x" } }
}

resource "kubernetes_object" "nowhere" {
  manifest = { apiVersion = "v1", kind = "Namespace", metadata = { name = "x" } }
}

resource "kubernetes_object" "unknown" {
  provider = cluster.site[terraform_data.later.id]
  manifest = { apiVersion = "v1", kind = "Namespace", metadata = { name = "x" } }
}

application "names" {
  placement {
    clusters = [cluster.site["a b"], cluster.site["a_b"]]
    strategy = "duplicated"
  }
}

# Clusters of modules have the names of the modules before their own.
module "region" {
  source   = "./region"
  for_each = toset(["eu", "us"])
  name     = each.key
}

application "regions" {
  network_policy = false
  placement {
    clusters = [for region in module.region : region.cluster]
    strategy = "duplicated"
  }
  service "web" {
    image = "web:1"
    resources {
      cpu    = "1"
      memory = "1Gi"
    }
  }
}
