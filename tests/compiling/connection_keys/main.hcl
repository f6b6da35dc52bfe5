# What is told about keys of connections before anything is evaluated.

cluster "one" {
  directory {
    path = "out/one"
  }
}

cluster "site" {
  for_each = toset(["a"])
  directory {
    path = "out/${each.key}"
  }
}

resource "kubernetes_object" "missing" {
  provider = cluster.site
  manifest = {}
}

resource "kubernetes_object" "unexpected" {
  provider = cluster.one["a"]
  manifest = {}
}

resource "kubernetes_object" "undeclared" {
  provider = cluster.sites["a"]
  manifest = {}
}

resource "kubernetes_object" "context" {
  provider = cluster.site[each.key]
  manifest = {}
}
