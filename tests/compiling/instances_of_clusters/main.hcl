# Clusters with for_each and count, in placements and as connections.

variable "regions" {
  default = { north = "4", south = "8" }
}

cluster "site" {
  for_each = var.regions
  region   = each.key
  directory {
    path = "out/${each.key}"
  }
  capacity {
    cpu  = each.value
    pods = 100
  }
}

cluster "edge" {
  count = 2
  directory {
    path = "out/edge-${count.index}"
  }
}

application "all" {
  network_policy = false
  placement {
    clusters = values(cluster.site)
  }
  service "web" {
    image    = "shop/web:1"
    replicas = 3
    resources {
      cpu    = "1"
      memory = "1Gi"
    }
  }
}

application "some" {
  network_policy = false
  placement {
    clusters = concat([for site in cluster.site : site if site.region == "south"], cluster.edge)
    strategy = "duplicated"
  }
  service "web" {
    image = "shop/web:1"
    resources {
      cpu    = "1"
      memory = "1Gi"
    }
  }
}

application "one" {
  for_each       = cluster.site
  namespace      = "one-${each.key}"
  network_policy = false
  placement {
    clusters = [cluster.site[each.key], cluster.edge[1]]
    strategy = "weighted"
    weights  = { "site.${each.key}" = 2, "edge.1" = 1 }
  }
  service "web" {
    image    = "shop/web:1"
    replicas = 3
    resources {
      cpu    = "1"
      memory = "1Gi"
    }
  }
}

resource "kubernetes_object" "each" {
  for_each = var.regions
  provider = cluster.site[each.key]
  manifest = {
    apiVersion = "v1"
    kind       = "ConfigMap"
    metadata   = { name = "region", namespace = "default" }
    data       = { region = each.key }
  }
}

resource "kubernetes_object" "north" {
  provider = cluster.site["north"]
  manifest = {
    apiVersion = "v1"
    kind       = "ConfigMap"
    metadata   = { name = "north", namespace = "default" }
  }
}

resource "kubernetes_object" "edge" {
  count    = 2
  provider = cluster.edge[1 - count.index]
  manifest = {
    apiVersion = "v1"
    kind       = "ConfigMap"
    metadata   = { name = "edge-${count.index}", namespace = "default" }
  }
}
